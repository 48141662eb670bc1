"""Worked cases of the evaluation logic, from the pages of the IAM and KMS guides."""

import json
from datetime import datetime
from typing import Any

import pytest

from strongroom.policy.context import Context
from strongroom.policy.denial import denial_message
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.evaluate import (
    AccessRequest,
    Decision,
    Layer,
    NamedPolicy,
    Outcome,
    Policies,
    PolicySet,
    Principal,
    StatementReference,
    evaluate,
)
from strongroom.policy.explain import explain

HOME, OTHER = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd"
ROOT_ARN = f"arn:aws:iam::{HOME}:root"
ALICE_ARN = f"arn:aws:iam::{HOME}:user/alice"
ROLE_ARN = f"arn:aws:iam::{HOME}:role/team/app"
SESSION_ARN = f"arn:aws:sts::{HOME}:assumed-role/app/one"
FEDERATED_ARN = f"arn:aws:sts::{HOME}:federated-user/fed"
BOB_ARN = f"arn:aws:iam::{OTHER}:user/bob"

ROOT = Principal.root(HOME)
ALICE = Principal.user(ALICE_ARN, HOME)
SESSION = Principal.role_session(SESSION_ARN, HOME, ROLE_ARN)
FEDERATED_USER = Principal.federated_user(FEDERATED_ARN, HOME, ALICE_ARN)
BOB = Principal.user(BOB_ARN, OTHER)
OTHER_ROOT = Principal.root(OTHER)
LOGS = Principal.service("logs.amazonaws.com")
GOOGLE = Principal.federated("accounts.google.com")
ANYBODY = Principal.anonymous()


def policy(*statements: dict[str, Any], kind: PolicyKind = PolicyKind.IDENTITY, source: str = "policy") -> NamedPolicy:
    filled = [{"Effect": "Allow", "Action": "*", "Resource": "*"} | statement for statement in statements]
    for statement in filled:
        if "NotAction" in statement:
            del statement["Action"]
        if "NotResource" in statement:
            del statement["Resource"]
    return NamedPolicy(source, parse(json.dumps({"Version": "2012-10-17", "Statement": filled}), kind))


def resource(*statements: dict[str, Any]) -> NamedPolicy:
    return policy(*statements, kind=PolicyKind.RESOURCE, source="key policy")


def aws(*names: str, **others: Any) -> dict[str, Any]:
    return {"Principal": {"AWS": list(names)}} | others


ALLOW_ALL = policy({}, source="allow all")
NOTHING = policy({"Action": "s3:GetObject"}, source="nothing")
DENY_ALL = policy({"Effect": "Deny"}, source="deny all")


def decide(principal: Principal, action: str = "kms:Encrypt", *, on: str = KEY, **layers: Any) -> Decision:
    context = layers.pop("context", Context())
    request = AccessRequest(principal, action, on, HOME, context)
    decision = evaluate(request, Policies(**layers))
    explained = explain(request, Policies(**layers))
    assert explained.decision.outcome is decision.outcome
    applying = {trace.reference for trace in explained.statements if trace.applies}
    assert applying >= set(decision.statements)
    return decision


def outcome(principal: Principal, **layers: Any) -> tuple[str, str]:
    decision = decide(principal, **layers)
    assert decision.allowed is (decision.outcome is Outcome.ALLOW)
    return decision.outcome.value, decision.layer.value


def allowed(principal: Principal, **layers: Any) -> bool:
    return decide(principal, **layers).allowed


def test_identity_policies_in_the_own_account() -> None:
    assert outcome(ALICE) == ("ImplicitDeny", "identity-based policy")
    assert outcome(ALICE, identity=[NOTHING, ALLOW_ALL]) == ("Allow", "identity-based policy")
    assert outcome(ALICE, identity=[ALLOW_ALL, DENY_ALL]) == ("ExplicitDeny", "identity-based policy")
    decision = decide(ALICE, identity=[NOTHING, policy({"Action": "s3:*"}, {"Sid": "B"}, source="two")])
    assert decision.statements == (StatementReference("two", 1, "B"),)


def test_the_guides_example_of_carlos() -> None:
    carlos = f"arn:aws:iam::{HOME}:user/carlossalazar"
    buckets = ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]
    identity = policy(
        {"Action": ["s3:GetBucketLocation", "s3:ListAllMyBuckets"], "Resource": "arn:aws:s3:::*"},
        {"Action": "s3:*", "Resource": buckets},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"},
    )
    bucket = resource(aws(carlos, Action="s3:*", Resource=buckets))
    user = Principal.user(carlos, HOME)
    layers: dict[str, Any] = {"identity": [identity], "resource": bucket}
    assert decide(user, "s3:PutObject", on="arn:aws:s3:::carlossalazar/file", **layers).allowed
    refused = decide(user, "s3:PutObject", on="arn:aws:s3:::carlossalazar-logs/file", **layers)
    assert refused.outcome is Outcome.EXPLICIT_DENY
    assert refused.statements[0].index == 2


