"""The engine against a second evaluator: slow, obvious, written from the rules, sharing no code with the engine.

`POLICY_CASES` in the environment is the number of random cases to compare; a million takes some minutes.
`POLICY_SEED` is the number that the first of them begins with.
"""

import itertools
import json
import os
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.policy import generated_policies as generated
from tests.policy.generated_policies import ALLOW_EVERYTHING, HOME, OTHER, PRINCIPALS
from tests.policy.second_evaluator import SecondEvaluator, Tree, folded

from strongroom.policy.context import Context
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.evaluate import (
    AccessRequest,
    Decision,
    NamedPolicy,
    Policies,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
)
from strongroom.policy.explain import explain

CASES = int(os.environ.get("POLICY_CASES", "100000"))
FIRST_SEED = int(os.environ.get("POLICY_SEED", "0"))
REQUESTS_PER_DOCUMENTS = 40
CONTEXTS_PER_DOCUMENTS = 10
CONDITIONS_MIN = 100
SHARE_MIN = 0.002

EVERY_DECISION = {
    *(("Allow", name) for name in ("resource-based policy", "identity-based policy", "account root", "grant")),
    *(
        (outcome, f"{name} policy")
        for outcome in ("ExplicitDeny", "ImplicitDeny")
        for name in ("service control", "resource-based", "identity-based", "session")
    ),
    ("ExplicitDeny", "permissions boundary"),
    ("ImplicitDeny", "permissions boundary"),
}
NO_LAYERS: dict[str, Any] = {
    "identity": [],
    "boundary": None,
    "session": None,
    "resource": None,
    "resource_is_decisive": False,
    "service_control": [],
    "grants": [],
}
Case = tuple[Principal, str, str, str, dict[str, Any]]


def named(tree: Tree, kind: PolicyKind = PolicyKind.IDENTITY) -> NamedPolicy:
    return NamedPolicy("generated", parse(json.dumps(tree), kind))


def compiled(layers: dict[str, Any]) -> Policies:
    """The layers as the engine takes them; the identity policies as a set, as a caller of the server has them."""
    return Policies(
        identity=PolicySet([named(tree) for tree in layers["identity"]]),
        boundary=named(layers["boundary"]) if layers["boundary"] else None,
        session=None if layers["session"] is None else [named(tree) for tree in layers["session"]],
        resource=named(layers["resource"], PolicyKind.RESOURCE) if layers["resource"] else None,
        resource_is_decisive=layers["resource_is_decisive"],
        service_control=[[named(tree) for tree in level] for level in layers["service_control"]],
        grants=[named(tree, PolicyKind.RESOURCE) for tree in layers["grants"]],
    )


def random_case(random: Random, contexts: Sequence[dict[str, Any]]) -> Case:
    action, resource = random.choice(generated.ACTIONS), random.choice(generated.RESOURCES)
    principal = random.choice(PRINCIPALS)
    account = random.choice([HOME, OTHER, principal.account_id or HOME, principal.account_id or HOME])
    return principal, action, resource, account, random.choice(contexts)


def as_request(case: Case, *, by_fill: bool = False) -> AccessRequest:
    principal, action, resource, account, facts = case
    context = Context(None, folded(facts).get) if by_fill else Context(facts)
    return AccessRequest(principal, action, resource, account, context)


def told(decision: Decision) -> tuple[str, str]:
    return decision.outcome.value, decision.layer.value


def expected_of(case: Case, layers: dict[str, Any]) -> tuple[str, str]:
    return SecondEvaluator(generated.facts_of(*case), layers).decide()


def agree(case: Case, layers: dict[str, Any]) -> tuple[str, str]:
    """Compare decision and explanation."""
    expected = expected_of(case, layers)
    policies = compiled(layers)
    decision = evaluate(as_request(case), policies)
    assert told(decision) == expected
    assert decision.allowed is (expected[0] == "Allow")
    traces = explain(as_request(case), policies).statements
    denying = [trace for trace in traces if trace.applies and trace.effect.value == "Deny"]
    assert bool(denying) is (expected[0] == "ExplicitDeny")
    assert {trace.reference for trace in traces if trace.applies} >= set(decision.statements)
    return expected


