"""Builds: from StartBuild to the first command, and to the end: `python -m benchmarks.builds [--quick]`.

The first command prints what time it is, by the clock of the machine that asked for the build. Builds are run one after
the other, and then many at once, in the queue.
"""

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import machine, processes, report, servers
from benchmarks.load import WrongAnswerError
from benchmarks.outcome import status_of
from benchmarks.servers import Server

FIRST_COMMAND_MILLISECONDS_MAX = 300.0
"""The aim, at the median."""

BUILD_SECONDS_MAX = 60.0
NAME = "builds"
SPECIFICATION = {"version": 0.2, "phases": {"build": {"commands": ["date +%s.%N"]}}}


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Builds:
    """The builds of one project that does next to nothing."""

    def __init__(self, server: Server) -> None:
        access = server.access
        self._client, self._logs, iam = access.client("codebuild"), access.client("logs"), access.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
        made = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=_document(trust))
        may = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
        iam.put_role_policy(RoleName=NAME, PolicyName="logs", PolicyDocument=_document(may))
        self._client.create_project(
            name=NAME,
            source={"type": "NO_SOURCE", "buildspec": json.dumps(SPECIFICATION)},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={"type": "LINUX_CONTAINER", "image": "host", "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=made["Role"]["Arn"],
        )

    def start(self) -> str:
        """Start a build and return its id."""
        return str(self._client.start_build(projectName=NAME)["build"]["id"])

    def ended(self, build_id: str) -> dict[str, Any]:
        """Return a build when it has ended. Raises WrongAnswerError when it did not succeed."""
        deadline = time.monotonic() + BUILD_SECONDS_MAX
        while True:
            build: dict[str, Any] = self._client.batch_get_builds(ids=[build_id])["builds"][0]
            if build["buildStatus"] == "SUCCEEDED":
                return build
            if build["buildComplete"] or time.monotonic() > deadline:
                raise WrongAnswerError(f"a build is {build['buildStatus']}: {build['phases']}")
            time.sleep(0.02)

    def first_command_at(self, build: dict[str, Any]) -> float:
        """Return when the first command ran, in seconds since the epoch."""
        place = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        events = self._logs.get_log_events(**place, startFromHead=True)["events"]
        return float(next(each["message"] for each in events if not each["message"].startswith("[Container] ")))


def _one_by_one(builds: Builds, count: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds to the first command, and to the end."""
    first, whole = [], []
    for _ in range(count):
        begin = time.time()
        build = builds.ended(builds.start())
        first.append((builds.first_command_at(build) - begin) * 1e3)
        whole.append((build["endTime"] - build["startTime"]).total_seconds() * 1e3)
    return first, whole


def _at_once(builds: Builds, count: int) -> float:
    """Return how many builds a second end that are started all at once."""
    begin = time.perf_counter()
    for build_id in [builds.start() for _ in range(count)]:
        builds.ended(build_id)
    return count / (time.perf_counter() - begin)


def _row(what: str, taken: list[float]) -> list[str]:
    return [what, f"{len(taken)}", f"{min(taken):.0f}", f"{median(taken):.0f}", f"{quantiles(taken, n=20)[-1]:.0f}"]


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    cores = processes.choose_cores()
    server = servers.start_strongroom(directory, cores.server)
    stack.callback(server.stop)
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        # The builds that the server starts may use the whole machine.
        os.sched_setaffinity(int(task.name), range(os.cpu_count() or 1))
    print(machine.describe())
    builds = Builds(server)
    count = 5 if arguments.quick else 40
    _one_by_one(builds, 3)
    first, whole = _one_by_one(builds, count)
    rows = [_row("StartBuild to the first command", first), _row("StartBuild to the end", whole)]
    print(report.table(("Builds, milliseconds", "times", "least", "median", "95 %"), rows))
    print(f"\n{_at_once(builds, 4 * count):.1f} builds a second, {4 * count} in the queue")
    verdict = "met" if median(first) <= FIRST_COMMAND_MILLISECONDS_MAX else "not met"
    print(
        f"The first command runs after {median(first):.0f} ms (aim: at most {FIRST_COMMAND_MILLISECONDS_MAX:g}): "
        f"{verdict}"
    )


def main() -> int:
    """Return the exit status (`status_of`)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.builds", description="Measure builds.")
    parser.add_argument("--quick", action="store_true", help="few of each: a look, not a figure to quote")
    return status_of(partial(_run, parser.parse_args()), with_peers=False)


if __name__ == "__main__":
    sys.exit(main())