@pytest.mark.parametrize("layer", ["identity", "boundary", "session", "resource", "service_control"])
def test_an_explicit_deny_in_any_layer_wins(layer: str) -> None:
    layers: dict[str, Any] = {
        "identity": [ALLOW_ALL],
        "boundary": ALLOW_ALL,
        "session": [ALLOW_ALL],
        "resource": resource(aws(SESSION_ARN)),
        "service_control": [[ALLOW_ALL]],
    }
    assert allowed(SESSION, **layers)
    deny = resource(aws(ROLE_ARN, Effect="Deny"), aws(SESSION_ARN)) if layer == "resource" else DENY_ALL
    one = {"identity": [ALLOW_ALL, deny], "session": [ALLOW_ALL, deny], "service_control": [[ALLOW_ALL], [deny]]}
    decision = decide(SESSION, **layers | {layer: one.get(layer, deny)})
    assert decision.outcome is Outcome.EXPLICIT_DENY
    assert decision.layer.name == layer.upper()


@pytest.mark.parametrize(
    ("principal", "named", "boundary", "session", "expected"),
    [
        (ALICE, ALICE_ARN, NOTHING, None, "Allow"),
        (SESSION, ROLE_ARN, None, None, "Allow"),
        (SESSION, ROLE_ARN, NOTHING, None, "ImplicitDeny"),
        (SESSION, ROLE_ARN, None, [NOTHING], "ImplicitDeny"),
        (SESSION, ROLE_ARN, ALLOW_ALL, [ALLOW_ALL], "Allow"),
        (SESSION, SESSION_ARN, NOTHING, [NOTHING], "Allow"),
        (FEDERATED_USER, ALICE_ARN, NOTHING, [NOTHING], "ImplicitDeny"),
        (FEDERATED_USER, ALICE_ARN, None, [ALLOW_ALL], "Allow"),
        (FEDERATED_USER, FEDERATED_ARN, NOTHING, [NOTHING], "Allow"),
        (SESSION, "*", NOTHING, [NOTHING], "Allow"),
        (ROOT, ROOT_ARN, None, None, "Allow"),
    ],
)
@pytest.mark.parametrize("decisive", [True, False])
def test_table_of_resource_policies_and_implicit_denies(
    principal: Principal,
    named: str,
    boundary: NamedPolicy | None,
    session: list[NamedPolicy] | None,
    expected: str,
    decisive: bool,
) -> None:
    layers: dict[str, Any] = {"boundary": boundary, "session": session, "resource": resource(aws(named))}
    got = decide(principal, identity=[NOTHING], resource_is_decisive=decisive, **layers)
    assert got.outcome.value == expected


def test_boundary_and_session_limit_identity_policies() -> None:
    assert outcome(ALICE, identity=[ALLOW_ALL], boundary=NOTHING) == ("ImplicitDeny", "permissions boundary")
    assert outcome(SESSION, identity=[ALLOW_ALL], session=[NOTHING]) == ("ImplicitDeny", "session policy")
    assert outcome(SESSION, identity=[ALLOW_ALL], session=[]) == ("ImplicitDeny", "session policy")
    assert allowed(SESSION, identity=[ALLOW_ALL], session=[NOTHING, ALLOW_ALL], boundary=ALLOW_ALL)
    assert outcome(SESSION, identity=[NOTHING], session=[ALLOW_ALL]) == ("ImplicitDeny", "identity-based policy")


def test_federated_user_session_without_session_policies_may_nothing() -> None:
    assert outcome(FEDERATED_USER, identity=[ALLOW_ALL]) == ("ImplicitDeny", "session policy")
    assert allowed(FEDERATED_USER, identity=[ALLOW_ALL], session=[ALLOW_ALL])


def test_service_control_policies_limit_everybody_at_every_level() -> None:
    for principal in (ALICE, ROOT, SESSION):
        layers = {"identity": [ALLOW_ALL], "resource": resource({"Principal": "*"})}
        assert allowed(principal, service_control=[[ALLOW_ALL], [NOTHING, ALLOW_ALL]], **layers)
        refused = outcome(principal, service_control=[[ALLOW_ALL], [NOTHING]], **layers)
        assert refused == ("ImplicitDeny", "service control policy")
        assert not allowed(principal, service_control=[[]], **layers)


