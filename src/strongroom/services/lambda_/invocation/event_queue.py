"""Asynchronous events: queued durably and sealed, delivered at least once, tried again when the function fails.

Source: AWS Lambda Developer Guide, "Understanding how Lambda handles asynchronous invocations", "How Lambda handles
errors and retries with asynchronous invocation".
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog

from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.operations.registry import Answer
from strongroom.runners.runtime_api import Invocation
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import FunctionDirectory
from strongroom.services.lambda_.function_name import LATEST, qualified
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation import destinations, tables
from strongroom.services.lambda_.invocation.concurrency import Concurrency
from strongroom.services.lambda_.invocation.destinations import Ended
from strongroom.services.lambda_.invocation.environments import Environments
from strongroom.services.lambda_.invocation.requests import new_trace_id
from strongroom.services.lambda_.invocation.results import Result
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

IN_FLIGHT_MAX = 32
RETRIES = 2
RETRY_SECONDS = (60.0, 120.0)
"""How long an event waits after the first and the second failure."""
AGE_SECONDS_MAX = 6 * 60 * 60
POSTPONED_SECONDS_MAX = 300.0
HOLD_SECONDS = 60.0
HOLD_RENEWAL_SECONDS = 20.0
STOP_SECONDS_MAX = 3.0
"""How long a server that stops waits for events in hand; what is not done then is done after the next start."""

_log = structlog.get_logger("strongroom.lambda")


class Event(NamedTuple):
    """One asynchronous invocation. `failures` counts the function's, `postponements` those that were not its own."""

    event_id: str
    account_id: str
    region: str
    function_name: str
    qualifier: str
    payload: bytes
    received_at: float
    failures: int = 0
    postponements: int = 0
    depth: int = 0


