"""The table of asynchronous events that wait, or are being delivered, and every statement that touches it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, Integer, String, Table, delete, select, update
from sqlalchemy.engine import Row

from strongroom.storage.column_types import OrderedText, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

PAYLOAD_PLACE = "lambda_events/{event_id}/{account_id}/{region}/{function_name}/{qualifier}"

EVENTS = Table(
    "lambda_events",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("function_name", OrderedText, nullable=False),
    Column("qualifier", OrderedText, nullable=False),
    Column("payload", Sealed(PAYLOAD_PLACE), nullable=False),
    Column("received_at", Timestamp, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("postponements", Integer, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("held_by", String(16)),
    Column("held_until", Timestamp, nullable=False),
    Index("ix_lambda_events_due", "due_at"),
)
"""An event has a row until it is done with. `received_at` and `due_at` are times of the house, `held_until` is one of
the world: until then the server `held_by` is at it. `depth` is how many destinations it has passed."""


def insert_event(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert an event."""
    connection.execute(EVENTS.insert(), values)


def hold_due(
    connection: Connection, holder: str, now: float, wall: float, held_until: float, limit: int
) -> Sequence[Row[Any]]:
    """Take hold of up to `limit` events whose time has come and that nobody is at, and return them."""
    is_free = EVENTS.c.held_until <= wall
    chosen = select(EVENTS.c.event_id).where((EVENTS.c.due_at <= now) & is_free).order_by(EVENTS.c.due_at).limit(limit)
    held = []
    for event_id in list(connection.execute(chosen).scalars()):
        # Another server may have been quicker.
        this = update(EVENTS).where((EVENTS.c.event_id == event_id) & is_free)
        if connection.execute(this.values(held_by=holder, held_until=held_until)).rowcount:
            held.append(event_id)
    if not held:
        return ()
    return connection.execute(select(EVENTS).where(EVENTS.c.event_id.in_(held)).order_by(EVENTS.c.due_at)).all()


def has_due(connection: Connection, now: float, wall: float) -> bool:
    """Return whether there is an event whose time has come and that nobody is at."""
    waiting = (EVENTS.c.due_at <= now) & (EVENTS.c.held_until <= wall)
    return connection.execute(select(EVENTS.c.event_id).where(waiting).limit(1)).first() is not None


def keep_hold(connection: Connection, holder: str, event_ids: Sequence[str], held_until: float) -> None:
    """Hold events for longer."""
    mine = EVENTS.c.event_id.in_(event_ids) & (EVENTS.c.held_by == holder)
    connection.execute(update(EVENTS).where(mine).values(held_until=held_until))


def let_go(connection: Connection, holder: str, *, of_others: bool = False) -> None:
    """Let every event go that `holder` has, or that anybody else has."""
    these = EVENTS.c.held_by != holder if of_others else EVENTS.c.held_by == holder
    connection.execute(update(EVENTS).where(these).values(held_by=None, held_until=0.0))


def postpone(connection: Connection, event_id: str, due_at: float, failures: int, postponements: int) -> None:
    """Have an event wait until a time of the house."""
    values = {"due_at": due_at, "failures": failures, "postponements": postponements}
    this = update(EVENTS).where(EVENTS.c.event_id == event_id)
    connection.execute(this.values(held_by=None, held_until=0.0, **values))


def delete_event(connection: Connection, event_id: str) -> None:
    """Remove an event that is done with."""
    connection.execute(delete(EVENTS).where(EVENTS.c.event_id == event_id))
