"""What a tour has made, and takes away again however it ends: servers, databases, directories."""

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.tour.callers import Clients
from strongroom.tour.canary import Canary, files_below
from strongroom.tour.served import Served

UNPRIVILEGED_ID = 65_534
_FOR_OTHERS = 0o001


class Premises:
    """The house and the grounds. `places` are the directories of what was stored, which are searched in the end.

    `folder` is for the files of who walks through, as a person at the command line has them. `ending` is set when the
    tour is being ended: whoever waits, stops waiting. With `keep`, that directory is where everything is, and what was
    stored stays there. Raises OperatorError when it cannot be.
    """

    def __init__(self, keep: Path | None = None) -> None:
        self.canary = Canary()
        self.ending = threading.Event()
        self.places: list[Path] = []
        self._processes = contextlib.ExitStack()
        self._servers: list[Served] = []
        self._is_kept = keep is not None
        self.home = _home() if keep is None else _made(keep.expanduser().absolute())
        self.home.chmod(0o711)
        self.folder = self.home / "yours"
        self.folder.mkdir(mode=0o700)

    def place(self, name: str, *, is_others: bool = False) -> Path:
        """Make a directory for what is stored; it is an unprivileged user's if that is asked for and we are root."""
        path = self.home / name
        path.mkdir(mode=0o700)
        if is_others and os.geteuid() == 0:
            os.chown(path, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        self.places.append(path)
        return path

    def serve(self, name: str, **choices: Any) -> tuple[Served, Clients]:
        """Start a server, and return it with clients for it."""
        served = Served(self.place(name), **choices)
        self._servers.append(served)
        self.when_ending(served.stop)
        self.canary.remember(f"the secret access key of {name}'s root user", served.account.secret_access_key)
        return served, Clients(served.account)

    def stored(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file of what was stored, and the servers' logs, with their content."""
        yield from files_below(*self.places)
        for served in self._servers:
            yield f"the log of {served.home}", served.logged()

    def when_ending(self, callback: Callable[[], object]) -> None:
        """Have a process ended in the end, before those that came earlier."""
        self._processes.callback(callback)

    def stop_servers(self) -> None:
        """Stop the servers; their directories stay."""
        for served in self._servers:
            served.stop()

    def end_processes(self) -> None:
        """End every process, and have whoever waits stop waiting. Safe to call twice."""
        self.ending.set()
        self._processes.close()

    def remove(self) -> None:
        """Remove the directories; of those that are to be kept, only the visitor's own files."""
        shutil.rmtree(self.folder if self._is_kept else self.home, ignore_errors=True)


def _home() -> Path:
    # PostgreSQL runs as another user when this one is root, and must be able to get at its files.
    return Path(tempfile.mkdtemp(prefix="strongroom-tour-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108


def _made(keep: Path) -> Path:
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise OperatorError(f"--keep: {keep} is not empty")
    except OSError as error:
        raise OperatorError(f"--keep: {keep} cannot be made: {error.strerror}") from None
    closed = next((path for path in keep.parents if not path.stat().st_mode & _FOR_OTHERS), None)
    if os.geteuid() == 0 and closed is not None:
        raise OperatorError(f"--keep: a database of the tour runs as another user, who cannot get into {closed}")
    return keep
