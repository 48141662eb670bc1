"""Cucumber's JSON: features with scenarios, whose steps each have a result. A scenario is a test case.

Source: Cucumber, "Reporting", the JSON formatter. Durations of steps are in nanoseconds.
"""

from collections.abc import Iterator
from typing import Any

from strongroom.services.codebuild.reports.formats.json_document import elements, members, read_json, text, whole
from strongroom.services.codebuild.reports.results import (
    FAILED,
    NANOSECONDS_MAX,
    PASSED,
    SKIPPED,
    UNKNOWN,
    CaseResult,
)

_Steps = list[dict[str, Any]]


def read(content: bytes) -> Iterator[CaseResult]:
    """Return the scenarios of a file. Raises UnreadableReport."""
    for each in elements(read_json(content)):
        yield from _scenarios(members(each))


def _scenarios(feature: dict[str, Any]) -> Iterator[CaseResult]:
    background: _Steps = []
    for each in elements(feature.get("elements")):
        scenario = members(each)
        if scenario.get("type") == "background":
            background = _results(scenario)
            continue
        # A background is told before each scenario that it belongs to, and fails that one.
        results, background = background + _results(scenario), []
        yield CaseResult(
            prefix=text(feature.get("name")),
            name=text(scenario.get("name")),
            status=_status([text(result.get("status")).lower() for result in results]),
            nanoseconds=min(sum(whole(result.get("duration"), NANOSECONDS_MAX) for result in results), NANOSECONDS_MAX),
            message="\n".join(filter(None, (text(result.get("error_message")) for result in results))),
            suite=text(feature.get("uri")),
        )


def _results(scenario: dict[str, Any]) -> _Steps:
    steps = [*elements(scenario.get("before")), *elements(scenario.get("steps")), *elements(scenario.get("after"))]
    return [members(members(step).get("result") or {}) for step in steps]


def _status(steps: list[str]) -> str:
    if "failed" in steps:
        return FAILED
    if any(step not in {"passed", "skipped"} for step in steps):
        return UNKNOWN
    return SKIPPED if "skipped" in steps else PASSED
