"""Visual Studio's TRX: results of unit tests, and definitions that say which class each belongs to.

Source: Microsoft, "vstest", the TRX logger (namespace TeamTest/2010).
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.xml_tree import message_of, read_xml, text_of
from strongroom.services.codebuild.reports.results import (
    ERROR,
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    CaseResult,
    nanoseconds,
)

_OUTCOMES = {
    "Passed": PASSED,
    "PassedButRunAborted": PASSED,
    "Failed": FAILED,
    "Error": ERROR,
    "Timeout": ERROR,
    "Aborted": ERROR,
    "NotExecuted": SKIPPED,
    "NotRunnable": SKIPPED,
}
_DURATION = re.compile(r"(?:(\d{1,5})\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)")


def read(content: bytes) -> Iterator[CaseResult]:
    """Return the results of a file. Raises UnreadableReport."""
    root = read_xml(content, "TestRun")
    classes = {
        test.get("id", ""): method.get("className", "")
        for test in root.iterfind("TestDefinitions/UnitTest")
        for method in test.iterfind("TestMethod")
    }
    for each in root.iterfind("Results/UnitTestResult"):
        yield _case(each, classes)


def _case(element: Element, classes: dict[str, str]) -> CaseResult:
    class_name = classes.get(element.get("testId", ""), "")
    message, trace = element.find("Output/ErrorInfo/Message"), element.find("Output/ErrorInfo/StackTrace")
    return CaseResult(
        prefix=class_name,
        name=element.get("testName", ""),
        status=_OUTCOMES.get(element.get("outcome", ""), UNKNOWN),
        nanoseconds=_duration(element.get("duration", "")),
        message=message_of(text_of(message), text_of(trace)),
        suite=class_name,
    )


def _duration(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        return 0
    days, hours, minutes, seconds = match.groups(default="0")
    return nanoseconds(((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds))
