"""The scheduler: runs every piece of periodic work, again and again, in one server at a time.

What is due is read from the database each time, so nothing is lost by a restart, and what was missed is caught up on.
A lease keeps servers that share a database from doing the same work at once; what each has to do for itself, it does
without.
"""

import asyncio
import contextlib
import secrets

import structlog

from strongroom.operations.house import House
from strongroom.operations.periodic import ON_EVERY_SERVER, PERIODIC
from strongroom.storage.errors import StorageUnavailable
from strongroom.storage.leases import acquire, release

ROUND_SECONDS = 1.0
"""How long after a round the next one begins: how late a due piece of work may start."""

LEASE_SECONDS = 60.0
LEASE_RENEWAL_SECONDS = 20.0

_log = structlog.get_logger("strongroom.jobs")


class Scheduler:
    """Runs the periodic work of one house until it is stopped."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._holder = secrets.token_hex(8)
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._renew_at = 0.0

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Let the work in hand finish, then give up the lease."""
        self._stopping.set()
        self._woken.set()
        if self._task is not None:
            await self._task
            with contextlib.suppress(StorageUnavailable):
                await release(self._house.store, "scheduler", self._holder)

    async def catch_up(self) -> None:
        """Return when a round that began after this call has ended, or when the scheduler has stopped."""
        if self._task is None or self._task.done():
            return
        ended = asyncio.get_running_loop().create_future()
        self._waiting.append(ended)
        self._woken.set()
        await ended

    async def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                waiting, self._waiting = self._waiting, []
                try:
                    await self._whole_round()
                finally:
                    _tell(waiting)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), ROUND_SECONDS)
        finally:
            _tell(self._waiting)

    async def _whole_round(self) -> None:
        try:
            await self._round(has_lease=await self._has_lease())
        except StorageUnavailable as error:
            _log.warning("the scheduler waits for the database", reason=str(error))
        except Exception as error:
            # Whatever it was, what is due stays due: a scheduler that ends in silence would be worse.
            _log.error("the scheduler met an error", error_type=type(error).__name__)

    async def _has_lease(self) -> bool:
        # Leases run on the wall clock: a moved clock must not end another server's lease early.
        now = self._house.clock.wall()
        if now < self._renew_at:
            return True
        # A SQLite database has one server: who held the lease was killed, and what is due need not wait for its end.
        store, is_alone = self._house.store, self._house.store.kind == "sqlite"
        if not await acquire(store, "scheduler", self._holder, LEASE_SECONDS, now, takes_over=is_alone):
            return False
        self._renew_at = now + LEASE_RENEWAL_SECONDS
        return True

    async def _round(self, *, has_lease: bool) -> None:
        for name, work in PERIODIC.items():
            if not has_lease and name not in ON_EVERY_SERVER:
                continue
            try:
                await work(self._house)
            except StorageUnavailable:
                raise
            except Exception as error:
                # One service's trouble must not keep the others' work from being done; it is tried again next round.
                _log.error("periodic work failed", work=name, error_type=type(error).__name__)


def _tell(waiting: list[asyncio.Future[None]]) -> None:
    for ended in waiting:
        if not ended.done():
            ended.set_result(None)
