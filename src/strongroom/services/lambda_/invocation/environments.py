"""The execution environments of one house: started when they are needed, used again, ended when nobody needs them.

Whoever waits for an environment gets the first that is free: one that was used before, or one that started meanwhile.

Source: AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.runners.memory_directory import NoMemoryFileSystem
from strongroom.runners.probe import SandboxUnavailable
from strongroom.runners.runtime_api import Invocation
from strongroom.services.lambda_.function_directory import FunctionDirectory
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from strongroom.services.lambda_.invocation.results import Result
from strongroom.services.lambda_.invocation.runtimes import RuntimeMissing
from strongroom.services.lambda_.networks import network_of
from strongroom.storage.errors import StorageUnavailable

ENVIRONMENTS_MAX = 128
"""Environments at once, of all functions: what one machine bears, where AWS has many."""
IDLE_MAX = 32
IDLE_SECONDS_MAX = 600.0
SWEEP_SECONDS = 5.0
FINISHING_SECONDS = 0.05
"""How long an invocation waits for an environment whose runtime has just answered, before another one is started."""

_CHANGED = "functions/"

Key = tuple[str, int, str]

_log = structlog.get_logger("strongroom.lambda")


def _key(version: FunctionVersion) -> Key:
    """Return what tells a version from the same one before a change."""
    return version.function_arn, version.number, version.revision_id


class _Waiting:
    """Those who wait for an environment of one version, and what is on its way to them."""

    __slots__ = ("finishing", "idle", "starting", "waiters")

    def __init__(self) -> None:
        self.waiters: deque[asyncio.Future[ExecutionEnvironment]] = deque()
        self.idle: list[ExecutionEnvironment] = []
        self.starting = 0
        self.finishing = 0

    @property
    def is_empty(self) -> bool:
        return not (self.waiters or self.idle or self.starting or self.finishing)


class Environments:
    """The execution environments of one house. They end with it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._versions: dict[Key, _Waiting] = {}
        self._all: set[ExecutionEnvironment] = set()
        self._count = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._starting: set[asyncio.Task[Any]] = set()
        self._starts = asyncio.Semaphore(2 * (os.cpu_count() or 1))
        self._is_closed = False
        self._sweeping: asyncio.Task[None] | None = None
        house.store.subscribe(self._forget)
        house.before_close(self.close)

    async def invoke(
        self,
        version: FunctionVersion,
        invocation: Invocation,
        when_over: Callable[[], None],
        *,
        keeps_log: bool = False,
    ) -> Result:
        """Have a function answer, and call `when_over` then: it goes on when its caller does not wait any longer.

        Raises AwsError for what keeps it from starting, and when there are too many environments.
        """
        task = asyncio.get_running_loop().create_task(self._invoke(version, invocation, keeps_log))
        task.add_done_callback(lambda _: when_over())
        self._keep(task)
        return await asyncio.shield(task)

    async def _invoke(self, version: FunctionVersion, invocation: Invocation, keeps_log: bool) -> Result:
        environment = await self._take(version)
        try:
            return await environment.invoke(invocation, keeps_log=keeps_log)
        finally:
            self._give_back(environment)

    async def _take(self, version: FunctionVersion) -> ExecutionEnvironment:
        """Return an environment that is free."""
        if self._is_closed:
            raise _stopping()
        waiting = self._versions.get(_key(version))
        if waiting is None:
            waiting = self._versions[_key(version)] = _Waiting()
        while waiting.idle:
            environment = waiting.idle.pop()
            if environment.can_be_used(self._house.clock.now()):
                return environment
            self._close_soon(environment)
        waiter: asyncio.Future[ExecutionEnvironment] = asyncio.get_running_loop().create_future()
        waiting.waiters.append(waiter)
        if waiting.finishing >= len(waiting.waiters):
            asyncio.get_running_loop().call_later(FINISHING_SECONDS, self._start_as_needed, version, waiting)
        else:
            self._start_as_needed(version, waiting)
        try:
            return await waiter
        finally:
            if waiter in waiting.waiters:
                waiting.waiters.remove(waiter)

    def _start_as_needed(self, version: FunctionVersion, waiting: _Waiting) -> None:
        while waiting.starting < len(waiting.waiters) and not self._is_closed:
            waiting.starting += 1
            self._count += 1
            task = asyncio.get_running_loop().create_task(self._start(version, waiting))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)
            self._keep(task)

    async def _start(self, version: FunctionVersion, waiting: _Waiting) -> None:
        environment = problem = None
        try:
            await self._make_room()
            async with self._starts:
                environment = await ExecutionEnvironment.start(self._house, version)
        except Exception as error:
            problem = _refusal(error, version)
        finally:
            waiting.starting -= 1
            if environment is None:
                self._count -= 1
        if environment is None:
            for waiter in waiting.waiters:
                if not waiter.done():
                    waiter.set_exception(problem or AwsError("ServiceException", status=500))
                    waiting.waiters.remove(waiter)
                    return
            return
        self._all.add(environment)
        if self._is_closed:
            await self._close(environment)
        else:
            self._hand_over(environment, waiting, is_new=True)
        self._sweep_on()

    async def _make_room(self) -> None:
        """End the idle environment that was used longest ago, when there are too many. Raises AwsError if none is."""
        if self._count <= ENVIRONMENTS_MAX:
            return
        idle = [environment for waiting in self._versions.values() for environment in waiting.idle]
        if not idle:
            raise too_many("ConcurrentInvocationLimitExceeded")
        oldest = min(idle, key=lambda environment: environment.used_at)
        self._versions[_key(oldest.version)].idle.remove(oldest)
        await self._close(oldest)

    def _hand_over(self, environment: ExecutionEnvironment, waiting: _Waiting, *, is_new: bool = False) -> None:
        """Give a free environment to whoever waits for it, or keep it."""
        while waiting.waiters:
            waiter = waiting.waiters.popleft()
            if not waiter.done():
                waiter.set_result(environment)
                return
        if is_new and not environment.can_be_used(self._house.clock.now()):
            self._close_soon(environment)
            return
        waiting.idle.append(environment)

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        waiting = self._versions.get(_key(environment.version))
        if waiting is None:
            waiting = self._versions[_key(environment.version)] = _Waiting()
        waiting.finishing += 1
        self._keep(asyncio.get_running_loop().create_task(self._finish(environment, waiting)))

    async def _finish(self, environment: ExecutionEnvironment, waiting: _Waiting) -> None:
        try:
            if environment.finishing is not None:
                await environment.finishing
        finally:
            waiting.finishing -= 1
        if self._is_closed or not environment.can_be_used(self._house.clock.now()):
            # Whoever hoped for it needs another one now.
            self._start_as_needed(environment.version, waiting)
            await self._close(environment)
        else:
            self._hand_over(environment, waiting)

    def _close_soon(self, environment: ExecutionEnvironment) -> None:
        self._keep(asyncio.get_running_loop().create_task(self._close(environment)))

    async def _close(self, environment: ExecutionEnvironment) -> None:
        if environment in self._all:
            self._all.discard(environment)
            self._count -= 1
            await environment.close()

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not isinstance(task.exception(), AwsError):
            _log.error("an execution environment met an error", error_type=type(task.exception()).__name__)

    def _forget(self, names: Sequence[str]) -> None:
        """See to the environments of functions that were changed or deleted."""
        changed = {tuple(name[len(_CHANGED) :].split("/", 2)) for name in names if name.startswith(_CHANGED)}
        if self._all and (changed or not names) and not self._is_closed:
            self._keep(asyncio.get_running_loop().create_task(self._end_replaced(changed)))

    async def _end_replaced(self, changed: "set[tuple[str, ...]]") -> None:
        """End what is idle of versions that are not as they were. What is busy ends when it has answered."""
        directory = self._house.part(FunctionDirectory)
        for environment in tuple(self._all):
            version = environment.version
            place = (version.account_id, version.region, version.name)
            if changed and place not in changed:
                continue
            function = await directory.find(*place)
            current = await directory.version(function, version.number) if function is not None else None
            has_network = function is not None and network_of(function.tags) == environment.network
            if current is not None and _key(current) == _key(version) and has_network:
                continue
            environment.is_replaced = True
            waiting = self._versions.get(_key(version))
            if waiting is not None and environment in waiting.idle:
                waiting.idle.remove(environment)
                await self._close(environment)

    def _sweep_on(self) -> None:
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def _sweep(self) -> None:
        """End, every few seconds, what has been idle for long, cannot be used any more, or is one too many."""
        while self._all and not self._is_closed:
            await asyncio.sleep(SWEEP_SECONDS)
            now, limit = self._house.clock.now(), time.monotonic() - IDLE_SECONDS_MAX
            ended = []
            for key, waiting in list(self._versions.items()):
                ended += [each for each in waiting.idle if each.used_at < limit or not each.can_be_used(now)]
                waiting.idle = [each for each in waiting.idle if each.used_at >= limit and each.can_be_used(now)]
                if waiting.is_empty:
                    del self._versions[key]
            idle = sorted((each for waiting in self._versions.values() for each in waiting.idle), key=_used_at)
            for environment in idle[: max(0, len(idle) - IDLE_MAX)]:
                self._versions[_key(environment.version)].idle.remove(environment)
                ended.append(environment)
            for environment in ended:
                await self._close(environment)

    async def close(self) -> None:
        """End every environment and write its log. Invocations that are not over fail."""
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        for waiting in self._versions.values():
            for waiter in waiting.waiters:
                if not waiter.done():
                    waiter.set_exception(_stopping())
        for task in tuple(self._starting):
            task.cancel()
        await asyncio.gather(*(self._close(environment) for environment in tuple(self._all)), return_exceptions=True)
        while self._tasks:
            await asyncio.gather(*tuple(self._tasks), return_exceptions=True)


def _stopping() -> AwsError:
    return AwsError("ServiceException", "The server is stopping.", 503)


def _used_at(environment: ExecutionEnvironment) -> float:
    return environment.used_at


def too_many(reason: str) -> AwsError:
    """More invocations than may run at the same time. Source: Lambda API Reference, TooManyRequestsException."""
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, members={"Type": "User", "Reason": reason})


def _refusal(error: Exception, version: FunctionVersion) -> AwsError:
    """Return what Invoke answers when an environment cannot be started."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, RuntimeMissing):
        return AwsError("InvalidRuntimeException", f"{error}.", 502)
    if isinstance(error, StorageUnavailable):
        return AwsError("ServiceException", "The database is not available.", 503)
    reason = str(error) if isinstance(error, (SandboxUnavailable, NoMemoryFileSystem, OSError)) else "an internal error"
    _log.error("a function could not be started", function=version.name, reason=reason, kind=type(error).__name__)
    return AwsError("ServiceException", f"The function could not be started: {reason}", 500)