def test_root_user() -> None:
    assert outcome(ROOT) == ("Allow", "account root")
    assert outcome(ROOT, resource=resource(aws(ALICE_ARN))) == ("Allow", "account root")
    assert outcome(ROOT, resource=resource(aws(ROOT_ARN, Effect="Deny")))[0] == "ExplicitDeny"
    assert outcome(ROOT, resource_is_decisive=True, resource=resource(aws(ALICE_ARN))) == (
        "ImplicitDeny",
        "resource-based policy",
    )
    assert allowed(ROOT, resource_is_decisive=True, resource=resource(aws(HOME)))
    assert not allowed(ROOT, session=[NOTHING])


def test_account_principal_hands_over_to_identity_policies() -> None:
    for named in (HOME, ROOT_ARN):
        for decisive in (True, False):
            layers: dict[str, Any] = {"resource": resource(aws(named)), "resource_is_decisive": decisive}
            assert outcome(ALICE, **layers) == ("ImplicitDeny", "identity-based policy")
            decision = decide(ALICE, identity=[ALLOW_ALL], **layers)
            assert [one.source for one in decision.statements] == ["allow all", "key policy"]
            assert outcome(ALICE, identity=[ALLOW_ALL], boundary=NOTHING, **layers)[1] == "permissions boundary"


def test_decisive_resource_policy() -> None:
    silent = resource(aws(BOB_ARN))
    assert allowed(ALICE, identity=[ALLOW_ALL], resource=silent)
    refused = outcome(ALICE, identity=[ALLOW_ALL], resource=silent, resource_is_decisive=True)
    assert refused == ("ImplicitDeny", "resource-based policy")
    assert not allowed(ALICE, identity=[ALLOW_ALL], resource=None, resource_is_decisive=True)
    assert allowed(ALICE, resource=resource(aws(ALICE_ARN)), resource_is_decisive=True)


@pytest.mark.parametrize("decisive", [True, False])
def test_other_accounts_need_both_sides(decisive: bool) -> None:
    for named in (BOB_ARN, OTHER, "*"):
        layers: dict[str, Any] = {"resource": resource(aws(named)), "resource_is_decisive": decisive}
        assert outcome(BOB, **layers) == ("ImplicitDeny", "identity-based policy")
        assert allowed(BOB, identity=[ALLOW_ALL], **layers)
        assert not allowed(BOB, identity=[ALLOW_ALL], boundary=NOTHING, **layers)
        assert outcome(OTHER_ROOT, **layers)[0] == ("ImplicitDeny" if named == BOB_ARN else "Allow")
    for silent in (None, resource(aws(HOME))):
        refused = outcome(BOB, identity=[ALLOW_ALL], resource=silent, resource_is_decisive=decisive)
        assert refused == ("ImplicitDeny", "resource-based policy")


def test_other_accounts_role_sessions() -> None:
    role = f"arn:aws:iam::{OTHER}:role/app"
    session = Principal.role_session(f"arn:aws:sts::{OTHER}:assumed-role/app/x", OTHER, role)
    for named in (role, session.arn, OTHER):
        assert allowed(session, identity=[ALLOW_ALL], resource=resource(aws(named)))
        assert not allowed(session, identity=[ALLOW_ALL], session=[NOTHING], resource=resource(aws(named)))
    assert not allowed(session, identity=[ALLOW_ALL], resource=resource(aws(ROLE_ARN)))


def test_callers_without_an_account() -> None:
    for everyone in ({"Principal": "*"}, aws("*")):
        assert allowed(ANYBODY, resource=resource(everyone))
        assert allowed(LOGS, resource=resource(everyone))
        assert not allowed(GOOGLE, resource=resource(everyone))
    assert not allowed(ANYBODY, identity=[ALLOW_ALL], resource=resource(aws(HOME)))
    assert not allowed(ANYBODY, identity=[ALLOW_ALL])
    service = {"Principal": {"Service": "logs.amazonaws.com"}}
    assert allowed(LOGS, resource=resource(service), resource_is_decisive=True)
    assert not allowed(Principal.service("s3.amazonaws.com"), resource=resource(service))
    assert not allowed(LOGS, resource=resource(aws(HOME)))
    assert allowed(LOGS, identity=[ALLOW_ALL])
    assert not allowed(LOGS, identity=[ALLOW_ALL], resource=resource(aws(HOME)), resource_is_decisive=True)
    assert not allowed(LOGS, identity=[NOTHING])


