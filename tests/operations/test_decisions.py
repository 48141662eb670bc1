"""Decisions that are remembered: never another one than would be made anew."""

from collections import Counter
from random import Random
from typing import Any, cast

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.policy import generated_policies as generated
from tests.policy.generated_policies import HOME, PRINCIPALS
from tests.policy.second_evaluator import folded
from tests.policy.test_policy_reference import compiled

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement, access_request, authorize, policies_for
from strongroom.operations.call import Call
from strongroom.operations.callers import Caller
from strongroom.operations.decisions import DECISIONS_MAX, MISSES_MAX, VALUE_CHARACTERS_MAX, RememberedDecisions
from strongroom.operations.registry import find_operation
from strongroom.operations.trail import Identity, Reason
from strongroom.policy.context import AMBIGUOUS, Context, ContextValue
from strongroom.policy.evaluate import evaluate
from strongroom.policy.principal import PrincipalKind

REQUESTS = 40
KEY = "arn:aws:kms:r:1:key/k"
SIGNERS = [one for one in PRINCIPALS if one.kind not in (PrincipalKind.ANONYMOUS, PrincipalKind.FEDERATED)]


def caller_of(random: Random, layers: dict[str, Any]) -> Caller:
    principal, policies = random.choice(SIGNERS), compiled(layers)
    session = None if policies.session is None else tuple(policies.session)
    identity = Identity("IAMUser", principal.unique_id, principal.arn, principal.account_id, "AKIATEST")
    return Caller(principal, identity, tuple(policies.identity), policies.boundary, session)


def is_allowed(call: Call) -> bool:
    try:
        authorize(call)
    except AwsError:
        return False
    return True


@pytest.mark.parametrize("in_house", ["sqlite"], indirect=True)  # Decisions touch no database.
def test_what_is_remembered_is_what_would_be_decided(in_house: InHouse[None]) -> None:
    """Random policies; the same caller asks again and again, with few values that are often the same."""

    async def body(house: OpenedHouse) -> None:
        operation = find_operation("kms", "ListKeys")
        assert operation is not None
        origin, outcomes, hits = Origin("", 0.0, "192.0.2.7", True), Counter[bool](), 0
        for seed in range(400):
            random = Random(f"remembered {seed}")
            layers = generated.layers(random) | {"grants": [], "service_control": []}
            caller, resource = caller_of(random, layers), compiled(layers).resource
            remembered = RememberedDecisions()
            circumstances = [folded(generated.context(random)) for _ in range(4)]
            for _ in range(REQUESTS):
                facts: dict[str, Any] = dict(random.choice(circumstances))
                if generated.chance(random, 20):
                    facts[random.choice(generated.KEYS).lower()] = AMBIGUOUS
                action = random.choice(generated.ACTIONS)
                call = Call(house.house, operation, {}, caller, origin, "us-east-1")
                call.requirements = (
                    Requirement(
                        action=action,
                        resource=KEY,
                        account_id=HOME,
                        policy=resource,
                        policy_is_decisive=layers["resource_is_decisive"],
                        conditions=cast(Any, facts.get),
                        remembered=remembered,
                    ),
                )
                last = remembered.find(caller, action)
                requirement = call.requirements[0]
                fresh = evaluate(access_request(call, requirement), policies_for(call, requirement))
                hits += last is not None and last.holds_in(access_request(call, requirement).context)
                assert is_allowed(call) is fresh.allowed, seed
                outcomes[fresh.allowed] += 1
                if fresh.allowed:
                    assert call.reason is not None
                    assert (call.reason.outcome, call.reason.layer) == (fresh.outcome.value, fresh.layer.value)
                    assert call.reason.statements == fresh.statements
        assert min(outcomes.values()) > 1_000
        assert hits > 1_000

    in_house(body)


REASON = Reason("Allow", "identity-based policy", ())


@pytest.mark.parametrize(
    ("value", "holds"), [("a", True), ("b", False), (None, False), (["a", "b"], False), (AMBIGUOUS, False)]
)
def test_another_value_is_decided_anew(value: ContextValue, holds: bool) -> None:
    caller, remembered = Caller.root(HOME, "AKIATEST"), RememberedDecisions()
    remembered.remember(caller, "kms:Encrypt", REASON, {"aws:userid": ("a",), "aws:username": ()})
    found = remembered.find(caller, "kms:Encrypt")
    assert found is not None
    assert found.holds_in(Context(None, {"aws:userid": value}.get)) is holds
    assert remembered.find(caller, "kms:Decrypt") is None
    assert remembered.find(Caller.root(HOME, "AKIATEST"), "kms:Encrypt") is None


def test_a_value_that_cannot_be_read_is_not_an_absent_one() -> None:
    caller, remembered = Caller.root(HOME, "AKIATEST"), RememberedDecisions()
    remembered.remember(caller, "kms:Encrypt", REASON, {"aws:userid": ()})
    found = remembered.find(caller, "kms:Encrypt")
    assert found is not None
    assert found.holds_in(Context(None, {}.get))
    assert not found.holds_in(Context(None, {"aws:userid": AMBIGUOUS}.get))


def test_what_did_not_hold_for_a_while_is_replaced() -> None:
    caller, remembered = Caller.root(HOME, "AKIATEST"), RememberedDecisions()
    remembered.remember(caller, "kms:Encrypt", REASON, {"aws:userid": ("a",)})
    found = remembered.find(caller, "kms:Encrypt")
    assert found is not None
    for number in range(2 * MISSES_MAX):
        assert remembered.find(caller, "kms:Encrypt") is found
        # One hit begins the count anew.
        assert found.holds_in(Context(None, {"aws:userid": "a" if number == MISSES_MAX - 1 else "b"}.get)) is (
            number == MISSES_MAX - 1
        )
        remembered.remember(caller, "kms:Encrypt", REASON, {"aws:userid": ("b",)})
    replaced = remembered.find(caller, "kms:Encrypt")
    assert replaced is not None
    assert replaced.asked == {"aws:userid": ("b",)}


def test_neither_many_nor_long_ones_are_remembered() -> None:
    caller, remembered = Caller.root(HOME, "AKIATEST"), RememberedDecisions()
    remembered.remember(caller, "kms:Encrypt", REASON, {"a:b": ("x", "x" * (VALUE_CHARACTERS_MAX + 1))})
    assert remembered.find(caller, "kms:Encrypt") is None
    for number in range(2 * DECISIONS_MAX + 1):
        remembered.remember(caller, f"kms:Made{number}", REASON, {})
    kept = [number for number in range(2 * DECISIONS_MAX + 1) if remembered.find(caller, f"kms:Made{number}")]
    assert kept == [2 * DECISIONS_MAX]
