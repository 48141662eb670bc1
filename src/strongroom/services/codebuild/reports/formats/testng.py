"""TestNG's XML: suites of tests of classes, whose methods are the test cases; those that prepare them are none.

Source: TestNG, "Test results", the XML report (testng-results.xml).
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.xml_tree import count, message_of, read_xml, text_of
from strongroom.services.codebuild.reports.results import FAILED, PASSED, SKIPPED, UNKNOWN, CaseResult

_OUTCOMES = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
_MILLISECOND = 1_000_000


def read(content: bytes) -> Iterator[CaseResult]:
    """Return the test methods of a file. Raises UnreadableReport."""
    root = read_xml(content, "testng-results")
    # Elements of one name are not looked for within each other: what they hold would count once for each of them.
    for suite in root.iterfind("suite"):
        for each in suite.iterfind("test/class"):
            for method in each.iterfind("test-method"):
                if method.get("is-config") != "true":
                    yield _case(method, each.get("name", ""), suite.get("name", ""))


def _case(method: Element, class_name: str, suite: str) -> CaseResult:
    message, trace = method.find("exception/message"), method.find("exception/full-stacktrace")
    return CaseResult(
        prefix=class_name,
        name=method.get("name", ""),
        status=_OUTCOMES.get(method.get("status", ""), UNKNOWN),
        nanoseconds=count(method.get("duration-ms")) * _MILLISECOND,
        message=message_of(text_of(message), text_of(trace)),
        suite=suite,
    )
