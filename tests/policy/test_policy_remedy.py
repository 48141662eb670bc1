"""A remedy is tried: what it says would allow a request does."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.policy.context import Context
from strongroom.policy.decision import Layer, Outcome
from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy, Policies
from strongroom.policy.principal import Principal
from strongroom.policy.remedy import Remedy, remedy
from strongroom.policy.request import AccessRequest

HOME, OTHER = "111122223333", "444455556666"
KEY = f"arn:aws:kms:eu-central-1:{HOME}:key/1234abcd"
OBJECT = "arn:aws:s3:::b/x"
ROLE = f"arn:aws:iam::{HOME}:role/app"
ALICE = Principal.user(f"arn:aws:iam::{HOME}:user/alice", HOME)
BOB = Principal.user(f"arn:aws:iam::{OTHER}:user/bob", OTHER)
SESSION = Principal.role_session(f"arn:aws:sts::{HOME}:assumed-role/app/one", HOME, ROLE)
FEDERATED_USER = Principal.federated_user(f"arn:aws:sts::{HOME}:federated-user/f", HOME, ALICE.arn)
OTHER_ROOT = Principal.root(OTHER)
LOGS = Principal.service("logs.amazonaws.com")
GOOGLE = Principal.federated("accounts.google.com")
PRINCIPALS = [
    ALICE,
    BOB,
    SESSION,
    FEDERATED_USER,
    Principal.root(HOME),
    OTHER_ROOT,
    LOGS,
    GOOGLE,
    Principal.anonymous(),
]


def policy(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY, source: str = "policy") -> NamedPolicy:
    filled = [{"Effect": "Allow", "Action": "*", "Resource": "*"} | statement for statement in statements]
    return NamedPolicy(source, parse(json.dumps({"Version": "2012-10-17", "Statement": filled}), kind))


def bucket_policy(*statements: dict[str, Any]) -> NamedPolicy:
    return policy(*statements, kind=PolicyKind.RESOURCE, source="bucket policy")


NOTHING = policy({"Action": "sqs:SendMessage"}, source="nothing")


def cure(
    principal: Principal,
    action: str = "s3:GetObject",
    on: str = OBJECT,
    *,
    context: dict[str, Any] | None = None,
    account: str = HOME,
    **layers: Any,
) -> Remedy:
    request = AccessRequest(principal, action, on, account, Context(context or {}))
    policies = Policies(**layers)
    return remedy(request, policies, evaluate(request, policies))


def added(found: Remedy) -> list[tuple[Layer, dict[str, Any]]]:
    return [(one.layer, one.statement) for one in found.additions]


def test_the_smallest_statement_of_an_identity_policy() -> None:
    found = cure(ALICE, identity=[NOTHING])
    assert added(found) == [(Layer.IDENTITY, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECT})]
    assert (found.layer, found.statement, found.is_sufficient) == (Layer.IDENTITY, found.additions[0].statement, True)
    assert next(found.lines()) == f"Add to the identity-based policy of {ALICE.arn}:"


def test_a_key_policy_calls_its_key_a_star_and_a_session_by_its_role() -> None:
    found = cure(
        SESSION, "kms:Decrypt", KEY, resource=bucket_policy({"Principal": {"AWS": OTHER}}), resource_is_decisive=True
    )
    statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
    assert added(found) == [(Layer.RESOURCE, statement)]


def test_another_account_needs_both_policies() -> None:
    found = cure(BOB, resource=bucket_policy({"Principal": {"AWS": HOME}}))
    assert [layer for layer, _ in added(found)] == [Layer.RESOURCE, Layer.IDENTITY]
    assert found.is_sufficient


def test_every_layer_that_is_missing_is_listed() -> None:
    found = cure(SESSION, identity=[NOTHING], boundary=NOTHING, session=[NOTHING], service_control=[[NOTHING]])
    layers = [Layer.SERVICE_CONTROL, Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION]
    assert [layer for layer, _ in added(found)] == layers
    assert found.is_sufficient


def test_a_trust_policy_has_no_resource() -> None:
    trust = NamedPolicy("trust policy", Document(PolicyKind.TRUST, "2012-10-17", "", ()))
    found = cure(ALICE, "sts:AssumeRole", ROLE, resource=trust, resource_is_decisive=True)
    assert added(found) == [
        (Layer.RESOURCE, {"Effect": "Allow", "Principal": {"AWS": ALICE.arn}, "Action": "sts:AssumeRole"})
    ]


def test_what_would_be_a_wildcard_in_an_object_name_is_escaped() -> None:
    found = cure(ALICE, on="arn:aws:s3:::b/a*?${x}")
    assert found.statement is not None
    assert found.statement["Resource"] == "arn:aws:s3:::b/a${*}${?}${$}{x}"
    assert found.is_sufficient


@pytest.mark.parametrize(
    ("conditions", "context", "way"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": False}, "over HTTPS"),
        (
            {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
            {"aws:MultiFactorAuthPresent": "false"},
            "begun with MFA",
        ),
        (
            {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}},
            {"aws:SourceIp": "203.0.113.1"},
            "if aws:SourceIp were 192.0.2.0/24 or 2001:db8::/32 (aws:SourceIp is 203.0.113.1)",
        ),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, {}, "(the request has no aws:SourceVpce)"),
        ({"Null": {"s3:x-amz-acl": "true"}}, {}, "if the request had a s3:x-amz-acl"),
        ({"StringEquals": {"aws:username": "alice"}}, {"aws:username": "alice"}, "if aws:username were not alice"),
    ],
)
def test_a_deny_is_named_with_what_would_have_to_differ(
    conditions: dict[str, Any], context: dict[str, Any], way: str
) -> None:
    denying = policy({}, {"Effect": "Deny", "Sid": "No", "Condition": conditions}, source="guard")
    found = cure(ALICE, identity=[denying], context=context)
    (obstacle,) = found.obstacles
    assert (obstacle.layer, obstacle.reference.source, obstacle.reference.index) == (Layer.IDENTITY, "guard", 1)
    assert way in obstacle.ways_out[0]
    assert found.additions == ()
    assert any("statement 2 (No)" in line for line in found.lines())


@pytest.mark.parametrize(
    ("condition", "context", "wish"),
    [
        ({"StringEquals": {"sts:ExternalId": "x"}}, {}, "if sts:ExternalId were x (the request has no sts:ExternalId)"),
        (
            {"StringNotEquals": {"aws:userid": ["a", "b"]}},
            {"aws:userid": "a"},
            "if aws:userid were not a or b (aws:userid is a)",
        ),
        ({"Null": {"aws:userid": "true"}}, {"aws:userid": "a"}, "if the request had no aws:userid"),
        ({"Null": {"aws:userid": "false"}}, {}, "if the request had a aws:userid"),
        ({"NumericLessThan": {"a:n": "5"}}, {"a:n": 7}, "if a:n met NumericLessThan 5 (a:n is 7)"),
    ],
)
def test_a_statement_that_only_lacks_a_condition_is_named_too(
    condition: dict[str, Any], context: dict[str, Any], wish: str
) -> None:
    named = {"Principal": {"AWS": ALICE.arn}}
    trust = bucket_policy(
        {"Action": "s3:*", "Sid": "Near", "Condition": condition} | named, {"Action": "kms:*"} | named
    )
    found = cure(ALICE, resource=trust, resource_is_decisive=True, context=context)
    (near,) = found.near_misses
    assert (near.layer, near.reference.sid, near.unmet) == (Layer.RESOURCE, "Near", (wish,))
    assert list(found.lines())[-2:] == [
        "Or leave the resource-based policy as it is: statement 1 (Near) of bucket policy (resource-based policy) "
        "would allow it",
        f"  {wish}",
    ]


def test_what_would_not_be_enough_is_no_near_miss() -> None:
    """A statement for the account lets the account's policies decide, and there is none."""
    key_policy = bucket_policy({"Principal": {"AWS": HOME}, "Condition": {"StringEquals": {"aws:userid": "x"}}})
    found = cure(ALICE, "kms:Decrypt", KEY, resource=key_policy, resource_is_decisive=True)
    assert [layer for layer, _ in added(found)] == [Layer.RESOURCE]
    assert found.near_misses == ()
    found = cure(ALICE, "kms:Decrypt", KEY, resource=key_policy, resource_is_decisive=True, identity=[policy({})])
    assert [near.layer for near in found.near_misses] == [Layer.RESOURCE]