def test_kinds_with_equal_names_are_apart() -> None:
    name = "cognito-identity.amazonaws.com"
    provider = resource({"Principal": {"Federated": name}})
    service = resource({"Principal": {"Service": name}})
    assert allowed(Principal.federated(name), resource=provider)
    assert allowed(Principal.service(name), resource=service)
    assert not allowed(Principal.service(name), resource=provider)
    assert not allowed(Principal.federated(name), resource=service)


def test_role_trust_policies() -> None:
    def trust(**principal: str) -> NamedPolicy:
        members = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        document = parse(json.dumps({"Version": "2012-10-17", "Statement": members}), PolicyKind.TRUST)
        return NamedPolicy("trust policy", document)

    def may(principal: Principal, policy: NamedPolicy, *identity: NamedPolicy) -> bool:
        layers: dict[str, Any] = {"resource": policy, "resource_is_decisive": True, "identity": identity}
        return decide(principal, "sts:AssumeRole", on=ROLE_ARN, **layers).allowed

    assert may(ALICE, trust(AWS=ALICE_ARN))
    assert not may(ALICE, trust(AWS=HOME))
    assert may(ALICE, trust(AWS=HOME), ALLOW_ALL)
    assert not may(ALICE, trust(AWS=OTHER), ALLOW_ALL)
    assert not may(BOB, trust(AWS=BOB_ARN))
    assert may(BOB, trust(AWS=BOB_ARN), ALLOW_ALL)
    assert may(LOGS, trust(Service="logs.amazonaws.com"))
    assert may(GOOGLE, trust(Federated="accounts.google.com"))


@pytest.mark.parametrize(
    ("principal", "spared", "denied"),
    [
        (ALICE, [HOME, ALICE_ARN], False),
        (ALICE, [ROOT_ARN, ALICE_ARN, ROLE_ARN], False),
        (ALICE, [ALICE_ARN], True),
        (ALICE, [HOME], True),
        (ROOT, [HOME], False),
        (ROOT, [OTHER], True),
        (SESSION, [HOME, ROLE_ARN, SESSION_ARN], False),
        (SESSION, [HOME, SESSION_ARN], True),
        (SESSION, [ROLE_ARN, SESSION_ARN], True),
        (SESSION, [HOME, ROLE_ARN], True),
        (ANYBODY, [HOME, ALICE_ARN], True),
        (ANYBODY, ["*"], False),
        (LOGS, [HOME], True),
    ],
)
def test_not_principal_spares_those_named_with_every_link(
    principal: Principal, spared: list[str], denied: bool
) -> None:
    statement = {"Effect": "Deny", "NotPrincipal": {"AWS": spared}}
    decision = decide(principal, identity=[ALLOW_ALL], resource=resource(statement, {"Principal": "*"}))
    assert (decision.outcome is Outcome.EXPLICIT_DENY) is denied


def test_not_principal_and_services_and_boundaries() -> None:
    statement = {"Effect": "Deny", "NotPrincipal": {"Service": "logs.amazonaws.com", "AWS": [HOME, ALICE_ARN]}}
    bucket = resource(statement, {"Principal": "*"})
    assert allowed(LOGS, resource=bucket)
    assert not allowed(Principal.service("s3.amazonaws.com"), resource=bucket)
    assert allowed(ALICE, resource=bucket)
    assert not allowed(ALICE, resource=bucket, boundary=ALLOW_ALL)


