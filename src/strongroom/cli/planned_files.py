"""Which files a command reads, and what each becomes."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cyclopts import Parameter, Token

from strongroom.base.errors import OperatorError

STANDARD = Path("-")
"""Standard input, or standard output: this very object, for a file may be called so, too."""

ENCRYPTED = ".encrypted"
DECRYPTED = ".decrypted"


class PlannedFile(NamedTuple):
    """A file to read and one to write; `STANDARD` for standard input and output."""

    source: Path
    target: Path


class Plan(NamedTuple):
    """What is to be done, and what in folders is passed over, in words."""

    files: list[PlannedFile]
    passed_over: list[str]


class Naming(NamedTuple):
    """What the result of a file is called, which files in a folder are meant, and what is told of the others.

    `others` None tells nothing.
    """

    renamed: Callable[[str], str]
    is_meant: Callable[[str], bool]
    others: str | None = None


def _decrypted_name(name: str) -> str:
    shorter = name.removesuffix(ENCRYPTED)
    return shorter if shorter not in ("", name) else name + DECRYPTED


ENCRYPTING = Naming(
    lambda name: name + ENCRYPTED, lambda name: not name.endswith(ENCRYPTED), others="is encrypted, by its name"
)
DECRYPTING = Naming(_decrypted_name, lambda name: name.endswith(ENCRYPTED))


def path_named(_: object, tokens: Sequence[Token]) -> Path:
    """Return what a word on the command line names: `-` is STANDARD, `./-` and `./--x` are files.

    Raises OperatorError for what was meant to be an option.
    """
    word = tokens[0].value
    if word.startswith("--"):
        raise OperatorError(f"there is no option {word}")
    return STANDARD if word == str(STANDARD) else Path(word)


A_FILE = Parameter(allow_leading_hyphen=True, converter=path_named)


def planned(sources: Sequence[Path], output: Path | None, naming: Naming) -> Plan:
    """Return what becomes of `sources`: files, folders, `STANDARD`.

    Without `output`, results stand beside their sources. With it they are in that folder, those from folders in the
    same tree; a single source that is no folder may become a file of that name. Raises OperatorError for what cannot
    be meant: two results of one name, or a result in the place of a source.
    """
    if not sources:
        raise OperatorError("name at least one file or folder, or - for standard input")
    for source in sources:
        if source is not STANDARD and not os.path.lexists(source):
            raise OperatorError(f"there is no file {source}")
    passed_over: list[str] = []
    files = list(_files(sources, output, naming, passed_over))
    _check_targets(files)
    return Plan(files, passed_over)


def _files(
    sources: Sequence[Path], output: Path | None, naming: Naming, passed_over: list[str]
) -> Iterator[PlannedFile]:
    folders = [source for source in sources if source is not STANDARD and source.is_dir()]
    is_file = output is not None and not output.is_dir() and len(sources) == 1 and not folders
    if output is STANDARD and not is_file:
        raise OperatorError("only one file goes to standard output")
    if output is not None and not is_file and output.exists() and not output.is_dir():
        raise OperatorError(f"{output} is not a folder")
    for source in sources:
        if is_file and output is not None:
            yield PlannedFile(source, output)
        elif source is STANDARD:
            if output is not None:
                raise OperatorError("what comes from standard input needs a file's name as --output")
            yield PlannedFile(source, STANDARD)
        elif source in folders:
            for path in _walk(source, output, naming, passed_over):
                directory = path.parent if output is None else output / path.parent.relative_to(source)
                yield PlannedFile(path, directory / naming.renamed(path.name))
        else:
            yield PlannedFile(source, (output or source.parent) / naming.renamed(source.name))


def _walk(folder: Path, output: Path | None, naming: Naming, passed_over: list[str]) -> Iterator[Path]:
    """Yield the files in a folder and those below it, in order; links to files, too, but not what links lead into."""
    own = None if output is None else os.path.realpath(output)

    def fail(error: OSError) -> None:
        raise OperatorError(f"{error.filename} cannot be read: {error.strerror}")

    for root, directories, names in os.walk(folder, onerror=fail):
        links = [name for name in directories if Path(root, name).is_symlink()]
        passed_over += [f"{Path(root, name)} is a link to a folder" for name in links]
        directories[:] = sorted(
            name for name in directories if name not in links and os.path.realpath(Path(root, name)) != own
        )
        for name in sorted(names):
            path = Path(root, name)
            if not naming.is_meant(name):
                passed_over += [f"{path} {naming.others}"] if naming.others else []
            elif _is_regular(path):
                yield path
            else:
                passed_over.append(f"{path} is not a regular file")


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _check_targets(files: Sequence[PlannedFile]) -> None:
    sources = {os.path.realpath(file.source) for file in files if file.source is not STANDARD}
    targets: dict[str, Path] = {}
    for source, target in files:
        if target is STANDARD and len(files) > 1 and source is not STANDARD:
            raise OperatorError("only one file goes to standard output")
        place = "-" if target is STANDARD else os.path.realpath(target)
        if place in sources:
            raise OperatorError(f"{target} is to be read, and is not written as well")
        if place in targets:
            raise OperatorError(f"{source} and {targets[place]} would both become {target}")
        targets[place] = source
