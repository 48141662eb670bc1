"""Findings as SARIF, for code scanners.

Source: OASIS, "Static Analysis Results Interchange Format Version 2.1.0"; GitHub, "SARIF support for code scanning",
which wants a help text and a full description of each rule.
"""

import urllib.parse
from pathlib import Path
from typing import Any

from strongroom.policy_check.finding import Finding, Level
from strongroom.policy_check.listing import Report
from strongroom.policy_check.registry import RULES

_HELP = 'Each result says how to mend it. Strongroom\'s docs/policy-check.md has an example, under "{rule}".'
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.SUGGESTION: "note"}
_INDEX = {rule.id: at for at, rule in enumerate(RULES)}


def as_sarif(report: Report, version: str) -> dict[str, Any]:
    """Return a SARIF log of one run. `version` is that of the program."""
    driver = {
        "name": "strongroom",
        "version": version,
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.about},
                "fullDescription": {"text": rule.about},
                "help": {"text": _HELP.format(rule=rule.id)},
                "defaultConfiguration": {"level": _LEVELS[rule.level]},
            }
            for rule in RULES
        ],
    }
    results = [_result(name, finding) for name, findings in report.items() for finding in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(name: str, finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "level": _LEVELS[finding.level],
        "message": {"text": f"{finding.message} {finding.mend}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(name)},
                    "region": {"startLine": place.line, "startColumn": place.column},
                },
                "logicalLocations": [{"fullyQualifiedName": place.pointer or "/"}],
            }
        ],
    }


def _uri(name: str) -> str:
    path = Path(name)
    return path.as_uri() if path.is_absolute() else urllib.parse.quote(path.as_posix())
