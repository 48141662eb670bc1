"""What is told of builds and reports no longer: reports after 30 days, builds after a year; and what a crash leaves."""

import json
from datetime import timedelta
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.codebuild.test_build_queue import _found, _limit, _ready, _start
from tests.services.refusals import refused

from strongroom.base.context import Origin, new_request_id
from strongroom.operations.perform import perform
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.names import read_build_name
from strongroom.services.codebuild.reports.results import CaseResult, case_summary

GROUP = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:report-group/gg"


async def inner(opened: OpenedHouse, name: str, **params: Any) -> dict[str, Any]:
    """Carry out what builds ask for: no service model has it."""
    now = opened.clock.now()
    origin = Origin(new_request_id(now), now, "codebuild.amazonaws.com", secure=True)
    return await perform(
        opened.house, "codebuild", name, params, caller=opened.caller, origin=origin, region="us-east-1"
    )


async def report(opened: OpenedHouse, build_arn: str) -> str:
    """Return the ARN of a report that a build is making, with a test case in it."""
    arn: str = (await inner(opened, "CreateReport", reportGroupArn=GROUP, buildArn=build_arn))["reportArn"]
    cases = [CaseResult("c", "case", "SUCCEEDED", 5, "message")]
    await inner(opened, "BatchPutTestCases", reportArn=arn, testCases=cases, isTruncated=False)
    return arn


async def group(opened: OpenedHouse) -> None:
    config = {"exportConfigType": "NO_EXPORT"}
    await opened.call("codebuild", "CreateReportGroup", name="gg", type="TEST", exportConfig=config)


def test_reports_are_gone_after_thirty_days(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await group(opened)
        arn = await report(opened, "a-build")
        summary = case_summary([CaseResult("c", "case", "SUCCEEDED", 5)])
        await inner(opened, "UpdateReport", reportArn=arn, status="SUCCEEDED", summary=summary)
        with refused("ResourceNotFoundException"):
            await inner(opened, "UpdateReport", reportArn=arn, status="FAILED", summary=None)
        opened.clock.advance(timedelta(days=29))
        newer = await report(opened, "a-build")
        await opened.run_periodic_work()
        answer = await opened.call("codebuild", "DescribeTestCases", reportArn=arn)
        assert [(case["name"], case["message"]) for case in answer["testCases"]] == [("case", "message")]
        opened.clock.advance(timedelta(days=1, seconds=1))
        # Whoever asks in time is told, and nobody else, though it is there still.
        for asked in ("before the job", "after the job"):
            assert (await opened.call("codebuild", "BatchGetReports", reportArns=[arn]))["reports"] == [], asked
            with refused("ResourceNotFoundException"):
                await opened.call("codebuild", "DescribeTestCases", reportArn=arn)
            assert (await opened.call("codebuild", "ListReports"))["reports"] == [newer]
            await opened.run_periodic_work()
        from strongroom.services.codebuild.reports.tables import expired_reports

        now = opened.clock.now()
        assert not await opened.house.store.read(lambda connection: expired_reports(connection, now, 9))
        opened.clock.advance(timedelta(days=30))
        await opened.call("codebuild", "DeleteReportGroup", arn=GROUP)

    in_house(body)


def test_the_trail_tells_who_wrote_a_report(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await group(opened)
        await report(opened, "a-build")
        with refused("InvalidInputException"):
            await inner(opened, "UpdateReport", reportArn="none", status="SUCCEEDED")
        await opened.run_periodic_work()
        wanted = [{"AttributeKey": "EventSource", "AttributeValue": "codebuild.amazonaws.com"}]
        events = (await opened.call("cloudtrail", "LookupEvents", LookupAttributes=wanted))["Events"]
        told = {event["EventName"]: json.loads(event["CloudTrailEvent"]) for event in events}
        assert {"CreateReportGroup", "CreateReport", "BatchPutTestCases", "UpdateReport"} <= told.keys()
        assert told["UpdateReport"]["errorCode"] == "InvalidInputException"
        put = told["BatchPutTestCases"]
        assert (put["requestParameters"], put["responseElements"]) == (None, None)
        assert [resource["ARN"] for resource in put["resources"]] == [GROUP]

    in_house(body)


def test_results_are_sealed_where_they_are_stored(in_house: InHouse[None]) -> None:
    from sqlalchemy import select

    from strongroom.services.codebuild.reports.tables import REPORTS

    async def body(opened: OpenedHouse) -> None:
        await group(opened)
        await report(opened, "a-build")
        rows = await opened.house.store.read(lambda connection: connection.execute(select(REPORTS)).all())
        (sealed,) = [row.sealed_results for row in rows]
        assert sealed.startswith(b"SR\x01\x01")
        assert b"message" not in sealed

    in_house(body)


def test_the_reports_of_a_build_that_ends_early_are_incomplete(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "true")
        await _limit(opened, 0)
        await group(opened)
        build_id = await _start(opened)
        build = await _found(opened, build_id)
        arn = await report(opened, build["arn"])
        named = read_build_name(build_id, ACCOUNT, "us-east-1")
        assert named is not None

        def run_elsewhere(connection: Any) -> None:
            row = tables.select_build(connection, named)
            assert row is not None
            values = {"state": tables.RUNNING, "server": "gone", "alive_until": 0.0}
            assert tables.update_build(connection, row.number, (tables.QUEUED,), values)

        await opened.house.store.write(run_elsewhere)
        found = (await opened.call("codebuild", "BatchGetReports", reportArns=[arn]))["reports"]
        assert [each["status"] for each in found] == ["GENERATING"]
        await opened.run_periodic_work()
        assert (await _found(opened, build_id))["buildStatus"] == "FAULT"
        found = (await opened.call("codebuild", "BatchGetReports", reportArns=[arn]))["reports"]
        assert [each["status"] for each in found] == ["INCOMPLETE"]

    in_house(body)


def test_builds_are_gone_after_a_year(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _ready(opened, "true")
        await _limit(opened, 0)
        old = await _start(opened)
        await opened.call("codebuild", "StopBuild", id=old)
        opened.clock.advance(timedelta(days=364))
        newer, waiting = await _start(opened), await _start(opened)
        await opened.call("codebuild", "StopBuild", id=newer)
        await opened.run_periodic_work()
        assert (await opened.call("codebuild", "ListBuilds"))["ids"] == [waiting, newer, old]
        opened.clock.advance(timedelta(days=1, hours=2))
        await opened.run_periodic_work()
        assert (await opened.call("codebuild", "ListBuilds"))["ids"] == [waiting, newer]

    in_house(body)
