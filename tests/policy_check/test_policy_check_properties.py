"""What the rules claim, against the policy engine itself: on random policies a claim is never contradicted."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from strongroom.policy.context import Context
from strongroom.policy.document import parse
from strongroom.policy.evaluate import AccessRequest, NamedPolicy, Policies, Principal, evaluate
from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import compile_wildcards
from strongroom.policy_check.check import check
from strongroom.policy_check.patterns import covers, overlap

HOME = "111122223333"
ALICE = Principal.user(f"arn:aws:iam::{HOME}:user/alice", HOME)

patterns = st.text("ab*?", max_size=6)
texts = st.text("ab", max_size=6)


@given(patterns, patterns, texts)
@settings(max_examples=1_000, deadline=None)
@example("*", "", "")
@example("a*b", "a?b", "aab")
def test_patterns_that_cover_and_overlap(one: str, other: str, text: str) -> None:
    left, right = tokenize(one, variables=False), tokenize(other, variables=False)
    matches_left, matches_right = compile_wildcards(left)(text), compile_wildcards(right)(text)
    if covers(left, right) and matches_right:
        assert matches_left
    if matches_left and matches_right:
        assert overlap(left, right)
        assert overlap(right, left)


@given(patterns)
def test_a_pattern_covers_and_overlaps_itself(pattern: str) -> None:
    tokens = tokenize(pattern, variables=False)
    assert covers(tokens, tokens)
    assert overlap(tokens, tokens)


ACTIONS = ("s3:GetObject", "s3:PutObject", "kms:Decrypt")
RESOURCES = ("arn:aws:s3:::b/x", "arn:aws:s3:::b/y/z", f"arn:aws:kms:eu-central-1:{HOME}:key/k")
KEYS = ("aws:userid", "aws:SourceVpce")

action_lists = st.lists(st.sampled_from([*ACTIONS, "s3:*", "*", "s3:?etObject"]), min_size=1, max_size=2)
resource_lists = st.lists(
    st.sampled_from([*RESOURCES, "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/y/*", "arn:aws:kms:*:*:key/*"]),
    min_size=1,
    max_size=2,
)
OPERATORS = """
    StringEquals StringNotEquals StringLike StringNotLike StringEqualsIfExists
    ForAllValues:StringEquals ForAnyValue:StringEquals ForAnyValue:StringNotEquals
"""
operators = st.sampled_from(OPERATORS.split())
values = st.lists(st.sampled_from(["a", "b", "a*", "*"]), min_size=1, max_size=2)
tests = st.one_of(
    st.tuples(operators, st.sampled_from(KEYS), values),
    st.tuples(st.just("Null"), st.sampled_from(KEYS), st.sampled_from([["true"], ["false"], ["true", "false"]])),
)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    conditions: dict[str, dict[str, list[str]]] = {}
    for operator, key, wanted in draw(st.lists(tests, max_size=3)):
        conditions.setdefault(operator, {})[key] = wanted
    return {
        "Effect": draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(action_lists),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(resource_lists),
        **({"Condition": conditions} if conditions else {}),
    }


contexts = st.fixed_dictionaries(
    {}, optional={key: st.lists(st.sampled_from(["a", "b", "ab", "c"]), max_size=2) for key in KEYS}
)
questions = st.lists(st.tuples(st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), contexts), min_size=8, max_size=8)


def document(body: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": body})


def outcomes(body: list[dict[str, Any]], asked: list[tuple[str, str, dict[str, list[str]]]]) -> list[bool]:
    policies = Policies(identity=[NamedPolicy("p", parse(document(body)))] if body else [])
    return [
        evaluate(AccessRequest(ALICE, action, resource, HOME, Context(context)), policies).allowed
        for action, resource, context in asked
    ]


@given(st.lists(statements(), min_size=2, max_size=4), questions)
@settings(max_examples=400, deadline=None)
def test_what_is_called_useless_can_be_taken_away(
    body: list[dict[str, Any]], asked: list[tuple[str, str, dict[str, list[str]]]]
) -> None:
    before = outcomes(body, asked)
    useless = {"covered-statement", "cancelled-allow", "condition-never-met"}
    for finding in check(document(body)):
        if finding.rule in useless:
            at = finding.place.statement
            assert at is not None
            assert outcomes(body[:at] + body[at + 1 :], asked) == before, finding


@given(st.lists(statements(), min_size=1, max_size=3), questions)
@settings(max_examples=300, deadline=None)
def test_a_condition_that_is_called_always_met_can_be_taken_away(
    body: list[dict[str, Any]], asked: list[tuple[str, str, dict[str, list[str]]]]
) -> None:
    before = outcomes(body, asked)
    for finding in check(document(body)):
        if finding.rule == "condition-always-met":
            *_, operator, key = finding.place.pointer.split("/")
            changed = json.loads(json.dumps(body))
            del changed[finding.place.statement]["Condition"][operator][key]
            if not changed[finding.place.statement]["Condition"][operator]:
                del changed[finding.place.statement]["Condition"][operator]
            assert outcomes(changed, asked) == before, finding


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Effect", "Action", "Principal", "Condition", "Resource", "Sid", "Version", "x"]
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
@settings(max_examples=500, deadline=None)
def test_no_json_makes_a_rule_stumble(value: Any) -> None:
    for finding in check(json.dumps({"Version": "2012-10-17", "Statement": value})):
        assert finding.place.line == 1
    check(json.dumps(value))
