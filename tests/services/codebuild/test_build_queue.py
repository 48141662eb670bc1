"""The queue of builds: its order, its limits, its timeouts; and what a server that is killed leaves behind."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.running_server import running_server
from tests.services.codebuild.building import (
    LOGS,
    Workshop,
    allow,
    client_of,
    context,
    demand_sandbox,
    document,
    specification,
    statuses,
)
from tests.services.codebuild.test_projects import ACCOUNT, ROLE, SETTINGS, with_role
from tests.services.refusals import refused

from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, set_value
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.names import read_build_name
from strongroom.services.codebuild.queue import AT_ONCE_MAX, BuildQueue
from strongroom.services.codebuild.quotas import CONCURRENT


def test_twenty_builds_finish_in_the_order_of_the_queue_though_the_server_is_killed(tmp_path: Path) -> None:
    demand_sandbox()
    with running_server(tmp_path) as server:
        workshop = Workshop(server)
        project = workshop.project(specification("echo begun; echo ended"))
        slow = workshop.project(specification("echo begun; sleep 60"))
        interrupted = [workshop.client.start_build(projectName=slow)["build"]["id"] for _ in range(AT_ONCE_MAX)]
        for build_id in interrupted:
            workshop.until(build_id, lambda build: build["currentPhase"] == "BUILD")
        queued = [workshop.client.start_build(projectName=project)["build"]["id"] for _ in range(20)]
        assert {workshop.found(build_id)["currentPhase"] for build_id in queued} == {"QUEUED"}
        server.kill()
        server.start()
        workshop.client = client_of(server, "codebuild")
        for build_id in interrupted:
            build = workshop.ended(build_id)
            assert build["buildStatus"] == "FAULT"
            assert context(build, "BUILD")[:2] == ("FAULT", "INTERNAL_SERVICE_ERROR")
            assert "The server ended while the build ran." in context(build, "BUILD")[2]
        builds = [workshop.ended(build_id) for build_id in queued]
        assert {build["buildStatus"] for build in builds} == {"SUCCEEDED"}
        assert all(workshop.printed(build) == ["begun", "ended"] for build in builds[::7])
        begun = [build["phases"][2]["startTime"] for build in builds]
        assert begun == sorted(begun)
        assert [build["buildNumber"] for build in builds] == list(range(1, 21))
        again = workshop.client.retry_build(id=interrupted[0])["build"]["id"]
        workshop.until(again, lambda build: build["currentPhase"] == "BUILD")
        workshop.client.stop_build(id=again)
        assert workshop.ended(again)["buildStatus"] == "STOPPED"
        last = workshop.client.retry_build(id=again)["build"]["id"]
        workshop.until(last, lambda build: build["currentPhase"] == "BUILD")
        states = [event for event in _events(server) if "BuildStateChange" in event]
        assert sum('"FAULT"' in event for event in states) == len(interrupted)
        assert sum('"SUCCEEDED"' in event for event in states) == len(queued)
        # A server that is told to stop says of its builds that it did.
        assert server.stop() == 0
        server.start()
        workshop.client = client_of(server, "codebuild")
        assert workshop.found(last)["buildStatus"] == statuses(workshop.found(last))["BUILD"] == "FAULT"


def _events(server: Any) -> list[str]:
    """Return the events of the account's history that are CodeBuild's."""
    trail = client_of(server, "cloudtrail")
    wanted = [{"AttributeKey": "EventSource", "AttributeValue": "codebuild.amazonaws.com"}]
    deadline = time.monotonic() + 20
    while True:
        pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=wanted)
        events = [event["CloudTrailEvent"] for page in pages for event in page["Events"]]
        if sum("BuildStateChange" in event and "STOPPED" in event for event in events):
            return events
        assert time.monotonic() < deadline, "the events did not come"
        time.sleep(0.3)


async def _ready(opened: OpenedHouse, command: str, **members: Any) -> None:
    await with_role(opened, LOGS)
    source = {"type": "NO_SOURCE", "buildspec": specification(command)}
    await opened.call("codebuild", "CreateProject", name="app", **(SETTINGS | {"source": source} | members))


async def _let_retry(opened: OpenedHouse) -> None:
    policy = document(LOGS, allow("codebuild:RetryBuild"))
    await opened.call("iam", "PutRolePolicy", RoleName="builder", PolicyName="p", PolicyDocument=policy)


async def _start(opened: OpenedHouse, **overrides: Any) -> str:
    answer = await opened.call("codebuild", "StartBuild", projectName="app", **overrides)
    build_id: str = answer["build"]["id"]
    return build_id


async def _found(opened: OpenedHouse, build_id: str) -> dict[str, Any]:
    build: dict[str, Any] = (await opened.call("codebuild", "BatchGetBuilds", ids=[build_id]))["builds"][0]
    return build


async def _limit(opened: OpenedHouse, most: float) -> None:
    quota = CONCURRENT["BUILD_GENERAL1_SMALL"]
    await opened.house.store.write(
        lambda connection: set_value(
            connection, quota, most, opened.clock.now(), opened.caller.account_id, "us-east-1"
        ),
        invalidates=(QUOTAS_CACHE_NAME,),
    )


def test_builds_wait_for_the_accounts_limit_and_time_out(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "true")
        await _limit(opened, 0)
        first = await _start(opened)
        second = await _start(opened, queuedTimeoutInMinutesOverride=5)
        third = await _start(opened)
        opened.clock.advance(timedelta(seconds=301))
        await opened.run_periodic_work()
        assert (await _found(opened, first))["currentPhase"] == "QUEUED"
        build = await _found(opened, second)
        assert build["buildStatus"] == "TIMED_OUT"
        assert list(statuses(build)) == ["SUBMITTED", "QUEUED", "COMPLETED"]
        assert (await opened.call("codebuild", "StopBuild", id=third))["build"]["buildStatus"] == "STOPPED"
        for _ in range(4):
            await _start(opened)
        with refused("AccountLimitExceededException", "Cannot have more than 5 builds in queue for the account"):
            await _start(opened)
        await opened.call("codebuild", "StopBuild", id=first)

    in_house(body)


def test_a_build_that_takes_too_long_times_out(in_house: InHouse[None]) -> None:
    demand_sandbox()

    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "sleep 60", timeoutInMinutes=5)
        build_id = await _start(opened)
        while (await _found(opened, build_id))["currentPhase"] != "BUILD":
            await asyncio.sleep(0.02)
        opened.clock.advance(timedelta(seconds=299))
        await opened.run_periodic_work()
        assert (await _found(opened, build_id))["buildStatus"] == "IN_PROGRESS"
        opened.clock.advance(timedelta(seconds=2))
        await opened.run_periodic_work()
        await opened.house.part(BuildQueue).settled()
        build = await _found(opened, build_id)
        assert build["buildStatus"] == "TIMED_OUT"
        assert context(build, "BUILD") == ("TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out. ")

    in_house(body)


def test_a_build_that_fails_is_started_again_as_its_role(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "exit 3", autoRetryLimit=2)
        queue = opened.house.part(BuildQueue)
        refused_id = await _start(opened)
        await queue.settled()
        assert (await _found(opened, refused_id))["autoRetryConfig"] == {"autoRetryLimit": 2, "autoRetryNumber": 0}
        await _let_retry(opened)
        first = await _found(opened, await _start(opened, autoRetryLimitOverride=1))
        await queue.settled()
        builds = [await _found(opened, first["id"])]
        while "nextAutoRetry" in builds[-1]["autoRetryConfig"]:
            builds.append(await _found(opened, builds[-1]["autoRetryConfig"]["nextAutoRetry"]))
        assert [build["autoRetryConfig"]["autoRetryNumber"] for build in builds] == [0, 1]
        assert [build["buildNumber"] for build in builds] == [2, 3]
        assert builds[1]["autoRetryConfig"]["previousAutoRetry"] == builds[0]["arn"]
        assert builds[1]["initiator"] == f"builder/AWSCodeBuild-{builds[0]['id'].partition(':')[2]}"
        assert {build["buildStatus"] for build in builds} == {"FAILED"}
        # What RetryBuild starts when somebody asks for it is counted anew.
        again = (await opened.call("codebuild", "RetryBuild", id=builds[1]["id"]))["build"]
        assert again["autoRetryConfig"] == {"autoRetryLimit": 1, "autoRetryNumber": 0}
        await opened.call("codebuild", "StopBuild", id=again["id"])
        await queue.settled()

    in_house(body)


def test_what_is_to_be_started_again_is_not_forgotten_with_a_server(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "exit 3", autoRetryLimit=1)
        await _let_retry(opened)
        build_id = await _start(opened, autoRetryLimitOverride=0)
        queue = opened.house.part(BuildQueue)
        await queue.settled()
        build = await _found(opened, build_id)

        def leave(connection: Any) -> None:
            # As a server leaves it that is killed when the end was written, and nothing more.
            named = read_build_name(build["arn"], ACCOUNT, "us-east-1")
            row = tables.select_build(connection, named) if named is not None else None
            assert row is not None
            values = {"state": tables.RETRYING, "settings": row.settings | {"autoRetryLimit": 1}}
            assert tables.update_build(connection, row.number, (tables.ENDED,), values)

        await opened.house.store.write(leave)
        await queue.work()
        await queue.settled()
        after = await _found(opened, build_id)
        retried = await _found(opened, after["autoRetryConfig"]["nextAutoRetry"])
        assert (retried["buildStatus"], retried["autoRetryConfig"]["autoRetryNumber"]) == ("FAILED", 1)
        assert "nextAutoRetry" not in retried["autoRetryConfig"]

    in_house(body)


def test_where_there_is_no_sandbox_a_build_says_why(in_house: InHouse[None], monkeypatch: Any) -> None:
    from strongroom.runners.probe import SandboxUnavailable
    from strongroom.services.codebuild.running import room

    async def prepare(**_: Any) -> None:
        raise SandboxUnavailable("there is no sandbox: bubblewrap (bwrap) is not installed")

    monkeypatch.setattr(room, "prepare", prepare)

    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "true")
        build_id = await _start(opened)
        await opened.house.part(BuildQueue).settled()
        build = await _found(opened, build_id)
        assert build["buildStatus"] == "FAULT"
        assert "bwrap" in context(build, "PROVISIONING")[2]
        assert build["serviceRole"] == ROLE

    in_house(body)


def test_without_a_sandbox_builds_run_all_the_same_if_the_operator_wants_it_so(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "echo $CODEBUILD_SRC_DIR >$HOME/../x; test $(pwd) = $CODEBUILD_SRC_DIR")
        build_id = await _start(opened)
        await opened.house.part(BuildQueue).settled()
        build = await _found(opened, build_id)
        assert build["buildStatus"] == "SUCCEEDED", build["phases"]

    in_house(body, sandbox="unsafe")