def compared(count: int) -> Iterator[tuple[Hashable, tuple[str, str]]]:
    """Compare `count` random cases; yield what tells each from the others, and its decision."""
    for seed in itertools.count(FIRST_SEED):
        random = Random(seed)
        layers = generated.layers(random)
        policies = compiled(layers)
        documents = json.dumps(layers)
        contexts = [generated.context(random) for _ in range(CONTEXTS_PER_DOCUMENTS)]
        words = {id(context): repr(context) for context in contexts}
        for _ in range(REQUESTS_PER_DOCUMENTS):
            case = random_case(random, contexts)
            expected = expected_of(case, layers)
            decision = told(evaluate(as_request(case, by_fill=bool(seed % 2)), policies))
            assert decision == expected, f"seed {seed}: {case}\n{documents}"
            yield (hash(documents), *case[:4], words[id(case[4])]), expected
            count -= 1
            if count == 0:
                return


def test_many_random_decisions_agree() -> None:
    distinct = set()
    seen: Counter[tuple[str, str]] = Counter()
    for case, decision in compared(CASES):
        distinct.add(hash(case))
        seen[decision] += 1
    print(f"{len(distinct)} distinct cases of {CASES}: {seen.most_common()}")
    assert len(distinct) > 0.9 * CASES
    assert set(seen) == EVERY_DECISION
    assert {decision: count for decision, count in seen.items() if count < SHARE_MIN * CASES} == {}
    for outcome in ("Allow", "ExplicitDeny", "ImplicitDeny"):
        assert sum(count for (one, _), count in seen.items() if one == outcome) > 0.1 * CASES


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_random_decisions_agree(random: Random) -> None:
    """The same with hypothesis, which makes a failing case small."""
    layers = generated.layers(random)
    event(agree(random_case(random, [generated.context(random)]), layers)[0])


def layers_of_one(effect: str, version: str, condition: Tree) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}
    identity = [{"Version": version, "Statement": statement}]
    return NO_LAYERS | {"identity": [ALLOW_EVERYTHING, *identity] if effect == "Deny" else identity}


def random_condition(random: Random, operator: str, version: str) -> tuple[Tree, dict[str, Any]]:
    """A condition with this operator, and a context that its values may well meet."""
    family = generated.family_of(operator)
    wanted = generated.WANTED[family]
    if version == "2008-10-17":
        wanted = generated.WITHOUT_VARIABLES.get(family, wanted)
    likely = generated.LIKELY.get(family, generated.VALUES) if random.randrange(4) else generated.VALUES
    values = generated.some(random, likely, 3)
    facts = {"aws:LIST": values[0] if len(values) == 1 and generated.chance(random, 2) else values}
    facts |= {key: random.choice(generated.VALUES) for key in generated.some(random, generated.KEYS[:4], 2)}
    name = random.choice(["", "ForAllValues:", "ForAnyValue:"]) + operator + random.choice(["", "IfExists"])
    if operator == "Null":
        name = operator
    return {name: {"aws:list": generated.one_or_more(random, wanted)}}, facts