def test_what_people_call_the_policy_is_what_the_words_say() -> None:
    first = {
        "key": next(cure(ALICE, "kms:Decrypt", KEY, resource_is_decisive=True).lines()),
        "role": next(cure(ALICE, "sts:AssumeRole", ROLE, resource_is_decisive=True).lines()),
        "bucket": next(cure(BOB).lines()),
        "session": next(cure(SESSION, identity=[policy({})], session=[NOTHING]).lines()),
    }
    assert first == {
        "key": f"Add to the key policy of {KEY}:",
        "role": f"Add to the role trust policy of {ROLE}:",
        "bucket": f"Add to the resource-based policy of {OBJECT}:",
        "session": f"Begin the session {SESSION.arn} anew, with this in its session policy:",
    }


def test_a_deny_and_nothing_that_allows_are_both_told() -> None:
    found = cure(
        ALICE, identity=[policy({"Effect": "Deny"})], resource=bucket_policy({"Effect": "Deny", "Principal": "*"})
    )
    assert [one.layer for one in found.obstacles] == [Layer.RESOURCE, Layer.IDENTITY]
    assert [one.ways_out for one in found.obstacles] == [(), ()]
    assert [layer for layer, _ in added(found)] == [Layer.IDENTITY]


def test_what_is_allowed_needs_nothing() -> None:
    found = cure(ALICE, identity=[policy({})])
    assert (found.layer, found.statement, list(found.lines())) == (None, None, [])


