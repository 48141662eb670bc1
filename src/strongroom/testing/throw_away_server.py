"""A server of a test's own, in a process of its own, on directories that are deleted afterwards."""

import contextlib
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from strongroom.testing.account import Account, Place
from strongroom.testing.channel import Channel
from strongroom.testing.clock import ServerClock
from strongroom.testing.errors import TestServerError, extra_missing

if TYPE_CHECKING:
    import boto3.session

ACCOUNT_ID = "000000000000"
"""The account that a server has from the start, unless `account_id` names another."""


class _Running(NamedTuple):
    channel: Channel
    clock: ServerClock
    place: Place
    account: Account


class ThrowAwayServer:
    """A real server for tests: as a context manager, or by `start` and `stop`.

    `choices` are those of `strongroom serve`, by the same names (`region="eu-west-1"`, `request_quotas="off"`). Unless
    they say otherwise the clock can be moved, and the ports are free ones.

        with ThrowAwayServer() as server:
            server.client("kms").create_key()

    The root key is in a directory of its own, as a server asks for: a copy of the data never has it.
    """

    def __init__(self, **choices: Any) -> None:
        self._choices = {
            "https_port": 0,
            "http_port": 0,
            "test_clock": True,
            "drain_seconds_max": 0,
            "account_id": ACCOUNT_ID,
        } | choices
        self._lock = threading.RLock()
        self._directories: list[tempfile.TemporaryDirectory[str]] = []
        self._channel: Channel | None = None
        self._running: _Running | None = None
        self._data = self._log = Path()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def begin(self) -> None:
        """Have the process started, and do not wait for it: who needs it first will."""
        with self._lock:
            if self._channel is not None:
                return
            home, keys = (
                tempfile.TemporaryDirectory(prefix="strongroom-", ignore_cleanup_errors=True) for _ in range(2)
            )
            self._directories = [home, keys]
            places = {"data": Path(home.name) / "data"}
            if not any(name.startswith("root_key_") for name in self._choices):
                places["root_key_file"] = Path(keys.name) / "root.key"
            chosen = {name: _plain(value) for name, value in (places | self._choices).items()}
            self._data, self._log = Path(chosen["data"]), Path(home.name) / "server.log"
            self._channel = Channel(chosen, [home.name, keys.name], self._log)

    def start(self) -> None:
        """Start the server, and return when it serves. Raises TestServerError when it cannot."""
        self.begin()
        self._ready()

    def stop(self) -> None:
        """End the server, and delete all that it stored. Safe to call twice."""
        with self._lock:
            channel, self._channel, self._running = self._channel, None, None
            if channel is not None:
                channel.close()
            while self._directories:
                self._directories.pop().cleanup()

    def kill(self) -> int:
        """End the server as a power failure would (SIGKILL), and return the process id that it had.

        Data that were put elsewhere by `data` and `root_key_file` stay: another server may be started on them.
        """
        return self._ready().channel.kill()

    @property
    def is_usable(self) -> bool:
        """Whether the server runs, and answers the one who started it; one that only begins is waited for."""
        with self._lock:
            if self._channel is None:
                return False
        try:
            return self._ready().channel.is_usable
        except TestServerError:
            return False

    @property
    def account(self) -> Account:
        """The account that the server has from the start."""
        return self._ready().account

    @property
    def endpoint_url(self) -> str:
        """Where the server speaks HTTPS."""
        return self._ready().place.https

    @property
    def http_endpoint_url(self) -> str:
        """Where the server speaks plain HTTP, for tests of rules about it."""
        return self._ready().place.http

    @property
    def ca_bundle(self) -> str:
        """The path of the certificates that clients verify the server with."""
        return self._ready().place.ca_bundle

    @property
    def data(self) -> Path:
        """The data directory, for commands that want one (`strongroom explain --data`)."""
        return self._data

    @property
    def log(self) -> Path:
        """The file of the server's log."""
        return self._log

    @property
    def clock(self) -> ServerClock:
        """The server's clock."""
        return self._ready().clock

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of the first account, see `Account.client`."""
        return self.account.client(service, **options)

    def session(self) -> "boto3.session.Session":
        """Return a boto3 session of the first account."""
        return self.account.session()

    def environment(self) -> dict[str, str]:
        """Return the variables that point the aws CLI, and other subprocesses, at the first account."""
        return self.account.environment()

    def make_account(self, account_id: str | None = None, *, name: str = "test") -> Account:
        """Make an account, with 12 random digits unless they are given. Raises TestServerError for one that exists."""
        running = self._ready()
        account_id = account_id or str(secrets.randbelow(9 * 10**11) + 10**11)
        told = running.channel.tell("make_account", account_id=account_id, name=name)
        keys = account_id, told["access_key_id"], told["secret_access_key"]
        return Account(running.channel, running.clock, running.place, *keys)

    @contextlib.contextmanager
    def for_test(self) -> Iterator[Account]:
        """Make an account, and point this process at it (`Account.in_force`) for the time of a `with` statement."""
        with self.make_account().in_force() as account:
            yield account

    def _ready(self) -> _Running:
        with self._lock:
            if self._running is not None:
                return self._running
            if self._channel is None:
                raise TestServerError("the throw-away server does not run: use it in a with statement, or start it")
            try:
                # Importing boto3 takes half as long as the server's start, which goes on beside it.
                import strongroom.testing.sessions  # noqa: F401

                told = self._channel.wait_until_ready()
            except ModuleNotFoundError as error:
                self.stop()
                raise extra_missing(error) from error
            except BaseException:
                self.stop()
                raise
            place = Place(told["https"], told["http"], told["region"], told["ca_bundle"], str(self._data))
            keys = told["account_id"], told["access_key_id"], told["secret_access_key"]
            clock = ServerClock(self._channel)
            self._running = _Running(self._channel, clock, place, Account(self._channel, clock, place, *keys))
            return self._running


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