@pytest.mark.parametrize("operator", [*generated.OPERATORS, "Null"])
def test_every_operator_agrees(operator: str) -> None:
    """In both effects, with values that can be compared and values that cannot; met and not met about as often."""
    met: Counter[tuple[str, bool]] = Counter()
    rounds = max(CASES // 500, CONDITIONS_MIN)
    for seed in range(FIRST_SEED, FIRST_SEED + rounds):
        random = Random(f"{operator} {seed}")
        version = random.choice(generated.VERSIONS)
        condition, facts = random_condition(random, operator, version)
        for effect in ("Allow", "Deny"):
            layers = layers_of_one(effect, version, condition)
            case = (PRINCIPALS[2], "kms:Encrypt", "*", HOME, facts)
            decision = evaluate(as_request(case), compiled(layers))
            assert told(decision) == expected_of(case, layers), (seed, condition, facts)
            met[effect, decision.allowed is (effect == "Allow")] += 1
    assert len(met) == 4
    assert min(met.values()) >= rounds / 50, met


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(generated.OPERATORS), st.sampled_from(generated.VERSIONS))
def test_random_conditions_agree(random: Random, operator: str, version: str) -> None:
    condition, facts = random_condition(random, operator, version)
    for effect in ("Allow", "Deny"):
        agree((PRINCIPALS[2], "kms:Encrypt", "*", HOME, facts), layers_of_one(effect, version, condition))


@pytest.mark.parametrize("seed", range(60))
def test_a_value_that_cannot_be_read_never_allows(seed: int) -> None:
    """Whatever was asked about such a value ends without an allow, and without an exception."""
    random = Random(f"unreadable {seed}")
    layers = generated.layers(random)
    policies = compiled(layers)
    for _ in range(REQUESTS_PER_DOCUMENTS):
        case = random_case(random, [generated.context(random)])
        bad = random.choice(generated.KEYS).lower()
        value = random.choice([{}, object(), [None], [[]], bytearray(b"x")])
        request = as_request(case)
        facts = folded(case[4])
        asked: set[str] = set()

        def fill(key: str, bad: str = bad, value: Any = value, facts: Any = facts, asked: set[str] = asked) -> Any:
            asked.add(key)
            return value if key == bad else facts.get(key)

        request.context = Context(None, fill)
        decision = evaluate(request, policies)
        assert not decision.allowed or bad not in asked
        facts.pop(bad, None)
        absent = expected_of((*case[:4], facts), layers)
        assert told(decision)[0] == ("ImplicitDeny" if bad in asked and absent[0] == "Allow" else absent[0])


def test_every_combination_of_layers_agrees() -> None:
    """All principals, all resource policies and grants that name one principal, every mix of silent and generous."""
    silent = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
    generous = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    of_resource: list[Any] = [None]
    of_resource += [
        {"Version": "2012-10-17", "Statement": generous | {"Principal": element}} for element in generated.LONE_ELEMENTS
    ]
    parsed = {json.dumps(tree): named(tree, PolicyKind.RESOURCE) for tree in of_resource if tree}
    everything, nothing = named(ALLOW_EVERYTHING), named(silent)
    compiled_as = {json.dumps(ALLOW_EVERYTHING): everything, json.dumps(silent): nothing}
    outcomes = set()
    for identity, boundary, session, (resource, grant), decisive in itertools.product(
        [[], [ALLOW_EVERYTHING]],
        [None, ALLOW_EVERYTHING, silent],
        [None, [], [ALLOW_EVERYTHING], [silent]],
        [*((one, None) for one in of_resource), *((None, one) for one in of_resource[1:])],
        [True, False],
    ):
        layers = NO_LAYERS | {
            "identity": identity,
            "boundary": boundary,
            "session": session,
            "resource": resource,
            "resource_is_decisive": decisive,
            "grants": [grant] if grant else [],
        }
        policies = Policies(
            identity=[everything] if identity else [],
            boundary=compiled_as[json.dumps(boundary)] if boundary else None,
            session=None if session is None else [compiled_as[json.dumps(tree)] for tree in session],
            resource=parsed[json.dumps(resource)] if resource else None,
            resource_is_decisive=decisive,
            grants=[parsed[json.dumps(grant)]] if grant else [],
        )
        for principal, account in itertools.product(PRINCIPALS, [HOME, OTHER]):
            case: Case = (principal, "kms:Encrypt", "*", account, {})
            decision = evaluate(as_request(case), policies)
            assert told(decision) == expected_of(case, layers), (principal, account, layers)
            outcomes.add((principal.kind, decision.allowed))
    assert len(outcomes) == 2 * len(PrincipalKind)
