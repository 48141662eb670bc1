"""Results of tests and of coverage: what is counted of them, how many are kept, and how they are sealed.

Source: AWS CodeBuild User Guide, "Test report statuses", "Quotas for AWS CodeBuild" (reports), "Create code coverage
reports"; API Reference, TestCase, CodeCoverage, TestReportSummary, CodeCoverageReportSummary.
"""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

TEST, CODE_COVERAGE = "TEST", "CODE_COVERAGE"
PASSED, FAILED, ERROR, SKIPPED, UNKNOWN = "SUCCEEDED", "FAILED", "ERROR", "SKIPPED", "UNKNOWN"
CASE_STATUSES = (PASSED, FAILED, ERROR, SKIPPED, UNKNOWN)

CASES_MAX = 500
NAME_CHARACTERS_MAX, MESSAGE_CHARACTERS_MAX, PATH_CHARACTERS_MAX = 1_000, 5_000, 4_096
FILES_MAX = 10_000
"""How many files a coverage report tells of one by one; its summary counts all of them."""

COUNT_MAX = 2**31 - 1
NANOSECONDS_MAX = 2**62


class CaseResult(NamedTuple):
    """What became of one test case. `prefix` is what its framework groups it by (a class), `path` its file's."""

    prefix: str
    name: str
    status: str
    nanoseconds: int
    message: str = ""
    suite: str = ""
    path: str = ""


class FileCoverage(NamedTuple):
    """How much of one source file the tests reached."""

    path: str
    lines_covered: int
    lines_missed: int
    branches_covered: int
    branches_missed: int


Results = Sequence[CaseResult] | Sequence[FileCoverage]
Mask = Callable[[str, int], str]
"""Returns a text with every secret masked, cut to so many characters."""


def nanoseconds(seconds: float) -> int:
    """Return a duration as test cases have it; none for what is no duration."""
    return int(min(seconds * 1e9, NANOSECONDS_MAX)) if seconds > 0 else 0


def percentage(covered: int, missed: int) -> float:
    """Return how much was covered, from 0 to 100; 0 where there was nothing to cover."""
    return 100.0 * covered / (covered + missed) if covered + missed else 0.0


def case_summary(cases: Sequence[CaseResult]) -> dict[str, Any]:
    """Return a TestReportSummary of all cases, kept or not."""
    counts = Counter(case.status for case in cases)
    return {
        "total": len(cases),
        "statusCounts": {status: counts[status] for status in CASE_STATUSES},
        "durationInNanoSeconds": min(sum(case.nanoseconds for case in cases), NANOSECONDS_MAX),
    }


def coverage_summary(files: Iterable[FileCoverage]) -> dict[str, Any]:
    """Return a CodeCoverageReportSummary of all files, kept or not."""
    sums = [0, 0, 0, 0]
    for file in files:
        for at, count in enumerate(file[1:]):
            sums[at] += count
    return coverage_counts(FileCoverage("", *(min(each, COUNT_MAX) for each in sums)))


def coverage_counts(file: FileCoverage) -> dict[str, Any]:
    """Return the numbers of a file, or of many, as answers tell them."""
    return {
        "lineCoveragePercentage": percentage(file.lines_covered, file.lines_missed),
        "linesCovered": file.lines_covered,
        "linesMissed": file.lines_missed,
        "branchCoveragePercentage": percentage(file.branches_covered, file.branches_missed),
        "branchesCovered": file.branches_covered,
        "branchesMissed": file.branches_missed,
    }


def succeeded(cases: Iterable[CaseResult]) -> bool:
    """Return whether no test case was unsuccessful. One that was skipped was not."""
    return all(case.status in {PASSED, SKIPPED} for case in cases)


def kept_cases(cases: Sequence[CaseResult]) -> Sequence[CaseResult]:
    """Return the cases that a report keeps, in their order. Those that did not succeed are kept rather than others."""
    if len(cases) <= CASES_MAX:
        return cases
    # Sorting leaves those in their order that are alike.
    numbers = sorted(range(len(cases)), key=lambda at: cases[at].status in {PASSED, SKIPPED})[:CASES_MAX]
    return [cases[at] for at in sorted(numbers)]


def masked_case(case: CaseResult, mask: Mask) -> CaseResult:
    """Return a case as it is kept: its texts masked, and no longer than they may be."""
    return case._replace(
        prefix=mask(case.prefix, NAME_CHARACTERS_MAX),
        name=mask(case.name, NAME_CHARACTERS_MAX),
        message=mask(case.message, MESSAGE_CHARACTERS_MAX),
        suite=mask(case.suite, NAME_CHARACTERS_MAX),
        path=mask(case.path, PATH_CHARACTERS_MAX),
    )


def masked_file(file: FileCoverage, mask: Mask) -> FileCoverage:
    """Return a file as it is kept: its path masked, and no longer than it may be."""
    return file._replace(path=mask(file.path, PATH_CHARACTERS_MAX))


def packed(results: Results) -> bytes:
    """Return results as the bytes that are sealed."""
    return zlib.compress(json.dumps([list(each) for each in results]).encode(), 1)


def unpacked_cases(content: bytes) -> list[CaseResult]:
    """Return test cases from what `packed` made of them."""
    return [CaseResult(*each) for each in json.loads(zlib.decompress(content))]


def unpacked_files(content: bytes) -> list[FileCoverage]:
    """Return files from what `packed` made of them."""
    return [FileCoverage(*each) for each in json.loads(zlib.decompress(content))]
