"""What is in a report, one by one: test cases, and the coverage of files.

Source: AWS CodeBuild API Reference, DescribeTestCases, DescribeCodeCoverages, TestCase, CodeCoverage.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.paging import next_token, position_in
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.access import ReportGroup, about_report
from strongroom.services.codebuild.reports.listings import items_per_page
from strongroom.services.codebuild.reports.results import (
    CASE_STATUSES,
    CODE_COVERAGE,
    TEST,
    CaseResult,
    FileCoverage,
    coverage_counts,
    percentage,
    unpacked_cases,
    unpacked_files,
)
from strongroom.services.codebuild.service import CODEBUILD


async def _results(call: Call, kind: str) -> tuple[Any, bytes | None]:
    """Return the row of the report that the call names, and its results, None when it has none of that kind.

    Raises ResourceNotFoundException; DescribeCodeCoverages has InvalidInputException alone.
    """
    group: ReportGroup = call.target
    row = await call.read(lambda connection: tables.select_results(connection, group.reported, call.now))
    if row is None:
        missing = errors.no_such_report(group.reported.arn)
        raise missing if kind == TEST else errors.invalid_input(missing.message)
    if row.type != kind or row.sealed_results is None:
        return row, None
    place = tables.RESULTS_PLACE.format(**row._mapping)
    return row, call.house.sealer.open(row.sealed_results, place)


def _page(call: Call, member: str, items: Sequence[Any], shown: Any) -> Answer:
    """Return one page of what is described; a token tells how many items the pages before it had."""
    position, most = position_in(call), items_per_page(call)
    if position is not None and not (position.isascii() and position.isdigit() and len(position) < 10):
        raise errors.invalid_token()
    begin = int(position or 0)
    more = next_token(call, str(begin + most)) if begin + most < len(items) else {}
    return {member: [shown(each) for each in items[begin : begin + most]]} | more


@operation(
    CODEBUILD,
    "DescribeTestCases",
    needs=about_report("codebuild:DescribeTestCases", "reportArn"),
    reads_only=True,
)
async def describe_test_cases(call: Call) -> Answer:
    """Describe the test cases of a report, those of one status or with a keyword if asked to."""
    wanted = call.params.get("filter") or {}
    status, keyword = wanted.get("status"), wanted.get("keyword") or ""
    if status is not None and status not in CASE_STATUSES:
        raise errors.invalid_input(f"Invalid filter: status must be one of {', '.join(CASE_STATUSES)}")
    row, content = await _results(call, TEST)
    cases = [
        case
        for case in (await asyncio.to_thread(unpacked_cases, content) if content is not None else ())
        if status in (None, case.status) and (keyword in case.name or keyword in case.prefix)
    ]
    expired = as_datetime(row.expires_at)

    def shown(case: CaseResult) -> dict[str, Any]:
        return {
            "reportArn": call.target.reported.arn,
            "testRawDataPath": case.path,
            "prefix": case.prefix,
            "name": case.name,
            "status": case.status,
            "durationInNanoSeconds": case.nanoseconds,
            "message": case.message,
            "expired": expired,
            "testSuiteName": case.suite,
        }

    return _page(call, "testCases", cases, shown)


@operation(
    CODEBUILD,
    "DescribeCodeCoverages",
    needs=about_report("codebuild:DescribeCodeCoverages", "reportArn"),
    reads_only=True,
)
async def describe_code_coverages(call: Call) -> Answer:
    """Describe the coverage of a report's files, within bounds and in an order if asked to."""
    least = call.params.get("minLineCoveragePercentage")
    most = call.params.get("maxLineCoveragePercentage")
    row, content = await _results(call, CODE_COVERAGE)
    files = [
        (file, number)
        for number, file in enumerate(await asyncio.to_thread(unpacked_files, content) if content is not None else ())
        if (least is None or least <= _lines(file)) and (most is None or _lines(file) <= most)
    ]
    by_percentage = call.params.get("sortBy") == "LINE_COVERAGE_PERCENTAGE"
    files.sort(
        key=lambda each: (_lines(each[0]) if by_percentage else 0.0, each[0].path),
        reverse=call.params.get("sortOrder") == "DESCENDING",
    )
    arn, expired = call.target.reported.arn, as_datetime(row.expires_at)

    def shown(numbered: tuple[FileCoverage, int]) -> dict[str, Any]:
        file, number = numbered
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}/{number}"))
        return {"id": identifier, "reportARN": arn, "filePath": file.path, "expired": expired} | coverage_counts(file)

    return _page(call, "codeCoverages", files, shown)


def _lines(file: FileCoverage) -> float:
    return percentage(file.lines_covered, file.lines_missed)
