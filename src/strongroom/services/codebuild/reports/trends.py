"""What became of a report group from report to report. Source: AWS CodeBuild API Reference, GetReportGroupTrend."""

from collections.abc import Callable, Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.access import ReportGroup, about_group
from strongroom.services.codebuild.reports.names import ReportName
from strongroom.services.codebuild.reports.results import CODE_COVERAGE, PASSED, TEST, percentage
from strongroom.services.codebuild.service import CODEBUILD

REPORTS = 100

_Summary = Mapping[str, Any]


def _pass_rate(summary: _Summary) -> float:
    passed = summary["statusCounts"][PASSED]
    return percentage(passed, summary["total"] - passed)


def _member(name: str) -> Callable[[_Summary], float]:
    return lambda summary: summary[name]


_FIELDS: dict[str, dict[str, Callable[[_Summary], float]]] = {
    TEST: {
        "PASS_RATE": _pass_rate,
        "DURATION": _member("durationInNanoSeconds"),
        "TOTAL": _member("total"),
    },
    CODE_COVERAGE: {
        "LINE_COVERAGE": _member("lineCoveragePercentage"),
        "LINES_COVERED": _member("linesCovered"),
        "LINES_MISSED": _member("linesMissed"),
        "BRANCH_COVERAGE": _member("branchCoveragePercentage"),
        "BRANCHES_COVERED": _member("branchesCovered"),
        "BRANCHES_MISSED": _member("branchesMissed"),
    },
}


@operation(
    CODEBUILD,
    "GetReportGroupTrend",
    needs=about_group("codebuild:GetReportGroupTrend", "reportGroupArn"),
    reads_only=True,
)
async def get_report_group_trend(call: Call) -> Answer:
    """Tell one number of each of the newest reports of a group, and the least, the most and the average of them."""
    group: ReportGroup = call.target
    kind, name = group.existing().type, call.params["trendField"]
    field = _FIELDS[kind].get(name)
    if field is None:
        raise errors.invalid_input(f"Invalid trendField {name} for a report group of the type {kind}")
    most = call.params.get("numOfReports") or REPORTS
    rows = await call.read(lambda connection: tables.newest_summaries(connection, group.named, call.now, most))
    values = [(ReportName(group.named, row.uuid).arn, field(row.summary)) for row in rows]
    raw = [{"reportArn": arn, "data": str(value)} for arn, value in values]
    numbers = [value for _, value in values]
    if not numbers:
        return {"stats": {}, "rawData": []}
    average = sum(numbers) / len(numbers)
    return {"stats": {"average": str(average), "max": str(max(numbers)), "min": str(min(numbers))}, "rawData": raw}
