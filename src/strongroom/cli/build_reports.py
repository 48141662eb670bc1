"""The reports of a build on the command line: what they come to, and which tests failed."""

from typing import Any

FAILED_SHOWN = 20
_FAILED = "FAILED"
_TEST = "TEST"


def report_lines(session: Any, build: dict[str, Any]) -> list[str]:
    """Return lines that tell of a build's reports."""
    arns = build.get("reportArns") or []
    if not arns:
        return []
    codebuild = session.client("codebuild")
    lines = []
    for report in codebuild.batch_get_reports(reportArns=arns)["reports"]:
        lines.append(f"report {report['name']} {report['status']}{_summed(report)}")
        if report["type"] == _TEST and report["status"] == _FAILED:
            failed = codebuild.describe_test_cases(
                reportArn=report["arn"], filter={"status": _FAILED}, maxResults=FAILED_SHOWN
            )
            lines += [f"  failed: {case['name']}" for case in failed["testCases"]]
    return lines


def _summed(report: dict[str, Any]) -> str:
    if "testSummary" in report:
        summary = report["testSummary"]
        counts = ", ".join(f"{count} {status}" for status, count in summary["statusCounts"].items() if count)
        return f": {summary['total']} tests, {counts}"
    if "codeCoverageSummary" in report:
        return f": {report['codeCoverageSummary'].get('lineCoveragePercentage', 0):.1f} % of lines covered"
    return ""


def remove_groups(codebuild: Any, prefix: str) -> None:
    """Delete the report groups whose names begin so, with their reports."""
    for page in codebuild.get_paginator("list_report_groups").paginate():
        for arn in page["reportGroups"]:
            if arn.partition(":report-group/")[2].startswith(prefix):
                codebuild.delete_report_group(arn=arn, deleteReports=True)
