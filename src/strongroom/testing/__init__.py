"""Strongroom for other people's tests, in place of a mock: a server of their own, real in everything but its life.

`ThrowAwayServer` runs one, in a process of its own (`process`), on a directory that is deleted afterwards; its
`account` and those that it makes have ready clients. Needs `pip install 'strongroom[server]'`.
"""

from strongroom.testing.account import Account
from strongroom.testing.errors import TestServerError
from strongroom.testing.throw_away_server import ThrowAwayServer

__all__ = ["Account", "TestServerError", "ThrowAwayServer"]
