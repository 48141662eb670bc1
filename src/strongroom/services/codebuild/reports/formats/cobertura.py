"""Cobertura's XML: packages of classes, each with the lines of its file. Classes of one file count together.

Source: Cobertura, the DTD coverage-04.dtd; coverage.py writes it too.
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport
from strongroom.services.codebuild.reports.formats.xml_tree import count, read_xml
from strongroom.services.codebuild.reports.results import COUNT_MAX, FileCoverage

_BRANCHES = re.compile(r"\((\d{1,9})/(\d{1,9})\)")


class _Lines:
    """The lines of one file: whether each was reached, and its branches, those reached and all."""

    def __init__(self) -> None:
        self.reached: dict[int, bool] = {}
        self.branches: dict[int, tuple[int, int]] = {}

    def take(self, line: Element) -> None:
        number = count(line.get("number"))
        self.reached[number] = self.reached.get(number, False) or count(line.get("hits")) > 0
        found = _BRANCHES.search(line.get("condition-coverage", ""))
        if line.get("branch", "").lower() == "true" and found is not None:
            self.branches[number] = max(self.branches.get(number, (0, 0)), (int(found[1]), int(found[2])))

    def counted(self, path: str) -> FileCoverage:
        covered = sum(self.reached.values())
        taken = min(sum(reached for reached, _ in self.branches.values()), COUNT_MAX)
        every = min(sum(number for _, number in self.branches.values()), COUNT_MAX)
        return FileCoverage(path, covered, len(self.reached) - covered, taken, max(0, every - taken))


def read(content: bytes) -> Iterator[FileCoverage]:
    """Return the coverage of a file's source files. Raises UnreadableReport."""
    root = read_xml(content, "coverage")
    if root.find("project") is not None:
        raise UnreadableReport("expected element type <packages> but have <project>")
    files: dict[str, _Lines] = {}
    for each in root.iter("class"):
        path = each.get("filename", "")
        lines = files.setdefault(path, _Lines()) if path else None
        # The lines of methods are among those of the class.
        for line in each.iterfind("lines/line") if lines is not None else ():
            if lines is not None:
                lines.take(line)
    for path, lines in files.items():
        yield lines.counted(path)
