"""Code and layers as files, in memory: one copy for all environments that run the same, removed with the last one."""

import asyncio
import os
from pathlib import Path

from strongroom.operations.house import House
from strongroom.runners.memory_directory import memory_directory
from strongroom.runners.trees import remove_tree
from strongroom.services.lambda_.code import read_code, read_layers
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.zip_archives import unpack

Key = tuple[str, ...]


class UnpackedCode:
    """A copy: `task` is what belongs at /var/task, `layers` at /opt, laid upon each other in their order."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.users = 0
        self.directory: Path | None = None
        self.lock = asyncio.Lock()

    @property
    def task(self) -> Path:
        """The directory of the function's own files."""
        return self._made / "task"

    @property
    def layers(self) -> Path:
        """The directory of the layers' files."""
        return self._made / "opt"

    @property
    def _made(self) -> Path:
        if self.directory is None:
            raise RuntimeError("the code was not unpacked")
        return self.directory


class UnpackedCodes:
    """The copies that one house has. Whoever takes one gives it back."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._copies: dict[Key, UnpackedCode] = {}

    async def take(self, version: FunctionVersion) -> UnpackedCode:
        """Return the copy of a version's code. Raises OSError where memory is short, NoMemoryFileSystem without any."""
        key = (version.code.code_id, *(layer.code.code_id for layer in version.layers))
        copy = self._copies.get(key)
        if copy is None:
            copy = self._copies[key] = UnpackedCode(key)
        copy.users += 1
        try:
            async with copy.lock:
                if copy.directory is None:
                    code, layers = await read_code(self._house, version), await read_layers(self._house, version)
                    copy.directory = await asyncio.to_thread(_unpack, code, layers)
        except BaseException:
            await self.give_back(copy)
            raise
        return copy

    async def give_back(self, copy: UnpackedCode) -> None:
        """Take note that an environment has no use for a copy any more."""
        copy.users -= 1
        if copy.users == 0:
            self._copies.pop(copy.key, None)
            if copy.directory is not None:
                await asyncio.to_thread(remove_tree, copy.directory)


def _unpack(code: bytes, layers: list[bytes]) -> Path:
    made = memory_directory().make("code")
    try:
        task, opt = made / "task", made / "opt"
        task.mkdir()
        opt.mkdir()
        unpack(code, task)
        for number, layer in enumerate(layers):
            # Layers are unpacked beside each other, and then moved into one: nothing is written through a link.
            own = made / f"layer{number}"
            own.mkdir()
            unpack(layer, own)
            _lay_upon(own, opt)
        _let_all_read(task)
        _let_all_read(opt)
    except BaseException:
        remove_tree(made)
        raise
    return made


def _lay_upon(upper: Path, lower: Path) -> None:
    """Move what is in one directory into another; what is there already gives way."""
    for entry in list(upper.iterdir()):
        below = lower / entry.name
        if entry.is_dir() and not entry.is_symlink() and below.is_dir() and not below.is_symlink():
            _lay_upon(entry, below)
            continue
        if below.is_symlink() or below.is_file():
            below.unlink()
        elif below.exists():
            remove_tree(below)
        entry.rename(below)
    upper.rmdir()


def _let_all_read(directory: Path) -> None:
    # Directories are made under the server's own mask, which leaves nobody else in.
    for path, _, _ in os.walk(directory):
        Path(path).chmod(0o755)
