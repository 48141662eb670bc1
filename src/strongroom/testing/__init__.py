"""Strongroom for other people's tests, in place of a mock: a server of their own, real in everything but its life.

`ThrowAwayServer` runs one, in a process of its own (`process`), on directories that are deleted afterwards. An
`Account` of it has ready clients, a clock to move, and faults to meet. The fixture `strongroom` of pytest (`plugin`)
gives each test one. Needs `pip install 'strongroom[server]'`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strongroom.testing.account import Account
    from strongroom.testing.errors import TestServerError
    from strongroom.testing.throw_away_server import ThrowAwayServer

__all__ = ["Account", "TestServerError", "ThrowAwayServer"]

_HOMES = {"Account": "account", "TestServerError": "errors", "ThrowAwayServer": "throw_away_server"}


def __getattr__(name: str) -> Any:
    # pytest imports this package in every run, to find the fixtures: what they need is imported when they are used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
