"""Clover's XML, as OpenClover, PHPUnit and Jest write it: files with their lines, and with the sums of these.

Source: OpenClover, "Clover XML report" (clover.xsd). A file's own sums are believed; without them lines are counted.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport
from strongroom.services.codebuild.reports.formats.xml_tree import count, read_xml
from strongroom.services.codebuild.reports.results import FileCoverage


def read(content: bytes) -> Iterator[FileCoverage]:
    """Return the coverage of a file's source files. Raises UnreadableReport."""
    root = read_xml(content, "coverage")
    project = root.find("project")
    if project is None:
        raise UnreadableReport("expected element type <project> but it is not there")
    for file in project.iter("file"):
        yield _counted(file)


def _counted(file: Element) -> FileCoverage:
    path = file.get("path") or file.get("name") or ""
    sums = file.find("metrics")
    if sums is not None and sums.get("statements") is not None:
        statements, reached = count(sums.get("statements")), count(sums.get("coveredstatements"))
        conditionals, taken = count(sums.get("conditionals")), count(sums.get("coveredconditionals"))
    else:
        lines = [line for line in file.iterfind("line") if line.get("type") != "method"]
        statements, reached = len(lines), sum(_is_reached(line) for line in lines)
        ways = [count(line.get(way)) > 0 for line in lines for way in _ways(line)]
        conditionals, taken = len(ways), sum(ways)
    return FileCoverage(path, reached, max(0, statements - reached), taken, max(0, conditionals - taken))


def _ways(line: Element) -> tuple[str, ...]:
    return ("truecount", "falsecount") if line.get("type") == "cond" else ()


def _is_reached(line: Element) -> bool:
    return any(count(line.get(name)) > 0 for name in ("count", "truecount", "falsecount"))
