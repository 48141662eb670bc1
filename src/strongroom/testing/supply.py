"""Servers for one test after the other: the same one, until a test has moved its clock, which never goes back."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from strongroom.testing.account import Account
from strongroom.testing.throw_away_server import ThrowAwayServer


class ServerSupply:
    """Gives each test an account of its own. `choices` are those of the servers, see `ThrowAwayServer`.

    Unless they say otherwise, no request is over a quota: a test must not fail for being quick.
    """

    def __init__(self, **choices: Any) -> None:
        self._choices = {"request_quotas": "off"} | choices
        self._server: ThrowAwayServer | None = None
        self._next: ThrowAwayServer | None = None
        self._ending: list[threading.Thread] = []

    @contextlib.contextmanager
    def for_test(self) -> Iterator[Account]:
        """Give a test an account, in force as `ThrowAwayServer.for_test` has it."""
        server = self._usable_server()
        server.clock.when_moved(self._prepare_next)
        try:
            with server.for_test() as account:
                yield account
        finally:
            if self._next is not None:
                self._server, self._next = self._next, None
                self._end(server)

    def close(self) -> None:
        """End every server."""
        for server in (self._server, self._next):
            if server is not None:
                server.stop()
        self._server = self._next = None
        while self._ending:
            self._ending.pop().join()

    def _usable_server(self) -> ThrowAwayServer:
        """Return the server, or another one where a test has killed or interrupted it. Raises TestServerError."""
        if self._server is not None and self._server.is_usable:
            return self._server
        if self._server is not None:
            self._end(self._server)
            self._server = None
        started = ThrowAwayServer(**self._choices)
        started.start()
        self._server = started
        return started

    def _end(self, server: ThrowAwayServer) -> None:
        # Nobody need wait for the end of a server.
        ending = threading.Thread(target=server.stop, name="strongroom-end")
        ending.start()
        self._ending.append(ending)

    def _prepare_next(self) -> None:
        if self._next is None:
            self._next = ThrowAwayServer(**self._choices)
            self._next.begin()
