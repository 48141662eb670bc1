"""What builds do to reports, as their service role: make one, put results into it, say how it ended.

On AWS these actions are in policies too, and no client can call them.

Source: AWS CodeBuild User Guide, "Test report permissions"; API Reference, Report.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, inner_operation
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.access import ReportGroup, about_group, about_report
from strongroom.services.codebuild.reports.names import ReportName
from strongroom.services.codebuild.reports.results import (
    CaseResult,
    FileCoverage,
    Results,
    packed,
)
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.storage.connection import Connection

DAYS_KEPT = 30
DAY_SECONDS = 86_400


@inner_operation(CODEBUILD, "CreateReport", needs=about_group("codebuild:CreateReport", "reportGroupArn"))
async def create_report(call: Call) -> Answer:
    """Make a report of a build, which is being generated. Raises ResourceNotFoundException without its group."""
    group: ReportGroup = call.target
    named = ReportName(group.named, str(uuid.uuid4()))

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, group.named)
        if row is None:
            raise errors.no_such_report_group(group.named.arn)
        values = {
            "account_id": group.named.account_id,
            "region": group.named.region,
            "report_group": group.named.name,
            "uuid": named.uuid,
            "type": row.type,
            "build_arn": call.params["buildArn"],
            "created_at": call.now,
            "expires_at": call.now + DAYS_KEPT * DAY_SECONDS,
            "status": tables.GENERATING,
            "export_config": row.export_config,
            "is_truncated": False,
            "summary": None,
            "sealed_results": None,
        }
        tables.insert_report(connection, values)
        return {"reportArn": named.arn}

    return await call.write(write)


async def _put(call: Call, results: Results) -> Answer:
    named = call.target.reported
    place = tables.RESULTS_PLACE.format(
        account_id=named.group.account_id, region=named.group.region, report_group=named.group.name, uuid=named.uuid
    )
    sealed = call.house.sealer.seal(await asyncio.to_thread(packed, results), place)
    return await _change(call, {"sealed_results": sealed, "is_truncated": call.params["isTruncated"]})


async def _change(call: Call, values: dict[str, Any]) -> Answer:
    named = call.target.reported

    def write(connection: Connection) -> Answer:
        if not tables.update_generating(connection, named, values):
            raise errors.no_such_report(named.arn)
        return {}

    return await call.write(write)


@inner_operation(CODEBUILD, "BatchPutTestCases", needs=about_report("codebuild:BatchPutTestCases", "reportArn"))
async def batch_put_test_cases(call: Call) -> Answer:
    """Put test cases into a report, those that it keeps."""
    cases: Sequence[CaseResult] = call.params["testCases"]
    return await _put(call, cases)


@inner_operation(CODEBUILD, "BatchPutCodeCoverages", needs=about_report("codebuild:BatchPutCodeCoverages", "reportArn"))
async def batch_put_code_coverages(call: Call) -> Answer:
    """Put the coverage of files into a report, of those that it keeps."""
    files: Sequence[FileCoverage] = call.params["codeCoverages"]
    return await _put(call, files)


@inner_operation(CODEBUILD, "UpdateReport", needs=about_report("codebuild:UpdateReport", "reportArn"))
async def update_report(call: Call) -> Answer:
    """Say how a report ended, and what all of its results come to."""
    return await _change(call, {"status": call.params["status"], "summary": call.params.get("summary")})
