"""A file that appears whole, or not at all."""

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

MODE = 0o600


class NewFile:
    """Written beside its place, readable by its owner alone, and put there when the block ends without an error.

    It replaces a file that is there. Raises OSError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._beside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}.part")

    def __enter__(self) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        self._file = os.fdopen(os.open(self._beside, flags, MODE), "wb", buffering=0)
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_placed = False
        try:
            with self._file:
                if error is None:
                    os.fsync(self._file.fileno())
            if error is None:
                os.replace(self._beside, self._path)
                is_placed = True
        finally:
            if not is_placed:
                self._beside.unlink(missing_ok=True)
