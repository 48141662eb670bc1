"""Work that nobody calls for: what services do when a time has come. The scheduler (`jobs`) runs it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.operations.house import House

Work = Callable[["House"], Awaitable[None]]

PERIODIC: dict[str, Work] = {}
ON_EVERY_SERVER: set[str] = set()
"""The names of work that each server does for itself, of those that share a database."""

TURN_SECONDS = 0.002
"""For how long work that could wait keeps the event loop from what cannot."""

STEP_SECONDS = 5.0
"""For how long one piece of work may keep the others waiting."""


def periodic(name: str, *, on_every_server: bool = False) -> Callable[[Work], Work]:
    """Register a coroutine that does what is due, by a name that is unique (`kms/rotate-keys`).

    It is run again and again, by one server at a time unless each has work of its own to do; it must be safe to run
    twice. Raises ValueError for a second registration of a name.
    """

    def register(work: Work) -> Work:
        if name in PERIODIC:
            raise ValueError(f"the periodic work {name} is registered twice")
        PERIODIC[name] = work
        if on_every_server:
            ON_EVERY_SERVER.add(name)
        return work

    return register


class Turn:
    """The event loop's time, of which long work takes a few milliseconds before it lets others have theirs."""

    __slots__ = ("_ends_at",)

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + TURN_SECONDS

    async def let_others(self) -> None:
        """Let others have their turn, if this one is over. Costs a tenth of a microsecond if it is not."""
        if time.monotonic() > self._ends_at:
            await asyncio.sleep(0)
            self._ends_at = time.monotonic() + TURN_SECONDS


class LongWork:
    """Work that may take long: it is begun every so often, and done in steps between which other work gets its turn.

    `begin` returns the steps. `every_seconds` are those of the house's clock, counted from the end of the last step. An
    error ends the work; it is begun again at the next round.
    """

    def __init__(
        self, house: "House", begin: Callable[["House"], AsyncGenerator[None, None]], every_seconds: float
    ) -> None:
        self._house = house
        self._begin = begin
        self._every_seconds = every_seconds
        self._steps: AsyncGenerator[None, None] | None = None
        self._due_at = 0.0

    async def go_on(self) -> None:
        """Do some steps, if it is time. Raises what a step raises."""
        if self._steps is None:
            if self._house.clock.now() < self._due_at:
                return
            self._steps = self._begin(self._house)
        steps, self._steps = self._steps, None
        ends_at = time.monotonic() + STEP_SECONDS
        async for _ in steps:
            if time.monotonic() > ends_at:
                self._steps = steps
                return
        self._due_at = self._house.clock.now() + self._every_seconds
