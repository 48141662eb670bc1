"""Files that appear under their name when they are whole and on disk, and never otherwise."""

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from strongroom.base.buffer import Buffer

BEGUN_BYTES = 32 * 1024 * 1024

_UNSUPPORTED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class NotReplaced(FileExistsError):  # noqa: N818 (it says what happened)
    """What has the name is no regular file: a device, pipe, link or folder, which a file does not take the place of."""

    def __init__(self, target: Path) -> None:
        super().__init__(errno.EEXIST, "is no regular file, and is not replaced", str(target))

    def __reduce__(self) -> tuple[type["NotReplaced"], tuple[Path]]:
        return NotReplaced, (Path(self.filename),)


@contextlib.contextmanager
def new_file(target: Path, mode: int, *, replaces: bool) -> Iterator[io.FileIO]:
    """Give an unbuffered file in the target's directory; it becomes `target` when the block ends without an error.

    Unless it `replaces` what is there, a file that is there stays; what is no regular file always does. Where the
    kernel can, the file has no name until then, so that nothing is left of it, however this process ends. Raises
    FileExistsError, NotReplaced, and other OSError.
    """
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Told before the work; whether the name may still be taken is decided when it is.
        _check_name(target, directory, replaces=replaces)
        with _unnamed_or_hidden(directory, mode) as (file, link_from):
            yield file
            os.fsync(file.fileno())
            _take_name(link_from, target, directory, replaces=replaces)
    finally:
        os.close(directory)


class _BegunFile(io.FileIO):
    """A new file that the kernel puts on disk as it grows, so that little is left to wait for at its end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb")
        self._written = self._begun = 0

    def write(self, content: Buffer, /) -> int:  # type: ignore[override]
        """Write some bytes, and return how many."""
        self._written += (count := super().write(content))
        if self._written - self._begun >= BEGUN_BYTES and hasattr(os, "posix_fadvise"):
            # Advised that these pages are not needed, Linux begins to write them, and drops none that is not written.
            os.posix_fadvise(self.fileno(), self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = self._written
        return count


@contextlib.contextmanager
def _unnamed_or_hidden(directory: int, mode: int) -> Iterator[tuple[io.FileIO, str]]:
    """Give a file and the path that it can be linked from: one without a name, else one with a hidden name."""
    descriptor = _open_unnamed(directory, mode)
    if descriptor is not None:
        with _BegunFile(descriptor) as file:
            yield file, f"/proc/self/fd/{descriptor}"
        return
    name = _hidden_name()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _BegunFile(os.open(name, flags, mode, dir_fd=directory)) as file:
        try:
            yield file, name
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)


def _open_unnamed(directory: int, mode: int) -> int | None:
    if not hasattr(os, "O_TMPFILE") or not os.path.exists("/proc/self/fd"):
        return None
    try:
        return os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.EISDIR, *_UNSUPPORTED):
            return None
        raise


def _take_name(link_from: str, target: Path, directory: int, *, replaces: bool) -> None:
    if replaces:
        _check_name(target, directory, replaces=True)
        name = _hidden_name()
        if _link(link_from, name, directory):
            try:
                os.replace(name, target.name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                os.unlink(name, dir_fd=directory)
                raise
            return
    elif _link(link_from, target.name, directory):
        return
    # A file system without links: only a hidden file comes here, for one without a name has been linked.
    _check_name(target, directory, replaces=replaces)
    os.replace(link_from, target.name, src_dir_fd=directory, dst_dir_fd=directory)


def _link(link_from: str, name: str, directory: int) -> bool:
    """Give a file a name that nothing has, and return True; False where the file system has no links."""
    try:
        # Naming a directory makes Python use linkat(2), which alone follows the link in /proc to the file.
        os.link(link_from, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=True)
    except OSError as error:
        if error.errno in _UNSUPPORTED and not link_from.startswith("/proc/"):
            return False
        raise
    return True


def _check_name(target: Path, directory: int, *, replaces: bool) -> None:
    """Raise NotReplaced or FileExistsError when a new file may not have the name."""
    try:
        mode = os.lstat(target.name, dir_fd=directory).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise NotReplaced(target)
    if not replaces:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _hidden_name() -> str:
    return f".strongroom-{secrets.token_hex(8)}"
