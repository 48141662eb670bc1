"""JUnit's XML, as Surefire, pytest and many others write it: test cases in suites, which may be in suites.

Source: Apache Maven Surefire, "Surefire report schema"; AWS CodeBuild User Guide, "Test reports".
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.xml_tree import message_of, read_xml, seconds, text_of
from strongroom.services.codebuild.reports.results import ERROR, FAILED, PASSED, SKIPPED, CaseResult

_OUTCOMES = {"failure": FAILED, "error": ERROR, "skipped": SKIPPED}


def read(content: bytes) -> Iterator[CaseResult]:
    """Return the test cases of a file. Raises UnreadableReport."""
    return _cases(read_xml(content, "testsuites", "testsuite"), "")


def _cases(suite: Element, name: str) -> Iterator[CaseResult]:
    for inner in suite:
        if inner.tag == "testsuite":
            yield from _cases(inner, inner.get("name", name))
        elif inner.tag == "testcase":
            yield _case(inner, suite.get("name", name))


def _case(element: Element, suite: str) -> CaseResult:
    outcome = next((each for each in element if each.tag in _OUTCOMES), None)
    return CaseResult(
        prefix=element.get("classname", ""),
        name=element.get("name", ""),
        status=PASSED if outcome is None else _OUTCOMES[outcome.tag],
        nanoseconds=seconds(element.get("time")),
        message="" if outcome is None else message_of(outcome.get("message", ""), text_of(outcome)),
        suite=suite,
    )
