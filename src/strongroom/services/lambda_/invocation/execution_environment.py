"""An execution environment: a sandbox in which one version of a function waits for invocations, one at a time.

Source: AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
"""

import asyncio
import contextlib
import os
import time
from contextlib import AsyncExitStack

from strongroom.base.configuration import user_configuration_directory
from strongroom.operations.house import House
from strongroom.operations.private_networks import Attachment
from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.probe import SandboxUnavailable
from strongroom.runners.relay import Relay
from strongroom.runners.runtime_api import Invocation, Outcome, RuntimeApi, RuntimeEnded
from strongroom.runners.sandbox import Exit, Mount, Sandbox, prepare
from strongroom.services.lambda_.environment import open_variables
from strongroom.services.lambda_.function_directory import FunctionDirectory
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation import results
from strongroom.services.lambda_.invocation.invocation_log import InvocationLog
from strongroom.services.lambda_.invocation.log_stream import LogStream
from strongroom.services.lambda_.invocation.output import OutputReader
from strongroom.services.lambda_.invocation.results import Result
from strongroom.services.lambda_.invocation.role_session import RoleSession, assume_role
from strongroom.services.lambda_.invocation.runtimes import LAYERS_ROOT, RUNTIME_ROOT, TASK_ROOT, Runtime, Runtimes
from strongroom.services.lambda_.invocation.unpacked_code import UnpackedCode, UnpackedCodes
from strongroom.services.lambda_.invocation.variables import CA_BUNDLE, environment_of
from strongroom.services.lambda_.invocation.vpc_attachments import attachment_of
from strongroom.services.lambda_.networks import network_of, routes_of

INIT_SECONDS_MAX = 10.0
MEBIBYTES_PER_CPU = 1_769
"""Source: Developer Guide, "Configure Lambda function memory"."""
CPUS_LEAST = 1.0
"""AWS gives a small function a fraction of this, and more while it starts: here a whole one at any time."""
PROCESSES_MAX = 1_024
OPEN_FILES_MAX = 1_024

OUTPUT_BYTES_PER_SECOND = 4 * MEBIBYTE
"""How fast a function can print in the long run; one that prints faster waits."""
_OUTPUT_CHUNK = 65_536
_OUTPUT_SECONDS_MAX = 2.0
_SECONDS_LEFT_MIN = 30.0
"""What credentials must be good for beyond the timeout, for an environment to be used again."""

CANNOT_EXECUTE = 126
NOT_FOUND = 127


