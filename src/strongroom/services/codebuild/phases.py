"""The phases of a build that run its commands, in order: what is run, what a failure means, and what is told of it.

Source: AWS CodeBuild User Guide, "Build phase transitions"; "Build specification reference", phases/*/on-failure; API
Reference, BuildPhase, PhaseContext.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

import re2

from strongroom.services.codebuild.buildspec.specification import (
    ABORT,
    BUILD,
    CONTINUE,
    PHASES,
    RETRY,
    Phase,
    Specification,
)

SUCCEEDED, FAILED, STOPPED, TIMED_OUT = "SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT"
COMMAND_EXECUTION_ERROR = "COMMAND_EXECUTION_ERROR"


class Ending(Exception):  # noqa: N818 (it is how a build ends, not always an error)
    """Raised by a shell when the build ends before its commands do: `status` is STOPPED, TIMED_OUT, or FAILED."""

    def __init__(self, status: str, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or "BUILD_" + status


class CommandShell(Protocol):
    """Runs the commands of one build."""

    async def run(self, command: str, run_as: str) -> int:
        """Run one command and return its exit status. Raises Ending."""


class PhaseResult(NamedTuple):
    """How a phase ended. Times are in seconds since the epoch; `message` is empty unless it failed."""

    name: str
    status: str
    started_at: float
    ended_at: float
    message: str = ""
    status_code: str = ""


class PhaseRunner:
    """Runs the phases of one build specification in a shell, and tells of it in the build's log."""

    def __init__(
        self,
        specification: Specification,
        shell: CommandShell,
        tell: Callable[[str], None],
        now: Callable[[], float],
        on_phase: Callable[[str], Awaitable[None]],
        on_result: Callable[[PhaseResult], None] = lambda result: None,
    ) -> None:
        """`tell` takes a line for the log, `on_phase` the name of each phase as it begins, `on_result` how it ended."""
        self._specification = specification
        self._shell = shell
        self._tell = tell
        self._now = now
        self._on_phase = on_phase
        self._on_result = on_result

    async def run(self) -> list[PhaseResult]:
        """Run all phases that are to run. A phase without commands succeeds at once, as with AWS."""
        results: list[PhaseResult] = []
        for name in PHASES:
            phase = self._specification.phases.get(name, Phase())
            await self._on_phase(name.upper())
            self._tell(f"Entering phase {name.upper()}")
            result = await self._phase(name, phase)
            results.append(result)
            self._on_result(result)
            self._tell(f"Phase complete: {name.upper()} State: {result.status}")
            self._tell(f"Phase context status code: {result.status_code} Message: {result.message}")
            if result.status != SUCCEEDED and not _goes_on(name, phase, result):
                break
        return results

    async def _phase(self, name: str, phase: Phase) -> PhaseResult:
        started_at = self._now()
        retries = phase.on_failure.retries if phase.on_failure.action == RETRY else 0
        while True:
            try:
                message = await self._once(phase)
            except Ending as ending:
                return PhaseResult(name.upper(), ending.status, started_at, self._now(), ending.message, ending.code)
            if not message:
                return PhaseResult(name.upper(), SUCCEEDED, started_at, self._now())
            pattern = phase.on_failure.pattern
            if retries == 0 or (pattern and not _is_found(pattern, message)):
                return PhaseResult(name.upper(), FAILED, started_at, self._now(), message, COMMAND_EXECUTION_ERROR)
            retries -= 1
            self._tell(f"Phase {name.upper()} failed and is run again, {retries} more times at most")

    async def _once(self, phase: Phase) -> str:
        """Run a phase's commands, and those at its end in any case. Return what failed, empty for nothing."""
        run_as = phase.run_as or self._specification.run_as
        message = await self._commands(phase.commands, run_as)
        return await self._commands(phase.finally_commands, run_as) or message

    async def _commands(self, commands: tuple[str, ...], run_as: str) -> str:
        for command in commands:
            self._tell(f"Running command {command}")
            status = await self._shell.run(command, run_as)
            if status != 0:
                self._tell(f"Command did not exit successfully {command} exit status {status}")
                return f"Error while executing command: {command}. Reason: exit status {status}"
        return ""


def _goes_on(name: str, phase: Phase, result: PhaseResult) -> bool:
    """Return whether the next phase runs after one that did not succeed."""
    if result.status_code != COMMAND_EXECUTION_ERROR:
        return False
    if phase.on_failure.action == CONTINUE:
        return True
    # Unless told otherwise, what failed to build is still cleaned up after.
    return name == BUILD and phase.on_failure.action != ABORT


def _is_found(pattern: str, text: str) -> bool:
    try:
        return re2.search(pattern, text) is not None
    except re2.error:
        return False
