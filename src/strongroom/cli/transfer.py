"""Works through planned files, one after the other: what goes wrong with one does not stop the others.

Only when the keys that all would be encrypted under are not reached, which each would wait for, none is tried any more.
"""

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from strongroom.base.errors import OperatorError
from strongroom.cli.kms_connection import is_unreachable
from strongroom.cli.planned_files import STANDARD, Plan, PlannedFile
from strongroom.cli.transfer_progress import TransferProgress
from strongroom.client.new_file import NotReplaced, new_file

FAILED = 1

Work = Callable[[io.FileIO, io.FileIO, Callable[[int], None]], None]
"""Reads a source, writes a target, and tells how many bytes it is further."""


def transfer(plan: Plan, work: Work, *, mode: int, replaces: bool, failures: tuple[type[Exception], ...]) -> None:
    """Do `work` on each file, and exit with status 1 when one failed with one of `failures`, or could not be used.

    Results get `mode`, less the umask, and appear when they are whole.
    """
    failed = False
    expected: tuple[type[Exception], ...] = (OSError, *failures)
    with TransferProgress(_total(plan.files)) as progress:
        for words in plan.passed_over:
            progress.tell(f"{words}, and is passed over")
        for number, file in enumerate(plan.files, 1):
            name = "standard input" if file.source is STANDARD else str(file.source)
            progress.begin(name)
            try:
                _transfer_one(file, work, progress.advance, mode, replaces)
            except expected as error:
                progress.tell(f"{name}: {_words(file, error)}")
                failed = True
                if is_unreachable(error):
                    if number < len(plan.files):
                        progress.tell(f"KMS is not reached; files that were not tried: {len(plan.files) - number}")
                    break
    if failed:
        sys.exit(FAILED)


def _transfer_one(file: PlannedFile, work: Work, advance: Callable[[int], None], mode: int, replaces: bool) -> None:
    with _source(file) as source:
        if file.target is STANDARD:
            with io.FileIO(descriptor_of(sys.stdout), "wb", closefd=False) as target:
                work(source, target, advance)
            return
        file.target.parent.mkdir(parents=True, exist_ok=True)
        with new_file(file.target, mode, replaces=replaces) as target:
            work(source, target, advance)


@contextmanager
def _source(file: PlannedFile) -> Iterator[io.FileIO]:
    if file.source is STANDARD:
        with io.FileIO(descriptor_of(sys.stdin), "rb", closefd=False) as source:
            yield source
        return
    with io.FileIO(os.open(file.source, os.O_RDONLY | os.O_CLOEXEC), "rb") as source:
        yield source


def descriptor_of(stream: TextIO | None) -> int:
    """Return the descriptor of a standard stream. Raises OSError when it was closed before we began."""
    if stream is None:
        # Whatever has its number by now is something else.
        raise OSError(errno.EBADF, "it is closed")
    return stream.fileno()


def _words(file: PlannedFile, error: Exception) -> str:
    if isinstance(error, FileExistsError) and error.filename == str(file.target.parent):
        return f"{file.target.parent} is not a folder"
    if isinstance(error, NotReplaced):
        return f"{file.target} is not a regular file, and is not replaced"
    if isinstance(error, FileExistsError):
        return f"{file.target} is there already; --force replaces it"
    if file.target is STANDARD and sys.stdout is None:
        return "standard output is closed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename in (None, str(file.source)) else f"{error.filename}: {error.strerror}"
    told = " ".join(str(error).split())
    if file.target is STANDARD:
        return f"{told.rstrip('.')}; standard output does not have all of it"
    return told


def _total(files: Sequence[PlannedFile]) -> int | None:
    """Return how many bytes are to be read, None where nobody knows."""
    total = 0
    for source, _ in files:
        try:
            if source is STANDARD or not source.is_file():
                return None
            total += source.stat().st_size
        except OSError:
            continue
    return total


def check_terminal(plan: Plan, *, is_asked_for: bool) -> None:
    """Raise OperatorError when encrypted bytes would go to a terminal, unless they are asked for."""
    to_terminal = any(file.target is STANDARD for file in plan.files) and sys.stdout is not None and sys.stdout.isatty()
    if to_terminal and not is_asked_for:
        raise OperatorError("standard output is a terminal: name a file with --output, or - to have it there")
