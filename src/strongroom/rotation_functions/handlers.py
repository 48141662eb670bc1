"""The entry points. A driver is imported by the function that needs it: a zip file holds one of them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from .alternating_users import AlternatingUsers
from .engine import Engine
from .single_user import SingleUser
from .steps import Handler, Strategy, make_handler

Event = Mapping[str, str]


def postgresql_single_user(event: Event, context: Any) -> None:
    """Rotate the password of one PostgreSQL user."""
    _handler("postgresql", SingleUser)(event, context)


def postgresql_alternating_users(event: Event, context: Any) -> None:
    """Rotate between two PostgreSQL users."""
    _handler("postgresql", AlternatingUsers)(event, context)


def mysql_single_user(event: Event, context: Any) -> None:
    """Rotate the password of one MariaDB or MySQL user."""
    _handler("mysql", SingleUser)(event, context)


def mysql_alternating_users(event: Event, context: Any) -> None:
    """Rotate between two MariaDB or MySQL users."""
    _handler("mysql", AlternatingUsers)(event, context)


@cache
def _handler(engine: str, strategy: type[Strategy]) -> Handler:
    return make_handler(engine_named(engine), strategy())


def engine_named(name: str) -> Engine:
    """Return an engine, `postgresql` or `mysql`."""
    if name == "postgresql":
        from .postgresql import POSTGRESQL

        return POSTGRESQL
    from .mysql import MYSQL

    return MYSQL