@pytest.mark.parametrize(
    ("statement", "action", "on", "expected"),
    [
        ({"Action": "KMS:encrypt"}, "kms:Encrypt", KEY, True),
        ({"Action": "kms:En?rypt"}, "kms:Encrypt", KEY, True),
        ({"Action": "kms:*Key*"}, "kms:GenerateDataKeyPair", KEY, True),
        ({"Action": "kms:Encrypt"}, "kms:EncryptMore", KEY, False),
        ({"Action": "*:*"}, "kms:Encrypt", KEY, True),
        ({"NotAction": "kms:*"}, "kms:Encrypt", KEY, False),
        ({"NotAction": ["s3:*", "KMS:DECRYPT"]}, "kms:Encrypt", KEY, True),
        ({"NotAction": "*"}, "kms:Encrypt", KEY, False),
        ({"Resource": KEY}, "kms:Encrypt", KEY, True),
        ({"Resource": KEY.replace("abcd", "ABCD")}, "kms:Encrypt", KEY, False),
        ({"Resource": f"arn:aws:kms:*:{HOME}:key/*"}, "kms:Encrypt", KEY, True),
        ({"Resource": f"arn:aws:kms:*:{OTHER}:key/*"}, "kms:Encrypt", KEY, False),
        ({"Resource": "arn:aws:kms:us-*:*:key/1234????"}, "kms:Encrypt", KEY, True),
        ({"Resource": "arn:aws:kms"}, "kms:Encrypt", KEY, True),
        ({"Resource": "arn:aws:kms:us-east-1"}, "kms:Encrypt", KEY, True),
        ({"Resource": "arn:aws:kms:eu-west-1"}, "kms:Encrypt", KEY, False),
        ({"Resource": "arn:aws:s3"}, "kms:Encrypt", KEY, False),
        ({"Resource": "arn:aws:kms:*:*:*"}, "kms:CreateKey", "*", False),
        ({"Resource": "*"}, "kms:CreateKey", "*", True),
        ({"Resource": "arn:aws:x:*:1:f/*"}, "x:Y", "arn:aws:x:us-1:9:s/abc:1:f/d", False),
        ({"Resource": "arn:aws:logs:*:*:log-group:*:b"}, "logs:X", "arn:aws:logs:r:1:log-group:a:x:b", True),
        ({"NotResource": KEY}, "kms:Encrypt", KEY, False),
        ({"NotResource": "arn:aws:kms:*:*:alias/*"}, "kms:Encrypt", KEY, True),
        ({"NotResource": "*"}, "kms:Encrypt", KEY, False),
    ],
)
def test_actions_and_resources(statement: dict[str, Any], action: str, on: str, expected: bool) -> None:
    assert decide(ALICE, action, on=on, identity=[policy(statement)]).allowed is expected


@pytest.mark.parametrize(
    ("statement", "key", "username", "expected"),
    [
        ({"Resource": "arn:aws:s3:::b/${aws:username}/*"}, "ann/x", "ann", True),
        ({"Resource": "arn:aws:s3:::b/${aws:username}/*"}, "bob/x", "ann", False),
        ({"Resource": "arn:aws:s3:::b/${aws:username}/*"}, "bob/x", "*", False),
        ({"Resource": "arn:aws:s3:::b/${aws:username}/*"}, "/x", None, False),
        ({"Resource": "arn:aws:s3:::b/${aws:username, 'all'}/*"}, "all/x", None, True),
        ({"Resource": ["arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/pub/*"]}, "pub/x", None, True),
        ({"NotResource": "arn:aws:s3:::b/${aws:username}/*"}, "bob/x", "ann", True),
        ({"NotResource": "arn:aws:s3:::b/${aws:username}/*"}, "bob/x", None, False),
    ],
)
def test_variables_in_resources(statement: dict[str, Any], key: str, username: str | None, expected: bool) -> None:
    context = Context({"aws:username": username})
    layers = {"identity": [policy(statement)], "context": context}
    assert decide(ALICE, "s3:GetObject", on=f"arn:aws:s3:::b/{key}", **layers).allowed is expected


def test_a_variable_without_a_value_does_not_free_from_a_deny() -> None:
    own_home_only = policy({"Effect": "Deny", "NotResource": "arn:aws:s3:::b/${aws:username}/*"})
    decision = decide(SESSION, "s3:GetObject", on="arn:aws:s3:::b/x", identity=[ALLOW_ALL, own_home_only])
    assert decision.outcome is Outcome.EXPLICIT_DENY


OVER_COLONS = "arn:aws:x:us-1:9:s/abc:1:f/d"


@pytest.mark.parametrize("pattern", ["arn:aws:x:*:1:f/*", "arn:aws:x:*:1:f/${aws:username}", "arn:aws:x:us-*:1:f/?"])
def test_wildcards_reach_over_colons_only_against_the_request(pattern: str) -> None:
    """The page "Resource": a `*` that ends a segment can match beyond the colon."""
    context = Context({"aws:username": "d"})

    def decided(*statements: dict[str, Any]) -> str:
        return decide(ALICE, "x:Y", on=OVER_COLONS, identity=[policy(*statements)], context=context).outcome.value

    assert decided({"Resource": pattern}) == "ImplicitDeny"
    assert decided({}, {"Effect": "Deny", "Resource": pattern}) == "ExplicitDeny"
    assert decided({"NotResource": pattern}) == "ImplicitDeny"
    assert decided({}, {"Effect": "Deny", "NotResource": pattern}) == "ExplicitDeny"
    arn_like = {"ArnLike": {"aws:SourceArn": pattern}}
    facts = {"aws:username": "d", "aws:SourceArn": OVER_COLONS}
    assert allowed(ALICE, identity=[policy({}, {"Effect": "Deny", "Condition": arn_like})], context=Context(facts))