class ExecutionEnvironment:
    """One execution environment. Made by `start`; whoever has it must `close` it."""

    def __init__(self, house: House, version: FunctionVersion, session: RoleSession) -> None:
        self.version = version
        self.session = session
        self.used_at = time.monotonic()
        self.is_replaced = False
        """The version is not as it was, or is gone: there is no further invocation of this one."""
        self.finishing: asyncio.Task[None] | None = None
        self.network = ""
        """What the function's tag said about its network when this was made."""
        self.log = LogStream(house, version)
        self._has_begun = False
        self._init_milliseconds: float | None = None
        self._result_of_init: Outcome | None = None
        self._house = house
        self._held = AsyncExitStack()
        self._end: Exit | None = None
        self._begun = time.monotonic()
        self._invocation_log: InvocationLog | None = None
        self._keeps_pace = asyncio.Event()
        self._keeps_pace.set()
        self._ended = asyncio.Event()
        self._unavailable: SandboxUnavailable | None = None
        self._bootstrap = ""
        self._attachment: Attachment | None = None
        self._watching: asyncio.Task[None] | None = None
        self._sandbox: Sandbox
        self._api: RuntimeApi

    @classmethod
    async def start(cls, house: House, version: FunctionVersion) -> "ExecutionEnvironment":
        """Make an environment, and wait until its runtime is ready, has failed, or has taken all of its time to begin.

        Raises AwsError (the role cannot be assumed, KMS refuses the environment variables, EC2 the network interface),
        RuntimeMissing, SandboxUnavailable, NoMemoryFileSystem, and OSError when there is no memory left for the code.
        """
        runtime = await house.part(_runtimes).find(version.runtime)
        environment = cls(house, version, await assume_role(house, version))
        try:
            own = await open_variables(house, version)
            codes = house.part(UnpackedCodes)
            code = await codes.take(version)
            environment._held.push_async_callback(codes.give_back, code)
            await environment._prepare(runtime, code)
            await environment._begin(runtime, code, own)
        except BaseException:
            await environment.close()
            raise
        return environment

    async def _prepare(self, runtime: Runtime, code: UnpackedCode) -> None:
        """Make the sandbox, in its VPC or in none, and open its ways out: Runtime API, this server, what is granted."""
        house, doors, version = self._house, self._house.doors, self.version
        function = await house.part(FunctionDirectory).find(version.account_id, version.region, version.name)
        self.network = network_of(function.tags) if function is not None else ""
        is_apart = house.configuration.sandbox != "unsafe"
        routes = routes_of(house, version, self.network) if is_apart else ()
        mounts = [*runtime.mounts, Mount(code.task, TASK_ROOT), Mount(code.layers, LAYERS_ROOT)]
        if doors is not None:
            mounts.append(Mount(doors.ca_bundle, CA_BUNDLE))
        attachment = self._attachment = await attachment_of(house, version, await self.session.caller(house))
        if attachment is not None:
            self._held.push_async_callback(attachment.release)
        sandbox = self._sandbox = await prepare(
            limits=limits_of(self.version),
            mounts=mounts,
            ports=1 if doors is None else 2,
            routes=routes,
            mode=house.configuration.sandbox,
            hidden=[*runtime.hidden, house.configuration.data, user_configuration_directory()],
            network=attachment.network if attachment is not None else None,
        )
        self._held.push_async_callback(sandbox.close)
        if routes:
            self._held.push_async_callback(Relay(sandbox.ways_out, routes).close)
        self._api = RuntimeApi(sandbox.listeners[0])
        self._held.push_async_callback(self._api.close)
        await self._api.start()
        if doors is not None:
            door = await doors.listen(sandbox.listeners[1])
            self._held.push_async_callback(door.close)

    async def _begin(self, runtime: Runtime, code: UnpackedCode, own: dict[str, str]) -> None:
        """Start the runtime, and wait for it."""
        sandbox, root = self._sandbox, RUNTIME_ROOT
        if sandbox.mode == "unsafe":
            root = str(runtime.packages_of_host or RUNTIME_ROOT)
        argv = [sandbox.path(runtime.command[0]), *runtime.command[1:], self.version.handler] if runtime.command else []
        if not argv:
            root_of_bootstrap = TASK_ROOT if (code.task / "bootstrap").exists() else LAYERS_ROOT
            self._bootstrap = f"{root_of_bootstrap}/bootstrap"
            argv = [sandbox.path(self._bootstrap)]
        wrapper = own.get("AWS_LAMBDA_EXEC_WRAPPER")
        environment = environment_of(self.version, runtime, sandbox, self.session, own, self.log.name, root)
        self._begun = time.monotonic()
        await sandbox.run([wrapper, *argv] if wrapper else argv, environment, TASK_ROOT)
        self._watching = asyncio.get_running_loop().create_task(self._watch())
        with contextlib.suppress(TimeoutError, RuntimeEnded):
            async with asyncio.timeout(INIT_SECONDS_MAX):
                await self._wait_for_init()
        if self._unavailable is not None:
            raise self._unavailable

    async def _wait_for_init(self) -> None:
        self._result_of_init = await self._api.initialized()
        self._init_milliseconds = (time.monotonic() - self._begun) * 1000
        self._has_begun = True

    async def _read(self) -> None:
        """Put what the function prints into the log, at the pace that it may print."""
        reader, output = OutputReader(), self._sandbox.output
        allowance, at = float(OUTPUT_BYTES_PER_SECOND), time.monotonic()
        while data := await output.read(_OUTPUT_CHUNK):
            for printed in reader.feed(data):
                self._say(printed.message, printed.microseconds)
            now = time.monotonic()
            allowance = min(allowance + (now - at) * OUTPUT_BYTES_PER_SECOND, OUTPUT_BYTES_PER_SECOND) - len(data)
            at = now
            if allowance < 0:
                self._keeps_pace.clear()
                await asyncio.sleep(-allowance / OUTPUT_BYTES_PER_SECOND)
                self._keeps_pace.set()
        for printed in reader.finish():
            self._say(printed.message)

    async def _watch(self) -> None:
        """Note how the runtime ends, once all that it printed is read."""
        reading = asyncio.get_running_loop().create_task(self._read())
        try:
            end = await self._sandbox.wait()
        except SandboxUnavailable as error:
            self._unavailable = error
            end = Exit(CANNOT_EXECUTE, None)
        # Without a sandbox, what it left behind may keep the pipe open.
        await asyncio.wait([reading], timeout=_OUTPUT_SECONDS_MAX)
        reading.cancel()
        self._keeps_pace.set()
        self._end = end
        self._ended.set()
        self._api.end()

    def _say(self, message: str, microseconds: int | None = None) -> None:
        """Put a message into the log, and into what the invocation in hand keeps of it."""
        if not message:
            return
        self.log.add(microseconds // 1000 if microseconds is not None else int(time.time() * 1000), message)
        if self._invocation_log is not None:
            self._invocation_log.note(message)

    def can_be_used(self, now: float) -> bool:
        """Whether it is ready for another invocation, which it can finish before its credentials expire."""
        if self.is_replaced or self._end is not None or not self._api.is_waiting:
            return False
        if self._attachment is not None and not self._attachment.is_in_force:
            return False
        return self.session.expires_at - now >= self.version.timeout_seconds + _SECONDS_LEFT_MIN

    async def invoke(self, invocation: Invocation, *, keeps_log: bool = False) -> Result:
        """Have the function answer an invocation, from now on in its time. It is over when `finishing` is done.

        `keeps_log` has the end of the log in the result, which comes a little later then.
        """
        log = self._invocation_log = InvocationLog(self.version, invocation.request_id, self._say)
        log.start()
        begun = time.monotonic()
        seconds = self.version.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                if not self._has_begun:
                    await self._wait_for_init()
                log.init_milliseconds, self._init_milliseconds = self._init_milliseconds, None
                result = await self._answer(invocation)
        except TimeoutError:
            log.time_out(seconds)
            result = results.timed_out(invocation.request_id, seconds)
        except RuntimeEnded:
            result = self._failure(invocation.request_id)
            log.fail(result.error_type, results.reason_of(self._end or Exit(0, None)))
        self.finishing = asyncio.get_running_loop().create_task(self._finish(log, result, begun))
        if keeps_log:
            await asyncio.shield(self.finishing)
            result = result._replace(log=log.kept())
        return result

    async def _answer(self, invocation: Invocation) -> Result:
        if self._result_of_init is not None:
            return Result(self._result_of_init.payload, results.UNHANDLED, self._result_of_init.error_type or "")
        deadline_ms = int((time.time() + self.version.timeout_seconds) * 1000)
        outcome = await self._api.invoke(invocation._replace(deadline_ms=deadline_ms))
        if outcome.error_type is None:
            return Result(outcome.payload)
        return Result(outcome.payload, results.UNHANDLED, outcome.error_type)

    def _failure(self, request_id: str) -> Result:
        end = self._end or Exit(0, None)
        if self._bootstrap and end.status in (CANNOT_EXECUTE, NOT_FOUND):
            reason = "no such file or directory" if end.status == NOT_FOUND else "permission denied"
            return results.not_started(request_id, self._bootstrap, reason)
        return results.exited(request_id, end)

    async def _finish(self, log: InvocationLog, result: Result, begun: float) -> None:
        """Wait until the runtime asks for the next invocation, or end it; then report on this one."""
        status = "success" if result.error is None else "error"
        if result.error_type == "Sandbox.Timedout":
            status = "timeout"
            await self.end()
        else:
            left = max(0.1, begun + self.version.timeout_seconds - time.monotonic())
            try:
                async with asyncio.timeout(left):
                    # A runtime that could not begin ends by itself.
                    await (self._api.idle() if self._result_of_init is None else self._ended.wait())
            except TimeoutError:
                await self.end()
            except RuntimeEnded:
                pass
        await self._output_read()
        peak = self._sandbox.memory_bytes_peak()
        log.finish((time.monotonic() - begun) * 1000, status, result.error_type, peak)
        self._invocation_log = None
        self.used_at = time.monotonic()

    async def _output_read(self) -> None:
        """Let what the function has printed already come into the log."""
        # It was in the pipe before the runtime's request was in the socket: two turns of the loop read and parse it.
        for _ in range(3):
            await asyncio.sleep(0)
        await self._keeps_pace.wait()

    async def end(self) -> None:
        """End everything that runs in it, at once, and wait until what was printed is read."""
        if self._watching is None:
            return
        await self._sandbox.kill()
        await asyncio.gather(self._watching, return_exceptions=True)

    async def close(self) -> None:
        """End it, write its log, and free all that it had. Safe to call twice."""
        await self.end()
        if self.finishing is not None:
            await asyncio.gather(self.finishing, return_exceptions=True)
        await self._held.aclose()
        await self.log.flush()


def _runtimes(house: House) -> Runtimes:
    return Runtimes()


def limits_of(version: FunctionVersion) -> Limits:
    """Return what an environment of a version may use."""
    cpus = min(max(CPUS_LEAST, version.memory_mb / MEBIBYTES_PER_CPU), float(os.cpu_count() or 1))
    return Limits(
        memory_bytes=version.memory_mb * MEBIBYTE,
        cpus=cpus,
        processes_max=PROCESSES_MAX,
        open_files_max=OPEN_FILES_MAX,
        temporary_bytes=version.ephemeral_storage_mb * MEBIBYTE,
    )
