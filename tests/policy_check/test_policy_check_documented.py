"""docs/policy-check.md lists every rule, with its level and a policy that breaks it."""

import json
import re
from pathlib import Path

import pytest

from strongroom.policy_check.check import check
from strongroom.policy_check.registry import RULES

DOCUMENT = Path(__file__).parents[2] / "docs" / "policy-check.md"
SECTION = re.compile(r"^### `([a-z0-9-]+)` \((error|warning|suggestion)\)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r'^```json(?: size="([0-9]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SECTIONS = {name: (level, text) for name, level, text in SECTION.findall(DOCUMENT.read_text())}


def test_every_rule_is_documented_once_with_its_level() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert {name: level for name, (level, _) in SECTIONS.items()} == {rule.id: rule.level.value for rule in RULES}
    assert len(SECTION.findall(DOCUMENT.read_text())) == len(ids)


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_the_example_breaks_its_rule(rule: str) -> None:
    found = EXAMPLE.search(SECTIONS[rule][1])
    assert found, f"{rule} has no example"
    text = found[2]
    if found[1]:
        document = json.loads(text)
        document["Id"] = "x" * int(found[1])
        text = json.dumps(document)
    assert rule in [finding.rule for finding in check(text)]


def test_examples_break_few_other_rules() -> None:
    """An example shows one thing: no errors other than its own."""
    for rule, (_, section) in SECTIONS.items():
        found = EXAMPLE.search(section)
        assert found
        others = [finding.rule for finding in check(found[2]) if finding.level.value == "error"]
        assert set(others) <= {rule}, rule
