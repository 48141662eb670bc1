"""Rotations at work: each as a task of the house, so that a slow function keeps nothing else waiting.

What is due is in rows. A server takes a rotation by writing its name into the row, for a minute at a time, so that two
servers never are at work on the same one; what a server left behind is taken up by the next.
"""

import asyncio
import secrets
import uuid
from functools import partial
from typing import Any

import structlog

from strongroom.operations.house import House
from strongroom.operations.managed_rotations import STEPS, RotationFailed
from strongroom.operations.periodic import periodic
from strongroom.services.secretsmanager import tables
from strongroom.services.secretsmanager.rotations import progress
from strongroom.services.secretsmanager.rotations import tables as rows
from strongroom.services.secretsmanager.rotations.progress import ByItself, Holding
from strongroom.services.secretsmanager.rotations.steps import Rotating, perform_step, token_hash
from strongroom.services.secretsmanager.secret_directory import cache_name
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable, StoreClosed

RUNNING_MAX = 32
"""How many rotations a server is at work on at a time; others wait for their turn."""

BEGUN_AT_ONCE_MAX = 100
STEP_SECONDS_MAX = 16 * 60.0
"""How long a step may take: a function's own limit is 15 minutes."""

LEASE_SECONDS, LEASE_RENEWAL_SECONDS = 60.0, 20.0

_log = structlog.get_logger("strongroom.secretsmanager")


class Rotations:
    """The rotations that one house is at work on."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._holder = secrets.token_hex(8)
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._renewal: asyncio.Task[None] | None = None
        house.before_close(self._stop)

    def start(self, arn: str, version_id: str) -> None:
        """Go on with a rotation, unless this server does already, or has enough to do: then its turn comes later."""
        which = arn, version_id
        if which in self._running or len(self._running) >= RUNNING_MAX or self._is_stopping:
            return
        loop = asyncio.get_running_loop()
        task = self._running[which] = loop.create_task(self._run(arn, version_id))
        task.add_done_callback(lambda _: self._running.pop(which))
        if self._renewal is None and self._has_others:
            self._renewal = loop.create_task(self._renew())

    async def start_due(self) -> None:
        """Go on with what is due, begun or not."""
        if self._is_stopping:
            return
        now = self._house.clock.now()
        due = await self._house.store.read(lambda connection: rows.secrets_due(connection, now, BEGUN_AT_ONCE_MAX))
        if due:
            await asyncio.gather(*(self._begin(row, now) for row in due))
        wall = self._wall()
        room = RUNNING_MAX - len(self._running)
        if room <= 0:
            return
        # Those that this server is at work on are among them where there is no other one.
        limit = RUNNING_MAX + room
        waiting = await self._house.store.read(lambda connection: rows.due_rotations(connection, now, wall, limit))
        for row in waiting:
            self.start(row.arn, row.version_id)

    async def idle(self) -> None:
        """Wait until this server is at work on nothing more."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    @property
    def _is_stopping(self) -> bool:
        return self._house.stopping.is_set()

    @property
    def _has_others(self) -> bool:
        # A SQLite database has one server: what another one held, it holds no more.
        return self._house.store.kind != "sqlite"

    def _wall(self) -> float | None:
        # Leases run on the wall clock: a moved clock must not end another server's lease early.
        return self._house.clock.wall() if self._has_others else None

    async def _begin(self, row: Any, now: float) -> None:
        by, version_id = ByItself(self._house, now), str(uuid.uuid4())
        begin = partial(progress.begin_if_due, by=by, arn=row.arn, version_id=version_id)
        await self._house.store.write(begin, invalidates=(cache_name(row.account_id, row.name),))

    async def _run(self, arn: str, version_id: str) -> None:
        holding = Holding(arn, version_id, self._holder)
        try:
            rotating, step = await self._claim(holding)
            while rotating is not None and step is not None:
                failure = await self._failure_of(rotating, step)
                if failure is not None and self._is_stopping:
                    # What runs functions may have ended before this did: that is no failure of the step.
                    return
                step = await self._advance(holding, rotating, step, failure)
        except (StorageUnavailable, StoreClosed) as error:
            _log.warning("a rotation waits for the database", secret=arn, reason=str(error))
        except Exception as error:
            # Whatever it was, the row is as it was, and the rotation is gone on with.
            _log.error("a rotation met an error", secret=arn, error_type=type(error).__name__)

    async def _claim(self, holding: Holding) -> tuple[Rotating | None, str | None]:
        by, wall, token = ByItself(self._house, self._house.clock.now()), self._wall(), str(uuid.uuid4())
        held_until = self._house.clock.wall() + LEASE_SECONDS

        def claim(connection: Connection) -> tuple[Any, Any]:
            rotation = progress.claim(connection, by, holding, wall, held_until, token_hash(token))
            return rotation, tables.select_secret(connection, holding.arn)

        rotation, row = await self._house.store.append(claim)
        if rotation is None or row is None:
            return None, None
        rotating = Rotating(
            row.arn,
            row.account_id,
            row.region,
            row.name,
            rotation.version_id,
            row.rotation_function_arn,
            row.owning_service,
            rotation.is_test,
            token,
        )
        return rotating, rotation.step

    async def _failure_of(self, rotating: Rotating, step: str) -> str | None:
        """Carry out a step, and return why it failed; None if it did not."""
        try:
            async with asyncio.timeout(STEP_SECONDS_MAX):
                await perform_step(self._house, rotating, step)
        except RotationFailed as error:
            failure = str(error)
        except TimeoutError:
            failure = f"The {step} step took too long"
        except (StorageUnavailable, StoreClosed):
            raise
        except Exception as error:
            failure = f"Internal error during {step} step: {type(error).__name__}"
        else:
            return None
        _log.warning("a step of a rotation failed", secret=rotating.arn, step=step, reason=failure)
        return failure

    async def _advance(self, holding: Holding, rotating: Rotating, step: str, failure: str | None) -> str | None:
        by = ByItself(self._house, self._house.clock.now())
        advance = partial(progress.advance, by=by, holding=holding, step=step, failure=failure)
        if failure is None and step in STEPS[:-1] and not rotating.is_test:
            # Should the machine fail now and forget this, the step is carried out again: that is no harm.
            return await self._house.store.append(advance)
        return await self._house.store.write(advance, invalidates=(cache_name(rotating.account_id, rotating.name),))

    async def _renew(self) -> None:
        while self._running:
            await asyncio.sleep(LEASE_RENEWAL_SECONDS)
            held_until = self._house.clock.wall() + LEASE_SECONDS
            try:
                await self._house.store.write(partial(rows.renew, holder=self._holder, held_until=held_until))
            except StorageUnavailable as error:
                _log.warning("leases of rotations were not renewed", reason=str(error))
        self._renewal = None

    async def _stop(self) -> None:
        """End all tasks between steps or within one, and let go of what they were at: the steps are repeated."""
        tasks = [*self._running.values(), *([self._renewal] if self._renewal is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            try:
                await self._house.store.write(partial(rows.release, holder=self._holder))
            except StorageUnavailable as error:
                _log.warning("rotations were not let go of", reason=str(error))


@periodic("secretsmanager/rotate-secrets")
async def rotate_due_secrets(house: House) -> None:
    """Begin the rotations whose windows have begun, and go on with those that are to be tried again."""
    await house.part(Rotations).start_due()