def test_a_value_that_cannot_be_read_is_named_instead_of_a_statement() -> None:
    sees = policy({"Condition": {"StringNotEquals": {"aws:userid": "x"}}})
    found = cure(ALICE, identity=[sees], context={"aws:userid": {"an": "object"}})
    assert (found.additions, found.is_sufficient, found.unreadable) == ((), False, ("aws:userid",))
    assert "aws:userid cannot be read" in list(found.lines())[-1]


def test_a_grant_stands_in_for_the_resource_policy() -> None:
    grant = NamedPolicy("grant", bucket_policy({"Principal": {"AWS": ROLE}, "Action": "kms:Decrypt"}).document)
    found = cure(SESSION, "kms:Decrypt", KEY, grants=[grant], boundary=NOTHING, resource_is_decisive=True)
    assert [layer for layer, _ in added(found)] == [Layer.BOUNDARY]
    assert found.is_sufficient


ACTIONS = ["s3:GetObject", "kms:Decrypt", "sts:AssumeRole"]
RESOURCES = {"s3:GetObject": OBJECT, "kms:Decrypt": KEY, "sts:AssumeRole": ROLE}
NAMES = ["*", {"AWS": HOME}, {"AWS": OTHER}, {"AWS": ALICE.arn}, {"AWS": ROLE}, {"Service": "logs.amazonaws.com"}]
conditions = st.sampled_from(
    [None, None, {"StringEquals": {"aws:userid": "a"}}, {"StringNotEquals": {"aws:userid": "a"}}]
)


@st.composite
def documents(draw: st.DrawFn, kind: PolicyKind) -> NamedPolicy:
    listed = []
    for _ in range(draw(st.integers(1, 3))):
        statement: dict[str, Any] = {
            "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
            "Action": "sts:AssumeRole" if kind is PolicyKind.TRUST else draw(st.sampled_from([*ACTIONS, "s3:*"])),
        }
        if kind is not PolicyKind.TRUST:
            statement["Resource"] = draw(st.sampled_from(["*", OBJECT, KEY, ROLE]))
        if kind is not PolicyKind.IDENTITY:
            statement["Principal"] = draw(st.sampled_from(NAMES))
        condition = draw(conditions)
        if condition:
            statement["Condition"] = condition
        listed.append(statement)
    return NamedPolicy(kind.value, parse(json.dumps({"Version": "2012-10-17", "Statement": listed}), kind))


