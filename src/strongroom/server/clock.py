"""Which clock a server, or an operator's command, goes by; and the clock moved, with its record."""

from datetime import timedelta

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.base.moved_clock import MovedClock, seconds_ahead
from strongroom.operations.audit import Audit
from strongroom.operations.trail import Resource, service_event
from strongroom.server.operator_store import operator_store
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store


def open_clock(configuration: Configuration) -> Clock:
    """Return the clock of a server that starts.

    Raises OperatorError for a directory whose clock was moved and a server without `test_clock`: for what is stored
    there, time would run backwards.
    """
    if configuration.test_clock:
        return MovedClock(configuration.data)
    ahead = seconds_ahead(configuration.data)
    if ahead:
        raise OperatorError(
            f"the clock of {configuration.data} was moved forward by {timedelta(seconds=ahead)}; for what is stored "
            "there, time would run backwards: start the server with --test-clock"
        )
    return Clock()


def clock_of(configuration: Configuration) -> Clock:
    """Return the clock that the server of a data directory goes by, for an operator's command. Raises OperatorError."""
    return Clock(seconds_ahead(configuration.data))


async def advance_clock(configuration: Configuration, by: timedelta) -> MovedClock:
    """Move the clock of a data directory forward, and leave a record of it in the audit trail, of the new time.

    Raises ValueError for a negative step, and OperatorError.
    """
    clock = MovedClock(configuration.data)
    async with operator_store(configuration, clock.now()) as (store, sealer):
        await advance(clock, by, store, Audit(store, sealer, clock), configuration)
    return clock


async def advance(clock: MovedClock, by: timedelta, store: Store, audit: Audit, configuration: Configuration) -> None:
    """Move a clock forward, with its record, in a store that is open, as `advance_clock` does."""
    if by < timedelta(0):
        raise ValueError("the clock moves forward only")
    event = service_event(
        "strongroom",
        "strongroom.internal",
        "ClockAdvanced",
        configuration.region,
        Resource(str(configuration.data), configuration.account_id, "Strongroom::Clock"),
        clock.now() + by.total_seconds(),
        {"bySeconds": str(by.total_seconds()), "aheadSeconds": str((clock.lead + by).total_seconds())},
    )

    def record(connection: Connection) -> None:
        audit.insert_event(connection, event)

    await store.write(record)
    clock.advance(by)
