"""NUnit's XML, that of version 2 and that of version 3: suites in suites, with the test cases at the ends.

Source: NUnit Docs, "Test Result XML Format".
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.xml_tree import message_of, read_xml, seconds, text_of
from strongroom.services.codebuild.reports.results import ERROR, FAILED, PASSED, SKIPPED, UNKNOWN, CaseResult

_OUTCOMES = {
    "Success": PASSED,
    "Passed": PASSED,
    "Failure": FAILED,
    "Failed": FAILED,
    "Warning": UNKNOWN,
    "Error": ERROR,
    "Cancelled": ERROR,
    "NotRunnable": ERROR,
    "Ignored": SKIPPED,
    "Skipped": SKIPPED,
}
_LABELS_OF_ERRORS = frozenset({"Error", "Invalid", "Cancelled"})


def read(content: bytes) -> Iterator[CaseResult]:
    """Return the test cases of a file of version 2. Raises UnreadableReport."""
    return _cases(read_xml(content, "test-results"), "")


def read_version_3(content: bytes) -> Iterator[CaseResult]:
    """Return the test cases of a file of version 3. Raises UnreadableReport."""
    return _cases(read_xml(content, "test-suite", "test-run"), "")


def _cases(element: Element, suite: str) -> Iterator[CaseResult]:
    for inner in element:
        if inner.tag == "test-case":
            yield _case(inner, suite)
        elif inner.tag == "test-suite":
            yield from _cases(inner, inner.get("name", suite))
        elif inner.tag == "results":
            yield from _cases(inner, suite)


def _status(element: Element) -> str:
    result = element.get("result", "")
    if result == "Failed" and element.get("label", "") in _LABELS_OF_ERRORS:
        return ERROR
    if result:
        return _OUTCOMES.get(result, UNKNOWN)
    # Early writers of version 2 tell only these two.
    if element.get("executed") == "False":
        return SKIPPED
    return {"True": PASSED, "False": FAILED}.get(element.get("success", ""), UNKNOWN)


def _case(element: Element, suite: str) -> CaseResult:
    told = [element.find(path) for path in ("failure/message", "failure/stack-trace", "reason/message")]
    return CaseResult(
        prefix=element.get("classname", suite),
        name=element.get("name", ""),
        status=_status(element),
        nanoseconds=seconds(element.get("duration") or element.get("time")),
        message=message_of(*(text_of(each) for each in told)),
        suite=suite,
    )
