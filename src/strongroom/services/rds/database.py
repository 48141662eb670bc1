"""The databases themselves: logging in to one, and changing its master user's password, in threads of their own.

Passwords are changed by the same modules that the ready-made rotation functions have, so that no log of a database
has them. A database that does not answer holds up nobody but those who ask for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from strongroom.base.outbound_addresses import Address, may_reach
from strongroom.operations.house import House
from strongroom.rotation_functions.engine import Engine, Login, LoginError

T = TypeVar("T")

THREADS_MAX = 8
BUSY_SECONDS_MAX = 180.0
"""How long a change of a password takes at most: logins that are refused, and statements, with their limits."""


class DatabaseRefused(Exception):  # noqa: N818 (it says what happened)
    """The database let nobody in, or did not do what it should. The text is its own, and has no password in it."""


class Place(NamedTuple):
    """A database server, and the name of its master user. `account_id` and `arn` are those of the instance."""

    account_id: str
    arn: str
    engine: str
    address: Address
    database: str | None
    verifies_tls: bool
    username: str


class Databases:
    """The threads of one house in which databases are waited for."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._threads = ThreadPoolExecutor(THREADS_MAX, "database")
        house.before_close(self._close)

    async def _close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, place: Place, work: Callable[[], T]) -> T:
        """Wait for a database that the operator allows, now as when it was registered. Raises DatabaseRefused."""
        if not may_reach(self._house.configuration.outbound_addresses, place.account_id, place.arn, place.address):
            raise DatabaseRefused(
                f"The operator of this server has not allowed the address {place.address} (the setting "
                "outbound-addresses)."
            )
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def version(self, place: Place, password: str) -> str:
        """Log in, and return the server's version. Raises DatabaseRefused."""
        return await self._in_thread(place, lambda: _version(place, password))

    async def change_password(self, place: Place, password: str, earlier: Sequence[str]) -> None:
        """Have the database let the master user in with `password`, whichever of `earlier` it has now.

        It may have `password` already. Raises DatabaseRefused.
        """
        await self._in_thread(place, lambda: _change_password(place, password, earlier))


def _engine(place: Place) -> Engine:
    # With the functions comes boto3, which a server that has no databases need not wait for and hold in memory.
    from strongroom.rotation_functions.handlers import engine_named

    return engine_named("postgresql" if place.engine == "postgres" else "mysql")


def _login(place: Place, password: str) -> Login:
    database = place.database or _engine(place).default_database
    host, port = place.address
    return Login(host, port, place.username, password, database, True if place.verifies_tls else None)


def _version(place: Place, password: str) -> str:
    try:
        with _engine(place).open(_login(place, password)) as session:
            return session.version()
    except LoginError as refused:
        raise DatabaseRefused(str(refused)) from None


def _change_password(place: Place, password: str, earlier: Sequence[str]) -> None:
    told = ""
    for candidate in dict.fromkeys((password, *earlier)):
        try:
            with _engine(place).open(_login(place, candidate)) as session:
                if candidate != password:
                    session.change_own_password(password)
                return
        except LoginError as refused:
            told = str(refused)
        except Exception as error:
            # Whatever a driver raises; its text may repeat a statement, which has no password in clear.
            raise DatabaseRefused(f"{type(error).__name__}: {error}") from None
    raise DatabaseRefused(told)