identity_documents = documents(PolicyKind.IDENTITY)


@st.composite
def questions(draw: st.DrawFn) -> tuple[AccessRequest, Policies]:
    action = draw(st.sampled_from(ACTIONS))
    kind = PolicyKind.TRUST if action == "sts:AssumeRole" else PolicyKind.RESOURCE
    context = Context(draw(st.sampled_from([{}, {"aws:userid": "a"}, {"aws:userid": "b"}])))
    account = draw(st.sampled_from([HOME, OTHER]))
    request = AccessRequest(draw(st.sampled_from(PRINCIPALS)), action, RESOURCES[action], account, context)
    return request, Policies(
        identity=draw(st.lists(identity_documents, max_size=2)),
        boundary=draw(st.none() | identity_documents),
        session=draw(st.none() | st.lists(identity_documents, max_size=1)),
        resource=draw(st.none() | documents(kind)),
        resource_is_decisive=draw(st.booleans()),
        service_control=draw(st.lists(st.lists(identity_documents, min_size=1, max_size=1), max_size=1)),
        grants=draw(st.lists(documents(PolicyKind.RESOURCE), max_size=1)),
    )


def extended(found: NamedPolicy | None, kind: PolicyKind, statements: list[dict[str, Any]]) -> NamedPolicy | None:
    """Append statements to a document as its owner would, by hand and not by the code under test."""
    if not statements:
        return found
    new = parse(json.dumps({"Version": "2012-10-17", "Statement": statements}), kind).statements
    old = found.document.statements if found is not None else ()
    return NamedPolicy("extended", Document(kind, "2012-10-17", "", (*old, *new)))


def applied(request: AccessRequest, policies: Policies, additions: list[tuple[Layer, dict[str, Any]]]) -> Policies:
    by_layer: dict[Layer, list[dict[str, Any]]] = {layer: [] for layer in Layer}
    for layer, statement in additions:
        by_layer[layer].append(statement)
    assert (by_layer[Layer.ROOT], by_layer[Layer.GRANT]) == ([], [])
    identity, session, control = (
        extended(None, PolicyKind.IDENTITY, by_layer[layer])
        for layer in (Layer.IDENTITY, Layer.SESSION, Layer.SERVICE_CONTROL)
    )
    kind = PolicyKind.TRUST if request.action == "sts:AssumeRole" else PolicyKind.RESOURCE
    return Policies(
        identity=[*policies.identity, *([identity] if identity else [])],
        boundary=extended(policies.boundary, PolicyKind.IDENTITY, by_layer[Layer.BOUNDARY]),
        session=[*(policies.session or ()), session] if session else policies.session,
        resource=extended(policies.resource, kind, by_layer[Layer.RESOURCE]),
        resource_is_decisive=policies.resource_is_decisive,
        service_control=[[*level, *([control] if control else [])] for level in policies.service_control],
        grants=policies.grants,
    )


@given(questions())
@settings(max_examples=1_000, deadline=None)
def test_applying_the_remedy_of_an_implicit_deny_allows(question: tuple[AccessRequest, Policies]) -> None:
    request, policies = question
    decision = evaluate(request, policies)
    found = remedy(request, policies, decision)
    assert (found.obstacles != ()) is (decision.outcome is Outcome.EXPLICIT_DENY)
    assert found.is_sufficient
    if decision.outcome is Outcome.EXPLICIT_DENY:
        return
    assert evaluate(request, applied(request, policies, added(found))).allowed
    for at in range(len(found.additions)):
        others = added(found)[:at] + added(found)[at + 1 :]
        assert not evaluate(request, applied(request, policies, others)).allowed
