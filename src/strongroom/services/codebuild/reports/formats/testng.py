"""TestNG's XML: suites of tests of classes, whose methods are the test cases; those that prepare them are none.

Source: TestNG, "Test results", the XML report (testng-results.xml).
"""

from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.xml_tree import count, message_of, read_xml, text_of
from strongroom.services.codebuild.reports.results import FAILED, PASSED, SKIPPED, UNKNOWN, CaseResult

_OUTCOMES = {"PASS": PASSED, "FAIL": FAILED, "SKIP": SKIPPED}
_MILLISECOND = 1_000_000


def read(content: bytes) -> list[CaseResult]:
    """Return the test methods of a file. Raises UnreadableReport."""
    root = read_xml(content, "testng-results")
    return [
        _case(method, each.get("name", ""), suite.get("name", ""))
        for suite in root.iter("suite")
        for each in suite.iter("class")
        for method in each.iter("test-method")
        if method.get("is-config") != "true"
    ]


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
