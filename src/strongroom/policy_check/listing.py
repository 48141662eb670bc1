"""Findings as text for people and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from strongroom.policy_check.finding import Finding, Level

Report = Mapping[str, Sequence[Finding]]
"""The findings of each file, by the file's name."""


def as_lines(report: Report) -> Iterator[tuple[str, Level | None]]:
    """Yield the report as lines of text, and the level of the finding that begins on a line."""
    for name, findings in report.items():
        for finding in findings:
            place = finding.place
            where = "" if place.statement is None else f" statement {place.statement + 1}"
            sid = f" ({place.sid})" if place.sid else ""
            first = f"{name}:{place.line}:{place.column}: {finding.level.value} [{finding.rule}]{where}{sid}"
            yield printable(first), finding.level
            yield printable(f"  {finding.message}"), None
            yield printable(f"  Mend: {finding.mend}"), None
    yield summary(report), None


def summary(report: Report) -> str:
    """Return how many findings of each level there are in how many files."""
    found = [finding.level for findings in report.values() for finding in findings]
    files = f"{len(report)} file" + ("s" if len(report) != 1 else "")
    if not found:
        return f"No findings in {files}."
    counts = [(level, found.count(level)) for level in Level]
    return ", ".join(f"{count} {level.value}{'s' * (count > 1)}" for level, count in counts if count) + f" in {files}."


def as_plain(report: Report) -> list[dict[str, Any]]:
    """Return the findings as plain values. Lines and columns count from 1, statements from 0."""
    return [
        {
            "file": name,
            "rule": finding.rule,
            "level": finding.level.value,
            "pointer": finding.place.pointer,
            "line": finding.place.line,
            "column": finding.place.column,
            "statement": finding.place.statement,
            "sid": finding.place.sid or None,
            "message": finding.message,
            "mend": finding.mend,
        }
        for name, findings in report.items()
        for finding in findings
    ]


def printable(text: str) -> str:
    """Return `text` with every character that could steer a terminal written as an escape."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
