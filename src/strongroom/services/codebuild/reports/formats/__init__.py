"""The files that frameworks of tests and of coverage write, read into results: one file a format.

Source: AWS CodeBuild User Guide, "Build specification reference", reports/file-format; "Create code coverage reports".
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from strongroom.services.codebuild.reports.formats import (
    clover,
    cobertura,
    cucumber,
    jacoco,
    junit,
    lcov,
    nunit,
    simplecov,
    testng,
    trx,
)
from strongroom.services.codebuild.reports.results import CODE_COVERAGE, TEST, CaseResult, FileCoverage

Read = Callable[[bytes], Iterator[CaseResult]] | Callable[[bytes], Iterator[FileCoverage]]


class Format(NamedTuple):
    """A format: the type of the reports made of it, and what reads a file of it. Reading raises UnreadableReport.

    Results come one by one, for whoever reads them to stop when there are too many.
    """

    type: str
    read: Read


DEFAULT_FORMAT = "JUNITXML"

FORMATS: dict[str, Format] = {
    "JUNITXML": Format(TEST, junit.read),
    "CUCUMBERJSON": Format(TEST, cucumber.read),
    "NUNITXML": Format(TEST, nunit.read),
    "NUNIT3XML": Format(TEST, nunit.read_version_3),
    "TESTNGXML": Format(TEST, testng.read),
    "VISUALSTUDIOTRX": Format(TEST, trx.read),
    "CLOVERXML": Format(CODE_COVERAGE, clover.read),
    "COBERTURAXML": Format(CODE_COVERAGE, cobertura.read),
    "JACOCOXML": Format(CODE_COVERAGE, jacoco.read),
    "LCOVINFO": Format(CODE_COVERAGE, lcov.read),
    "SIMPLECOV": Format(CODE_COVERAGE, simplecov.read),
}
