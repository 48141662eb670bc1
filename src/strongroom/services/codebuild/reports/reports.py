"""Reports: described and deleted. Source: AWS CodeBuild API Reference, the actions named."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.access import ReportGroup, about_groups, about_report, own_report
from strongroom.services.codebuild.reports.names import ReportGroupName, ReportName
from strongroom.services.codebuild.reports.results import TEST
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.storage.connection import Connection


def shown_report(named: ReportName, row: Any) -> dict[str, Any]:
    """Return a report as answers describe it."""
    report = {
        "arn": named.arn,
        "type": row.type,
        "name": named.group.name,
        "reportGroupArn": named.group.arn,
        "executionId": row.build_arn,
        "status": row.status,
        "created": as_datetime(row.created_at),
        "expired": as_datetime(row.expires_at),
        "exportConfig": row.export_config,
        "truncated": row.is_truncated,
    }
    if row.summary is not None:
        report["testSummary" if row.type == TEST else "codeCoverageSummary"] = row.summary
    return report


def _groups(call: Call) -> list[ReportGroupName]:
    named = [own_report(call, arn) for arn in call.params["reportArns"]]
    return [each.group for each in named if each is not None]


@operation(CODEBUILD, "BatchGetReports", needs=about_groups("codebuild:BatchGetReports", _groups), reads_only=True)
async def batch_get_reports(call: Call) -> Answer:
    """Describe up to a hundred reports. Source: API Reference, BatchGetReports."""

    def read(connection: Connection) -> Answer:
        shown, missing = [], []
        for arn in dict.fromkeys(call.params["reportArns"]):
            named = own_report(call, arn)
            row = tables.select_report(connection, named, call.now) if named is not None else None
            if named is None or row is None:
                missing.append(arn)
            else:
                shown.append(shown_report(named, row))
        return {"reports": shown, "reportsNotFound": missing}

    return await call.read(read)


@operation(CODEBUILD, "DeleteReport", needs=about_report("codebuild:DeleteReport", "arn"))
async def delete_report(call: Call) -> Answer:
    """Delete a report, there or not; what was exported of it stays. Source: API Reference, DeleteReport."""
    group: ReportGroup = call.target

    def write(connection: Connection) -> Answer:
        tables.delete_report(connection, group.reported)
        return {}

    return await call.write(write)
