"""LCOV's trace files: for each source file, lines (DA) and branches (BRDA) with how often each was reached.

Source: geninfo(1), "TRACEFILE FORMAT".
"""

from collections.abc import Iterator

from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport
from strongroom.services.codebuild.reports.results import FileCoverage

_END = "end_of_record"


class _Record:
    def __init__(self) -> None:
        self.lines: dict[str, bool] = {}
        self.branches: dict[str, bool] = {}

    def take(self, tag: str, told: str) -> None:
        if tag == "DA":
            line, _, rest = told.partition(",")
            self.lines[line] = self.lines.get(line, False) or _is_reached(rest.partition(",")[0])
        elif tag == "BRDA":
            branch, _, hits = told.rpartition(",")
            self.branches[branch] = self.branches.get(branch, False) or _is_reached(hits)

    def counted(self, path: str) -> FileCoverage:
        lines, branches = sum(self.lines.values()), sum(self.branches.values())
        return FileCoverage(path, lines, len(self.lines) - lines, branches, len(self.branches) - branches)


def _is_reached(hits: str) -> bool:
    return hits.strip() not in ("0", "-", "")


def read(content: bytes) -> Iterator[FileCoverage]:
    """Return the coverage of a file's source files. Raises UnreadableReport."""
    files: dict[str, _Record] = {}
    record, is_one = None, False
    for line in content.decode(errors="replace").splitlines():
        tag, _, told = line.strip().partition(":")
        if tag == "SF" and told:
            record, is_one = files.setdefault(told, _Record()), True
        elif tag == _END:
            record = None
        elif record is not None:
            record.take(tag, told)
    if not is_one:
        raise UnreadableReport("expected records of source files (SF)")
    for path, record in files.items():
        yield record.counted(path)
