"""SimpleCov's result set: for each run, for each file, how often each line was reached; null for what is no code.

Source: SimpleCov, `.resultset.json`. What several runs reached of a file counts together.
"""

from collections.abc import Iterator
from typing import Any

from strongroom.services.codebuild.reports.formats.json_document import elements, members, read_json, whole
from strongroom.services.codebuild.reports.results import COUNT_MAX, FileCoverage


class _Reached:
    """How often the lines and the branches of one file were reached, in all runs."""

    def __init__(self) -> None:
        self.lines: dict[int, int] = {}
        self.branches: dict[str, int] = {}

    def take(self, told: Any) -> None:
        # Older versions tell a file's lines only.
        file = {"lines": told} if isinstance(told, list) else members(told)
        for number, hits in enumerate(elements(file.get("lines"))):
            # Lines that are not to count are told as "ignored".
            if hits is not None and not isinstance(hits, str):
                self.lines[number] = self.lines.get(number, 0) + whole(hits, COUNT_MAX)
        for condition, ways in members(file.get("branches") or {}).items():
            for way, hits in members(ways).items():
                name = f"{condition}\n{way}"
                self.branches[name] = self.branches.get(name, 0) + whole(hits, COUNT_MAX)

    def counted(self, path: str) -> FileCoverage:
        lines, branches = (sum(hits > 0 for hits in each.values()) for each in (self.lines, self.branches))
        return FileCoverage(path, lines, len(self.lines) - lines, branches, len(self.branches) - branches)


def read(content: bytes) -> Iterator[FileCoverage]:
    """Return the coverage of a file's source files. Raises UnreadableReport."""
    files: dict[str, _Reached] = {}
    for run in members(read_json(content)).values():
        for path, told in members(members(run).get("coverage")).items():
            files.setdefault(path, _Reached()).take(told)
    for path, reached in files.items():
        yield reached.counted(path)