@pytest.mark.parametrize("value", [{}, [None], object(), datetime(2026, 1, 1), 10**5000], ids=range(5))  # noqa: DTZ001
def test_a_value_that_cannot_be_read_never_allows(value: Any) -> None:
    facts: dict[str, Any] = {"aws:username": value}
    for operator in ("StringEquals", "StringNotEquals", "ForAllValues:StringEquals", "StringEqualsIfExists"):
        condition = {operator: {"aws:username": "ann"}}
        for identity in (policy({"Condition": condition}), policy({}, {"Effect": "Deny", "Condition": condition})):
            assert not allowed(ALICE, identity=[identity], context=Context(facts))
    variable = policy({}, {"Effect": "Deny", "NotAction": "s3:*", "Resource": f"{KEY}${{aws:username}}"})
    assert not allowed(ALICE, identity=[variable], context=Context(None, facts.get))
    null = {"Null": {"aws:username": "true"}}
    absent = resource(aws(ALICE_ARN, Condition=null))
    assert outcome(ALICE, identity=[policy({"Condition": null})], context=Context(facts)) == (
        "ImplicitDeny",
        "identity-based policy",
    )
    assert outcome(ALICE, resource=absent, context=Context(facts)) == ("ImplicitDeny", "resource-based policy")
    assert allowed(ALICE, identity=[ALLOW_ALL], context=Context(facts))


def test_grants() -> None:
    alice_may, role_may, home_may = (resource(aws(name)) for name in (ALICE_ARN, ROLE_ARN, HOME))
    for decisive in (True, False):
        layers: dict[str, Any] = {"resource": resource(aws(BOB_ARN)), "resource_is_decisive": decisive}
        assert outcome(ALICE, grants=[role_may, alice_may], boundary=NOTHING, **layers) == ("Allow", "grant")
        assert outcome(ALICE, grants=[alice_may], identity=[DENY_ALL], **layers)[0] == "ExplicitDeny"
        assert outcome(SESSION, grants=[role_may], **layers) == ("Allow", "grant")
        assert outcome(SESSION, grants=[role_may], boundary=NOTHING, **layers)[1] == "permissions boundary"
        assert outcome(SESSION, grants=[role_may], session=[NOTHING], **layers)[1] == "session policy"
        assert not allowed(ALICE, grants=[role_may], **layers)
        assert not allowed(ALICE, grants=[home_may], **layers)
        assert allowed(ALICE, grants=[home_may], identity=[ALLOW_ALL], **layers)
    assert allowed(BOB, grants=[resource(aws(BOB_ARN))])
    assert not allowed(ALICE, grants=[alice_may], resource=resource(aws(ALICE_ARN, Effect="Deny")))
    assert not allowed(ALICE, grants=[alice_may], service_control=[[NOTHING]])


USER_ID, ROLE_ID = "AIDAEXAMPLE0123456789", "AROAEXAMPLE0123456789"


def test_principals_named_by_unique_id() -> None:
    ann = Principal.user(ALICE_ARN, HOME, USER_ID)
    session = Principal.role_session(SESSION_ARN, HOME, ROLE_ARN, ROLE_ID)
    federated = Principal.federated_user(FEDERATED_ARN, HOME, ALICE_ARN, USER_ID)
    assert allowed(ann, resource=resource(aws(USER_ID)), boundary=NOTHING)
    assert not allowed(ALICE, resource=resource(aws(USER_ID)))
    assert not allowed(Principal.user(ALICE_ARN, HOME, "AIDAEXAMPLE9999999999"), resource=resource(aws(USER_ID)))
    assert allowed(session, resource=resource(aws(ROLE_ID)))
    assert not allowed(session, resource=resource(aws(ROLE_ID)), boundary=NOTHING)
    assert not allowed(SESSION, resource=resource(aws(ROLE_ID)))
    assert allowed(federated, resource=resource(aws(USER_ID)), session=[ALLOW_ALL])
    assert not allowed(federated, resource=resource(aws(USER_ID)), session=[NOTHING])
    for principal in (ann, federated):
        assert not allowed(principal, identity=[ALLOW_ALL], resource=resource(aws(USER_ID, Effect="Deny")))
    spared = {"Effect": "Deny", "NotPrincipal": {"AWS": [HOME, ROLE_ID, SESSION_ARN, USER_ID]}}
    for principal, expected in ((session, True), (ann, True), (SESSION, False), (ALICE, False)):
        assert allowed(principal, resource=resource(spared, {"Principal": "*"})) is expected


