import asyncio
from itertools import count

import pytest

from strongroom.services.codebuild.buildspec.specification import read_specification
from strongroom.services.codebuild.phases import Ending, PhaseResult, PhaseRunner


class Shell:
    """A shell whose commands are `exit N`, `flaky N` (which fails N times), `stop`; anything else succeeds."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self._left: dict[str, int] = {}

    async def run(self, command: str, run_as: str) -> int:
        self.ran.append(f"{run_as}: {command}" if run_as else command)
        word, _, number = command.partition(" ")
        if word == "stop":
            raise Ending("STOPPED", "Build stopped by the user.")
        if word == "exit":
            return int(number)
        if word == "flaky":
            left = self._left.setdefault(command, int(number))
            self._left[command] = left - 1
            return 7 if left > 0 else 0
        return 0


def run(phases: str) -> tuple[list[PhaseResult], list[str], list[str]]:
    shell, told, begun = Shell(), [], []
    ticks = count(100)

    async def on_phase(name: str) -> None:
        begun.append(name)

    runner = PhaseRunner(
        read_specification("version: 0.2\nphases:\n" + phases), shell, told.append, lambda: float(next(ticks)), on_phase
    )
    results = asyncio.run(runner.run())
    assert begun == [result.name for result in results]
    assert all(result.started_at < result.ended_at for result in results)
    return results, shell.ran, told


def statuses(results: list[PhaseResult]) -> dict[str, str]:
    return {result.name: result.status for result in results}


ALL = ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"]


def test_all_phases_run_in_order_and_one_without_commands_succeeds() -> None:
    results, ran, told = run("  post_build: {commands: [c]}\n  pre_build: {commands: [a, b]}\n")
    assert statuses(results) == dict.fromkeys(ALL, "SUCCEEDED")
    assert ran == ["a", "b", "c"]
    assert told[:2] == ["Entering phase INSTALL", "Phase complete: INSTALL State: SUCCEEDED"]
    assert "Running command b" in told


@pytest.mark.parametrize("phase", ["install", "pre_build"])
def test_a_failure_before_the_build_ends_it(phase: str) -> None:
    results, ran, told = run(f"  {phase}: {{commands: [a, exit 3, b], finally: [z]}}\n  build: {{commands: [c]}}\n")
    assert ran == ["a", "exit 3", "z"]
    last = results[-1]
    assert (last.name, last.status, last.status_code) == (phase.upper(), "FAILED", "COMMAND_EXECUTION_ERROR")
    assert last.message == "Error while executing command: exit 3. Reason: exit status 3"
    assert f"Phase context status code: COMMAND_EXECUTION_ERROR Message: {last.message}" in told


def test_after_a_build_that_failed_comes_what_cleans_up() -> None:
    results, ran, _ = run("  build: {commands: [exit 1]}\n  post_build: {commands: [c]}\n")
    assert ran == ["exit 1", "c"]
    assert statuses(results) == dict.fromkeys(ALL, "SUCCEEDED") | {"BUILD": "FAILED"}


@pytest.mark.parametrize(
    ("action", "after"), [("ABORT", False), ("CONTINUE", True), ("RETRY-1-exit status 1$", True), ("RETRY-2-no", True)]
)
def test_what_follows_a_failure_can_be_told(action: str, after: bool) -> None:
    phases = f"  build: {{commands: [exit 1], on-failure: '{action}'}}\n  post_build: {{commands: [c]}}\n"
    results, ran, _ = run(phases)
    assert ("c" in ran) == after
    assert ran.count("exit 1") == (2 if action.startswith("RETRY-1") else 1)
    assert statuses(results)["BUILD"] == "FAILED"


def test_a_phase_is_tried_again() -> None:
    results, ran, _ = run("  install: {commands: [a, flaky 2], finally: [z], on-failure: RETRY-2}\n")
    assert ran == ["a", "flaky 2", "z"] * 3
    assert statuses(results)["INSTALL"] == "SUCCEEDED"
    for times, status in ((3, "SUCCEEDED"), (4, "FAILED")):
        results, ran, _ = run(f"  install: {{commands: [flaky {times}], on-failure: RETRY}}\n")
        assert (ran, statuses(results)["INSTALL"]) == ([f"flaky {times}"] * 4, status)


def test_a_failure_at_the_end_is_a_failure() -> None:
    results, _, _ = run("  install: {commands: [a], finally: [exit 2]}\n")
    assert statuses(results) == {"INSTALL": "FAILED"}


def test_a_build_that_is_stopped_runs_nothing_more() -> None:
    results, ran, _ = run(
        "  build: {commands: [stop, a], finally: [z], on-failure: CONTINUE}\n  post_build: {commands: [c]}\n"
    )
    assert ran == ["stop"]
    assert (results[-1].status, results[-1].message) == ("STOPPED", "Build stopped by the user.")


def test_commands_run_as_whom_the_phase_says() -> None:
    text = "version: 0.2\nrun-as: ann\nphases:\n  install: {commands: [a]}\n  build: {commands: [b], run-as: bob}\n"
    shell = Shell()

    async def on_phase(name: str) -> None:
        pass

    asyncio.run(PhaseRunner(read_specification(text), shell, lambda line: None, lambda: 0.0, on_phase).run())
    assert shell.ran == ["ann: a", "bob: b"]
