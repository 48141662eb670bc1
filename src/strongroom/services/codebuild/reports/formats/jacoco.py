"""JaCoCo's XML: packages, maybe in groups, of source files with counters.

Source: JaCoCo, "Coverage report schema" (report.dtd).
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.xml_tree import count, read_xml
from strongroom.services.codebuild.reports.results import FileCoverage


def read(content: bytes) -> Iterator[FileCoverage]:
    """Return the coverage of a file's source files. Raises UnreadableReport."""
    root = read_xml(content, "report")
    for package in root.iter("package"):
        for file in package.iterfind("sourcefile"):
            yield _counted("/".join(filter(None, (package.get("name", ""), file.get("name", "")))), file)


def _counted(path: str, file: Element) -> FileCoverage:
    counters = {counter.get("type"): counter for counter in file.iterfind("counter")}

    def of(kind: str, member: str) -> int:
        return count(counters[kind].get(member)) if kind in counters else 0

    return FileCoverage(
        path, of("LINE", "covered"), of("LINE", "missed"), of("BRANCH", "covered"), of("BRANCH", "missed")
    )