def test_resource_policy_without_resource_is_about_its_resource() -> None:
    members = {"Effect": "Allow", "Action": "*", "Principal": {"AWS": ALICE_ARN}}
    document = parse(json.dumps({"Statement": members}), PolicyKind.RESOURCE, resource_required=False)
    assert allowed(ALICE, resource=NamedPolicy("p", document))


def test_conditions_decide_whether_a_statement_applies() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    both = resource(deny, aws(ALICE_ARN))
    assert allowed(ALICE, resource=both, context=Context({"aws:SecureTransport": True}))
    assert not allowed(ALICE, resource=both, context=Context({"aws:securetransport": False}))
    several = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:a": "1", "aws:b": "2"}}
    identity = [policy({"Condition": several})]
    facts = {"aws:SourceIp": "10.0.0.1", "aws:a": "1", "aws:b": "2"}
    assert allowed(ALICE, identity=identity, context=Context(facts))
    for key in facts:
        assert not allowed(ALICE, identity=identity, context=Context(facts | {key: "3.3.3.3"}))


def test_a_plain_mapping_is_not_a_context() -> None:
    deny = policy({"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    request = AccessRequest(ALICE, "kms:Encrypt", KEY, HOME, {"aws:SecureTransport": "false"})  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        evaluate(request, Policies(identity=[ALLOW_ALL, deny]))


def message(principal: Principal, *, is_role_trust_policy: bool = False, **layers: Any) -> str:
    request = AccessRequest(principal, "kms:Encrypt", KEY, HOME)
    decision = evaluate(request, Policies(**layers))
    return denial_message(request, decision, is_role_trust_policy=is_role_trust_policy)


@pytest.mark.parametrize(
    ("layers", "ending"),
    [
        ({}, "because no identity-based policy allows the kms:Encrypt action"),
        ({"identity": [DENY_ALL]}, "with an explicit deny in an identity-based policy"),
        ({"resource_is_decisive": True}, "because no resource-based policy allows the kms:Encrypt action"),
        (
            {"resource": resource({"Effect": "Deny", "Principal": "*"})},
            "with an explicit deny in a resource-based policy",
        ),
        (
            {"identity": [ALLOW_ALL], "boundary": NOTHING},
            "because no permissions boundary allows the kms:Encrypt action",
        ),
        ({"boundary": DENY_ALL}, "with an explicit deny in a permissions boundary"),
        ({"identity": [ALLOW_ALL], "session": [NOTHING]}, "because no session policy allows the kms:Encrypt action"),
        ({"session": [DENY_ALL]}, "with an explicit deny in a session policy"),
        ({"service_control": [[NOTHING]]}, "because no service control policy allows the kms:Encrypt action"),
        ({"service_control": [[DENY_ALL]]}, "with an explicit deny in a service control policy"),
    ],
)
def test_denial_messages(layers: dict[str, Any], ending: str) -> None:
    start = f"User: {SESSION_ARN} is not authorized to perform: kms:Encrypt on resource: {KEY} "
    assert message(SESSION, **layers) == start + ending


def test_denial_messages_of_role_trust_policies() -> None:
    silent = message(ALICE, resource_is_decisive=True, is_role_trust_policy=True)
    assert silent.endswith("because no role trust policy allows the kms:Encrypt action")
    deny = resource({"Effect": "Deny", "Principal": "*"})
    explicit = message(ALICE, resource=deny, is_role_trust_policy=True)
    assert explicit.endswith("with an explicit deny in the role trust policy")
    with pytest.raises(ValueError, match="allowed"):
        message(ROOT)


def test_denial_messages_name_those_without_an_arn() -> None:
    assert message(LOGS).startswith("User: logs.amazonaws.com is not authorized")
    assert message(ANYBODY).startswith("User: anonymous is not authorized")


def test_explanation_tells_which_part_failed() -> None:
    team = {"StringEquals": {"aws:PrincipalTag/team": ["red", "${aws:PrincipalTag/other}"]}}
    key_policy = resource(
        aws(ROOT_ARN, Sid="Enable IAM User Permissions"),
        aws(BOB_ARN, Effect="Deny"),
        aws(ALICE_ARN, Action="kms:Encrypt", Condition=team),
        aws(ALICE_ARN, Action="kms:Decrypt"),
    )
    request = AccessRequest(ALICE, "kms:Encrypt", KEY, HOME, Context({"aws:principaltag/team": "blue"}))
    explanation = explain(request, Policies(resource=key_policy, resource_is_decisive=True))
    assert explanation.decision.layer is Layer.IDENTITY
    root, bob, tagged, decrypt = explanation.statements
    assert root.applies
    assert bob.principal_matched is False
    assert tagged.principal_matched
    assert not tagged.applies
    assert not decrypt.relevant
    (condition,) = tagged.conditions
    assert condition.request_values == ("blue",)
    assert condition.unresolved == ("aws:principaltag/other",)
    text = "\n".join(explanation.lines())
    assert text.splitlines() == [
        "Refused by an implicit deny: no identity-based policy allows it.",
        "key policy (resource-based policy)",
        "  statement 1 (Enable IAM User Permissions) leaves it to the account's identity-based policies",
        "  statement 2 would deny it, but does not apply",
        f"    not met: it is about {BOB_ARN}",
        "  statement 3 would allow it, but does not apply",
        "    not met: StringEquals aws:PrincipalTag/team 'red' or '${aws:PrincipalTag/other}' "
        "(no value for the variable aws:principaltag/other); the request has 'blue'",
    ]


def test_explanation_calls_an_account_an_account() -> None:
    key_policy = resource(aws(f"arn:aws:iam::{OTHER}:root"), aws(OTHER), aws(HOME, Effect="Deny", Action="s3:*"))
    request = AccessRequest(ALICE, "kms:Encrypt", KEY, HOME)
    text = list(explain(request, Policies(resource=key_policy, resource_is_decisive=True)).lines())
    assert text[2:] == [
        "  statement 1 would allow it, but does not apply",
        f"    not met: it is about account {OTHER}",
        "  statement 2 would allow it, but does not apply",
        f"    not met: it is about account {OTHER}",
    ]


def test_explanation_names_the_policies_that_say_nothing() -> None:
    silent = NamedPolicy("inline policy p of r", policy({"Action": "s3:*"}).document)
    elsewhere = NamedPolicy(
        "limits", policy({"Resource": "arn:aws:s3:::b/*"}, {"Effect": "Deny", "NotResource": KEY}).document
    )
    request = AccessRequest(ALICE, "kms:Encrypt", KEY, HOME)
    text = list(explain(request, Policies(identity=[silent], boundary=elsewhere)).lines())
    assert text == [
        "Refused by an implicit deny: no identity-based policy allows it.",
        "inline policy p of r (identity-based policy)",
        "  says nothing about kms:Encrypt",
        "limits (permissions boundary)",
        "  statement 1 would allow it, but does not apply",
        "    not met: it is about arn:aws:s3:::b/*",
        "  statement 2 would deny it, but does not apply",
        f"    not met: it is about everything but {KEY}",
    ]


def test_selection_by_resource_is_remembered_within_limits() -> None:
    names = [f"arn:aws:kms:us-east-1:{HOME}:key/{number}" for number in range(300)]
    document = policy({"Resource": names[7]}, {"Resource": f"arn:aws:kms:*:{HOME}:key/${{aws:username}}"}).document
    first, second = document.statements
    for name in names * 2:
        about = (first, second) if name == names[7] else (second,)
        assert document.select_about("kms:Encrypt", name) == ((), about)
        assert document.select_about("s3:PutObject", "*") == ((), (second,))
    for username, expected in (("7", True), ("8", False), (None, False)):
        assert second.holds(names[7], Context({"aws:username": username})) is expected
        assert second.covers(names[7], Context({"aws:username": username})) is expected


def test_a_set_selects_what_its_policies_do_in_their_order() -> None:
    first = NamedPolicy(
        "first", policy({"Action": "kms:*"}, {"Effect": "Deny", "Resource": "arn:aws:s3:::b/*"}).document
    )
    second = NamedPolicy("second", policy({"Effect": "Deny", "Action": "kms:Decrypt"}, {"Action": "s3:*"}).document)
    both = PolicySet([first, second])
    assert list(both) == [first, second]
    assert (len(both), both[1], list(both[:1])) == (2, second, [first])
    for number in range(100):
        for key in (KEY, f"{KEY}-{number}"):
            denies, allows = both.select_about("kms:Decrypt", key)
            assert denies == ((second, second.document.statements[0]),)
            assert allows == ((first, first.document.statements[0]),)
    denies, allows = both.select_about("s3:GetObject", "arn:aws:s3:::b/x")
    assert denies == ((first, first.document.statements[1]),)
    assert allows == ((second, second.document.statements[1]),)
    assert not PolicySet([])


def test_selection_by_action_is_remembered_within_limits() -> None:
    document = ALLOW_ALL.document
    for number in range(2000):
        assert document.select(f"kms:Made{number}")[1] == document.statements
    assert document.select("kms:Encrypt") == document.select("KMS:encrypt")
