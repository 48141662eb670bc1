"""Ready-made rotation functions as zip files, for Lambda: our modules, the database's driver, nothing else.

The same code gives the same bytes, so that a function is updated only when something of it has changed.
"""

import io
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import NamedTuple

from strongroom.base.errors import OperatorError

_PACKAGE = "rotation_functions"
_AUTHORITY = f"{_PACKAGE}/database-ca.pem"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_READABLE, _EXECUTABLE = 0o100644 << 16, 0o100755 << 16


class ReadyMade(NamedTuple):
    """A ready-made function. `distributions` are what its driver is made of, as they are installed here.

    `needs_superuser` says that a superuser's secret takes part.
    """

    name: str
    summary: str
    entry_point: str
    distributions: tuple[str, ...]
    needs_superuser: bool

    @property
    def handler(self) -> str:
        """What Lambda calls."""
        return f"{_PACKAGE}.handlers.{self.entry_point}"


_POSTGRESQL = ("psycopg", "psycopg-binary", *(("typing-extensions",) if sys.version_info < (3, 13) else ()))
_MYSQL = ("pymysql",)

READY_MADE = {
    each.name: each
    for each in (
        ReadyMade(
            "postgresql-single-user",
            "PostgreSQL: one user, whose password changes",
            "postgresql_single_user",
            _POSTGRESQL,
            False,
        ),
        ReadyMade(
            "postgresql-alternating-users",
            "PostgreSQL: two users who take turns",
            "postgresql_alternating_users",
            _POSTGRESQL,
            True,
        ),
        ReadyMade(
            "mysql-single-user",
            "MariaDB and MySQL: one user, whose password changes",
            "mysql_single_user",
            _MYSQL,
            False,
        ),
        ReadyMade(
            "mysql-alternating-users",
            "MariaDB and MySQL: two users who take turns",
            "mysql_alternating_users",
            _MYSQL,
            True,
        ),
    )
}


def ready_made(name: str) -> ReadyMade:
    """Return the function of that name. Raises OperatorError."""
    found = READY_MADE.get(name)
    if found is None:
        raise OperatorError(f"there is no rotation function {name!r}; there are: {', '.join(READY_MADE)}")
    return found


def package(function: ReadyMade, authority: Path | None = None) -> bytes:
    """Return the zip file of a function; `authority` are certificates to verify the database with (PEM).

    Raises OperatorError when the driver is not installed.
    """
    files = dict(_own_modules())
    for name in function.distributions:
        files.update(_distribution(name))
    if authority is not None:
        try:
            files[_AUTHORITY] = authority.read_bytes()
        except OSError as error:
            raise OperatorError(f"{authority} cannot be read: {error.strerror}") from None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = _EXECUTABLE if ".so" in path else _READABLE
            archive.writestr(entry, files[path])
    return packed.getvalue()


def _own_modules() -> Iterator[tuple[str, bytes]]:
    for module in resources.files(f"strongroom.{_PACKAGE}").iterdir():
        if module.name.endswith(".py"):
            yield f"{_PACKAGE}/{module.name}", module.read_bytes()


def _distribution(name: str) -> Iterator[tuple[str, bytes]]:
    """Return the files of an installed distribution, without what an installation adds."""
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        raise OperatorError(f"{name} is not installed; pip install 'strongroom[server]'") from None
    for path in files:
        is_metadata = path.parts[0].endswith(".dist-info")
        if ".." in path.parts or "__pycache__" in path.parts or (is_metadata and path.name != "METADATA"):
            continue
        located = Path(str(path.locate()))
        if located.is_file() and path.suffix != ".pyi":
            yield path.as_posix(), located.read_bytes()
