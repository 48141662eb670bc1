"""The files that a report is made of: read from what the build left, within bounds, and what is in them.

Whatever is not read whole is not read at all: half a file would tell of half the tests.
"""

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from strongroom.services.codebuild.masking import Masker
from strongroom.services.codebuild.reports.formats import Format
from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport
from strongroom.services.codebuild.reports.results import (
    CASES_MAX,
    FILES_MAX,
    TEST,
    CaseResult,
    FileCoverage,
    Results,
    case_summary,
    coverage_summary,
    kept_cases,
    masked_case,
    masked_file,
    succeeded,
)
from strongroom.services.codebuild.running.artifacts import Picked
from strongroom.services.codebuild.running.work_files import open_file

FILE_BYTES_MAX = 16 * 1024 * 1024
REPORT_BYTES_MAX = 64 * 1024 * 1024
REPORT_FILES_MAX = 2_000
RESULTS_MAX = 200_000

_CUT_TIMES = 4
"""So many times as long as it is kept, a text is masked: beyond that, nothing of it can come to be kept."""


class RawFile(NamedTuple):
    """A file as the build left it: its name among those that are exported, and its path as the build sees it."""

    name: str
    path: str
    content: bytes


class ReadResults(NamedTuple):
    """What is kept of the results in some files, and what all of them come to."""

    kept: Results
    is_truncated: bool
    summary: dict[str, Any]
    succeeded: bool


def read_files(root: Path, base: str, picked: Sequence[Picked], shown: str) -> tuple[list[RawFile], str]:
    """Return the contents of files below `root`/`base`, which a build sees as `shown`; or what is wrong with them."""
    if len(picked) > REPORT_FILES_MAX:
        return [], f"more than {REPORT_FILES_MAX:,} report files"
    found: list[RawFile] = []
    left = REPORT_BYTES_MAX
    for file, name in picked:
        path = posixpath.normpath(f"{shown}/{file.path}")
        try:
            with open_file(root, f"{base}/{file.path}") as opened:
                content = opened.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            return [], f"{path}: {error.strerror}"
        left -= len(content)
        if len(content) > FILE_BYTES_MAX or left < 0:
            return [], f"more than {FILE_BYTES_MAX:,} bytes in a file, or more than {REPORT_BYTES_MAX:,} in a report"
        found.append(RawFile(name, path, content))
    return found, ""


def results_of(files: Sequence[RawFile], format_: Format, masker: Masker) -> tuple[ReadResults, list[str]]:
    """Return the results in files, masked, and what was wrong with those that could not be read."""
    cases: list[CaseResult] = []
    coverage: list[FileCoverage] = []
    problems: list[str] = []
    for file in files:
        try:
            for each in format_.read(file.content):
                if isinstance(each, CaseResult):
                    cases.append(each._replace(path=file.path))
                else:
                    coverage.append(each)
                if len(cases) + len(coverage) > RESULTS_MAX:
                    problems.append(f"more than {RESULTS_MAX:,} results")
                    break
        except UnreadableReport as problem:
            problems.append(f"error processing report: [{file.path}: {problem}]")
        if len(cases) + len(coverage) > RESULTS_MAX:
            break

    def mask(text: str, most: int) -> str:
        beginning = text[: most * _CUT_TIMES]
        shown = masker.feed(beginning.encode(errors="replace"))
        rest = masker.close()
        # What is held back may be the beginning of a value, whose end was cut off.
        return (shown if len(beginning) < len(text) else shown + rest).decode(errors="replace")[:most]

    if format_.type == TEST:
        kept = [masked_case(case, mask) for case in kept_cases(cases)]
        return ReadResults(kept, len(cases) > CASES_MAX, case_summary(cases), succeeded(cases)), problems
    paths = [masked_file(file, mask) for file in coverage[:FILES_MAX]]
    return ReadResults(paths, len(coverage) > FILES_MAX, coverage_summary(coverage), True), problems
