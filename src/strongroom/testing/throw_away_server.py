"""A server of a test's own, in a process of its own, on directories that are deleted afterwards."""

import secrets
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from strongroom.testing.account import Account, Place
from strongroom.testing.channel import Channel
from strongroom.testing.clock import ServerClock
from strongroom.testing.errors import TestServerError

if TYPE_CHECKING:
    import boto3.session

ACCOUNT_ID = "000000000000"
"""The account that a server has from the start, unless `account_id` names another."""


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
        self._channel: Channel | None = None
        self._account: Account | None = None
        self._place: Place | None = None
        self._directories: list[tempfile.TemporaryDirectory[str]] = []
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def begin(self) -> None:
        """Have the process started, and do not wait: what is asked of the server first waits for it."""
        if self._channel is not None:
            return
        home, keys = (tempfile.TemporaryDirectory(prefix="strongroom-", ignore_cleanup_errors=True) for _ in range(2))
        self._directories = [home, keys]
        given = {name: _plain(value) for name, value in self._choices.items()}
        given = {"data": str(Path(home.name) / "data"), "root_key_file": str(Path(keys.name) / "root.key")} | given
        self._data = Path(given["data"])
        self._log = Path(home.name) / "server.log"
        self._channel = Channel(given, [home.name, keys.name], self._log)

    def start(self) -> None:
        """Start the server, and return when it serves. Raises TestServerError when it cannot."""
        with self._starting:
            if self._account is not None:
                return
            self.begin()
            try:
                told = self._tell_whether_ready()
            except BaseException:
                self.stop()
                raise
            self._place = Place(told["https"], told["http"], told["region"], told["ca_bundle"], str(self._data))
            self._account = Account(self._place, told["account_id"], told["access_key_id"], told["secret_access_key"])

    def stop(self) -> None:
        """End the server, and delete all that it stored. Safe to call twice."""
        channel, self._channel, self._account = self._channel, None, None
        if channel is not None:
            channel.close()
        while self._directories:
            self._directories.pop().cleanup()

    def kill(self) -> int:
        """End the server as a power failure would (SIGKILL), and return the process id that it had.

        Data that were put elsewhere by `data` and `root_key_file` stay: another server may be started on them.
        """
        return self._ready_channel().kill()

    @property
    def account(self) -> Account:
        """The account that the server has from the start."""
        self.start()
        if self._account is None:
            raise TestServerError("the throw-away server has ended")
        return self._account

    @property
    def endpoint_url(self) -> str:
        """Where the server speaks HTTPS."""
        return self.account.endpoint_url

    @property
    def http_endpoint_url(self) -> str:
        """Where the server speaks plain HTTP, for tests of rules about it."""
        return self.account.http_endpoint_url

    @property
    def ca_bundle(self) -> str:
        """The path of the certificates that clients verify the server with."""
        return self.account.ca_bundle

    @property
    def data(self) -> Path:
        """The data directory, for commands that want one (`strongroom explain --data`)."""
        self.start()
        return self._data

    @property
    def log(self) -> Path:
        """The file of the server's log."""
        self.start()
        return self._log

    @property
    def clock(self) -> ServerClock:
        """The server's clock."""
        return ServerClock(self._ready_channel())

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
        channel = self._ready_channel()
        account_id = account_id or f"{secrets.randbelow(9 * 10**11) + 10**11}"
        told = channel.tell("make_account", account_id=account_id, name=name)
        return Account(self._ready_place(), account_id, told["access_key_id"], told["secret_access_key"])

    def _tell_whether_ready(self) -> dict[str, Any]:
        if self._channel is None:
            raise TestServerError("the throw-away server has ended")
        # Importing boto3 takes as long as half of the server's start, which goes on meanwhile on another processor.
        import strongroom.testing.sessions  # noqa: F401

        return self._channel.wait_until_ready()

    def _ready_channel(self) -> Channel:
        self.start()
        if self._channel is None:
            raise TestServerError("the throw-away server has ended")
        return self._channel

    def _ready_place(self) -> Place:
        self.start()
        if self._place is None:
            raise TestServerError("the throw-away server has ended")
        return self._place


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