class EventQueue:
    """The events that one server is at, and the way of new ones into the queue."""

    def __init__(self, house: House) -> None:
        self._house = house
        # Environments outlive the queue when the house closes: what they end with must not be taken for a failure.
        self._environments = house.part(Environments)
        self._holder = random_bytes(8).hex()
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._is_closed = False
        self._was_asked = False
        house.before_close(self.close)

    @property
    def in_flight(self) -> Sequence[str]:
        """The ids of the events in hand."""
        return tuple(self._in_flight)

    async def put(self, call: Call, event_id: str, function: Function, qualifier: str, payload: bytes) -> Answer:
        """Queue an event, together with the call's audit record, and begin to deliver it. Returns Invoke's answer."""
        depth = destinations.passed.get()
        event = Event(
            event_id, function.account_id, function.region, function.name, qualifier, payload, call.now, depth=depth
        )
        is_taken = not self._is_closed and len(self._in_flight) < IN_FLIGHT_MAX
        values = event._asdict() | {
            "payload": self._house.sealer.seal(payload, tables.PAYLOAD_PLACE.format(**event._asdict())),
            "due_at": event.received_at,
            "held_by": self._holder if is_taken else None,
            "held_until": self._house.clock.wall() + HOLD_SECONDS if is_taken else 0.0,
        }

        def write(connection: Connection) -> Answer:
            tables.insert_event(connection, values)
            return {"StatusCode": 202}

        answer = await call.write(write)
        if is_taken:
            self._begin(event)
        return answer

    async def deliver_due(self) -> None:
        """Begin to deliver events whose time has come, as many as this server may be at."""
        house = self._house
        if not self._was_asked and house.store.kind == "sqlite":
            # No other server has this database: whoever held an event is no more.
            await house.store.write(partial(tables.let_go, holder=self._holder, of_others=True))
        self._was_asked = True
        room = IN_FLIGHT_MAX - len(self._in_flight)
        now, wall = house.clock.now(), house.clock.wall()
        if self._is_closed or house.stopping.is_set() or room <= 0:
            return
        if not await house.store.read(lambda connection: tables.has_due(connection, now, wall)):
            return
        holding = partial(
            tables.hold_due, holder=self._holder, now=now, wall=wall, held_until=wall + HOLD_SECONDS, limit=room
        )
        for row in await house.store.write(holding):
            values = {name: getattr(row, name) for name in Event._fields}
            place = tables.PAYLOAD_PLACE.format(**values)
            self._begin(Event(**values | {"payload": house.sealer.open(row.payload, place)}))

    def _begin(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        self._in_flight[event.event_id] = loop.create_task(self._see_to(event))
        if self._renewing is None or self._renewing.done():
            self._renewing = loop.create_task(self._keep_hold())

    async def _keep_hold(self) -> None:
        while self._in_flight:
            await asyncio.sleep(HOLD_RENEWAL_SECONDS)
            ids, until = tuple(self._in_flight), self._house.clock.wall() + HOLD_SECONDS
            if ids:
                renewing = partial(tables.keep_hold, holder=self._holder, event_ids=ids, held_until=until)
                await self._house.store.write(renewing)

    async def _see_to(self, event: Event) -> None:
        try:
            await self._deliver(event)
        except StorageUnavailable as error:
            # It stays in the queue, and is delivered once more when nobody holds it.
            _log.warning("an event of a function waits for the database", reason=str(error))
        except Exception as error:
            _log.error("an event of a function met an error", error_type=type(error).__name__)
        finally:
            self._in_flight.pop(event.event_id, None)

    async def _deliver(self, event: Event) -> None:
        """Deliver an event once, and see to what comes of it."""
        directory = self._house.part(FunctionDirectory)
        function = await directory.find(event.account_id, event.region, event.function_name)
        version = await directory.behind(function, event.qualifier) if function is not None else None
        if function is None or version is None:
            await self._remove(event)
            return
        config = function.event_invoke_configs.get(event.qualifier or LATEST) or {}
        age_max = config.get("MaximumEventAgeInSeconds") or AGE_SECONDS_MAX
        if self._house.clock.now() - event.received_at > age_max:
            await self._end(event, version, config, destinations.TOO_OLD, None)
            return
        arn = qualified(function.arn, event.qualifier) if event.qualifier else function.arn
        trace_id = new_trace_id(self._house.clock.wall())
        try:
            when_over = self._house.part(Concurrency).take(function)
            invocation = Invocation(event.event_id, event.payload, arn, trace_id=trace_id)
            result = await self._environments.invoke(version, invocation, when_over)
        except AwsError as error:
            await self._postpone(event, error)
            return
        await self._take_result(event, version, config, result)

    async def _take_result(
        self, event: Event, version: FunctionVersion, config: Mapping[str, Any], result: Result
    ) -> None:
        retries = config.get("MaximumRetryAttempts")
        if result.error is None:
            await self._end(event, version, config, destinations.SUCCESS, result)
        elif event.failures >= (RETRIES if retries is None else retries):
            await self._end(event, version, config, destinations.EXHAUSTED, result)
        else:
            due_at = self._house.clock.now() + RETRY_SECONDS[min(event.failures, len(RETRY_SECONDS) - 1)]
            await self._wait(event, due_at, event.failures + 1, event.postponements)

    async def _postpone(self, event: Event, error: AwsError) -> None:
        """Have an event wait that could not be given to the function, longer each time, until it is too old."""
        _log.info("an event of a function was postponed", function=event.function_name, code=error.code)
        seconds = min(POSTPONED_SECONDS_MAX, 2.0 ** min(event.postponements, 16))
        await self._wait(event, self._house.clock.now() + seconds, event.failures, event.postponements + 1)

    async def _wait(self, event: Event, due_at: float, failures: int, postponements: int) -> None:
        waiting = partial(
            tables.postpone, event_id=event.event_id, due_at=due_at, failures=failures, postponements=postponements
        )
        await self._house.store.write(waiting)

    async def _end(
        self, event: Event, version: FunctionVersion, config: Mapping[str, Any], condition: str, result: Result | None
    ) -> None:
        """Tell the destination how it ended, then forget the event: rather twice than never."""
        destination = destinations.destination_of(config, condition)
        if destination is not None:
            arn = qualified(version.function_arn, event.qualifier or LATEST)
            tries = event.failures + (result is not None)
            ended = Ended(event.event_id, arn, condition, tries, event.payload, result)
            await destinations.send(self._house, destination, ended, version, event.depth)
        await self._remove(event)

    async def _remove(self, event: Event) -> None:
        await self._house.store.write(partial(tables.delete_event, event_id=event.event_id))

    async def close(self) -> None:
        """Wait a moment for the events in hand, and let the others go: they are delivered after the next start."""
        self._is_closed = True
        if self._in_flight:
            await asyncio.wait(tuple(self._in_flight.values()), timeout=STOP_SECONDS_MAX)
        tasks = tuple(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._renewing is not None:
            self._renewing.cancel()
        if tasks:
            await self._house.store.write(partial(tables.let_go, holder=self._holder))


@periodic("lambda/deliver-events")
async def deliver_events(house: House) -> None:
    """Deliver the events of functions whose time has come."""
    await house.part(EventQueue).deliver_due()
