"""Reading policy documents: what is accepted, and what is refused with which words."""

import json
from typing import Any

import pytest

from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.statement import Effect

ACCOUNT = "111122223333"


def statement(**members: Any) -> dict[str, Any]:
    merged = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"} | members
    return {name: value for name, value in merged.items() if value is not None}


def parse_one(kind: PolicyKind = PolicyKind.IDENTITY, **members: Any) -> Document:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": statement(**members)}), kind)


def refused(kind: PolicyKind = PolicyKind.IDENTITY, **members: Any) -> str:
    with pytest.raises(PolicySyntaxError) as caught:
        parse_one(kind, **members)
    return str(caught.value)


def test_statement_may_be_one_object_or_a_list() -> None:
    one = parse(json.dumps({"Statement": statement(Sid="A")}))
    two = parse(json.dumps({"Statement": [statement(Sid="A"), statement(Effect="Deny")]}))
    assert [(s.index, s.sid, s.effect) for s in one.statements] == [(0, "A", Effect.ALLOW)]
    assert [(s.index, s.sid, s.effect) for s in two.statements] == [(0, "A", Effect.ALLOW), (1, "", Effect.DENY)]
    assert one.version == "2008-10-17"
    assert not one.has_variables


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"Statement": NaN}', "NaN"),
        ('{"Version": "2012-10-17"}', "no Statement"),
        ('{"Statement": []}', "Statement is empty"),
        ('{"Statement": "Allow"}', "statement 1: a statement has to be a JSON object"),
        ('{"Statement": [], "statement": []}', "unknown member 'statement'"),
        ('{"Version": "2012-10-18", "Statement": []}', "Version has to be"),
        ('{"Version": 1, "Statement": []}', "Version has to be"),
        ('{"Id": 7, "Statement": []}', "Id has to be a string"),
        ('{"Version": "2012-10-17", "Version": "2008-10-17", "Statement": []}', "'Version' is given twice"),
        ('{"Statement": {"Effect": "Allow", "Effect": "Deny"}}', "'Effect' is given twice"),
        ('{"Id": "\\ud800", "Statement": []}', "not Unicode text"),
    ],
)
def test_a_malformed_policy_is_refused(text: str, words: str) -> None:
    with pytest.raises(PolicySyntaxError, match=words.replace("[", r"\[")):
        parse(text)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"effect": "Allow"}, "unknown member 'effect'"),
        ({"Conditions": {}}, "unknown member 'Conditions'"),
        ({"Effect": None}, "Effect is missing"),
        ({"Effect": "allow"}, "Effect has to be Allow or Deny"),
        ({"Effect": ["Allow"]}, "Effect has to be Allow or Deny"),
        ({"Action": None}, "Action or NotAction is missing"),
        ({"Action": []}, "Action is empty"),
        ({"Action": [""]}, "Action has to be a string"),
        ({"Action": 7}, "Action has to be a string"),
        ({"Action": "Encrypt"}, "'Encrypt' is not an action"),
        ({"Action": "kms Encrypt:x"}, "is not an action"),
        ({"Action": "k*:Encrypt"}, "is not an action"),
        ({"NotAction": "kms:Decrypt"}, "cannot both be given"),
        ({"Resource": None}, "Resource or NotResource is missing"),
        ({"Resource": []}, "Resource is empty"),
        ({"Resource": "key/1"}, "is neither an ARN"),
        ({"Resource": "arn:aws"}, "is neither an ARN"),
        ({"Resource": "arn:aws:s3:::"}, "is neither an ARN"),
        ({"Resource": "arn:aws:dynamodb:*:table/prod-*"}, "is no part of one before the resource"),
        ({"Resource": "arn:aws:iam::${aws:PrincipalAccount}:user/x"}, "variable before the fifth colon"),
        ({"Resource": "arn:aws:s3:::b/${aws:username"}, "invalid policy variable"),
        ({"Resource": "arn:aws:s3:::b/${}"}, "invalid policy variable"),
        ({"Resource": "arn:aws:s3:::b/${username}"}, "invalid policy variable"),
        ({"NotResource": "*"}, "cannot both be given"),
        ({"Sid": "with space"}, "alphanumeric"),
        ({"Sid": 1}, "Sid has to be a string"),
        ({"Principal": "*"}, "Principal is not allowed in an identity policy"),
        ({"NotPrincipal": "*"}, "NotPrincipal is not allowed in an identity policy"),
        ({"Condition": []}, "Condition has to be an object"),
        ({"Condition": {"Bool": {}}}, "at least one key"),
        ({"Condition": {"Bool": "true"}}, "at least one key"),
        ({"Condition": {"Bool": {"aws:SecureTransport": []}}}, "list of values is empty"),
        ({"Condition": {"Bool": {"aws:SecureTransport": None}}}, "a string, a number or a boolean"),
        ({"Condition": {"Bool": {"aws:SecureTransport": [["true"]]}}}, "a string, a number or a boolean"),
        ({"Condition": {"Bool": {"SecureTransport": "true"}}}, "no service prefix"),
        ({"Condition": {"stringEquals": {"a:b": "c"}}}, "case-sensitive: StringEquals"),
        ({"Condition": {"StringMatches": {"a:b": "c"}}}, "unknown condition operator 'StringMatches'"),
        ({"Condition": {"NullIfExists": {"a:b": "true"}}}, "unknown condition operator"),
        ({"Condition": {"ForAllValues:Null": {"a:b": "true"}}}, "unknown condition operator"),
        ({"Condition": {"ForSomeValues:StringEquals": {"a:b": "c"}}}, "unknown condition operator"),
        ({"Condition": {"StringEqualsIfExistsIfExists": {"a:b": "c"}}}, "unknown condition operator"),
        ({"Condition": {"NumericEquals": {"a:b": "abc"}}}, "'abc' is not a number"),
        ({"Condition": {"NumericEquals": {"a:b": "1_000"}}}, "is not a number"),
        ({"Condition": {"NumericEquals": {"a:b": "9" * 65}}}, "is not a number"),
        ({"Condition": {"DateLessThan": {"a:b": "yesterday"}}}, "is not a date"),
        ({"Condition": {"DateLessThan": {"a:b": "2026-02-30"}}}, "is not a date"),
        ({"Condition": {"DateLessThan": {"a:b": "2026-01-01T00:00:00"}}}, "is not a date"),
        ({"Condition": {"Bool": {"a:b": "yes"}}}, "is not true or false"),
        ({"Condition": {"Bool": {"a:b": ["${aws:SecureTransport}", "yes"]}}}, "'yes' is not true or false"),
        ({"Condition": {"Bool": {"a:b": "${aws:SecureTransport"}}}, "invalid policy variable"),
        ({"Condition": {"NumericEquals": {"a:b": "${aws:EpochTime}"}}}, "is not a number"),
        ({"Condition": {"DateEquals": {"a:b": "${aws:CurrentTime}"}}}, "is not a date"),
        ({"Condition": {"IpAddress": {"a:b": "${aws:SourceIp}"}}}, "is not an IP address"),
        ({"Condition": {"BinaryEquals": {"a:b": "${aws:userid}"}}}, "is not base64"),
        ({"Condition": {"Null": {"a:b": "${aws:SecureTransport}"}}}, "true or false"),
        ({"Condition": {"Null": {"a:b": "maybe"}}}, "true or false"),
        ({"Condition": {"BinaryEquals": {"a:b": "%%%"}}}, "is not base64"),
        ({"Condition": {"IpAddress": {"a:b": "not-an-ip"}}}, "is not an IP address"),
        ({"Condition": {"IpAddress": {"a:b": "10.0.0.0/33"}}}, "is not an IP address"),
        ({"Condition": {"IpAddress": {"a:b": "10.0.0.0/255.0.0.0"}}}, "is not an IP address"),
        ({"Condition": {"ArnLike": {"a:b": "arn:aws:s3"}}}, "is not an ARN"),
        ({"Condition": {"StringLike": {"a:b": "${aws:username, none}"}}}, "invalid policy variable"),
    ],
)
def test_a_malformed_statement_is_refused(members: dict[str, Any], words: str) -> None:
    message = refused(**members)
    assert words in message
    assert message.startswith("statement 1: ")


def test_equal_sids_are_refused_and_empty_ones_are_none() -> None:
    with pytest.raises(PolicySyntaxError, match="two statements have the Sid 'A'"):
        parse(json.dumps({"Statement": [statement(Sid="A"), statement(Sid="A")]}))
    assert len(parse(json.dumps({"Statement": [statement(Sid=""), statement(Sid="")]})).statements) == 2


@pytest.mark.parametrize(
    ("principal", "entries"),
    [
        ("*", (("AWS", "*"),)),
        ({"AWS": "*"}, (("AWS", "*"),)),
        ({"AWS": ACCOUNT}, (("AWS", ACCOUNT),)),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}, (("AWS", f"arn:aws:iam::{ACCOUNT}:root"),)),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/path/r"}, (("AWS", f"arn:aws:iam::{ACCOUNT}:role/path/r"),)),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"}, (("AWS", f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"),)),
        ({"Service": "logs.eu-west-1.amazonaws.com"}, (("Service", "logs.eu-west-1.amazonaws.com"),)),
        (
            {"Federated": ["accounts.google.com", f"arn:aws:iam::{ACCOUNT}:saml-provider/p"]},
            (("Federated", "accounts.google.com"), ("Federated", f"arn:aws:iam::{ACCOUNT}:saml-provider/p")),
        ),
    ],
)
def test_principals_that_are_accepted(principal: Any, entries: tuple[tuple[str, str], ...]) -> None:
    element = parse_one(PolicyKind.RESOURCE, Principal=principal).statements[0].principals
    assert element is not None
    assert element.entries == entries


@pytest.mark.parametrize(
    "principal",
    [
        None,
        "",
        {},
        [],
        ["*"],
        ACCOUNT,
        {"AWS": []},
        {"AWS": 111122223333},
        {"AWS": "12345"},
        {"AWS": "bob"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:group/g"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:*"},
        {"AWS": "arn:aws:iam:::root"},
        {"AWS": "arn:aws:s3:::bucket"},
        {"aws": "*"},
        {"Service": "*"},
        {"Service": "kms"},
        {"Federated": "*"},
        {"Federated": f"arn:aws:iam::{ACCOUNT}:role/r"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
    ],
)
def test_principals_that_are_refused(principal: Any) -> None:
    assert "rincipal" in refused(PolicyKind.RESOURCE, Principal=principal)


def test_not_principal_needs_deny() -> None:
    assert "only allowed with" in refused(PolicyKind.RESOURCE, NotPrincipal={"AWS": ACCOUNT})
    assert parse_one(PolicyKind.RESOURCE, Effect="Deny", NotPrincipal={"AWS": ACCOUNT}).statements
    assert "cannot both" in refused(PolicyKind.RESOURCE, Effect="Deny", Principal="*", NotPrincipal="*")


def test_trust_policies() -> None:
    trust = {"Action": "sts:AssumeRole", "Resource": None, "Principal": {"AWS": ACCOUNT}}
    assert parse_one(PolicyKind.TRUST, **trust).statements[0].matches_resource is None
    assert "not allowed in a role trust policy" in refused(PolicyKind.TRUST, **trust | {"Resource": "*"})
    assert "only have actions of sts" in refused(PolicyKind.TRUST, **trust | {"Action": "*"})
    assert "Principal is missing" in refused(PolicyKind.TRUST, **trust | {"Principal": None})
    not_principal = trust | {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": ACCOUNT}}
    assert "not allowed in a role trust policy" in refused(PolicyKind.TRUST, **not_principal)


def test_resource_of_a_resource_policy_is_optional_on_request() -> None:
    text = json.dumps({"Statement": statement(Resource=None, Principal="*", Sid="Enable IAM User Permissions")})
    with pytest.raises(PolicySyntaxError, match="Resource or NotResource is missing"):
        parse(text, PolicyKind.RESOURCE)
    assert parse(text, PolicyKind.RESOURCE, resource_required=False).statements[0].sid == "Enable IAM User Permissions"


def test_numbers_and_booleans_may_stand_without_quotes() -> None:
    conditions = {"NumericEquals": {"a:n": [1, 2.50]}, "Bool": {"a:b": True}, "StringEquals": {"a:s": 1e2}}
    compiled = parse_one(Condition=conditions).statements[0].conditions
    assert [condition.values for condition in compiled] == [("1", "2.5"), ("true",), ("100.0",)]


def test_old_version_has_no_variables() -> None:
    members = statement(Resource="arn:aws:s3:::b/${aws:username")
    assert parse(json.dumps({"Version": "2008-10-17", "Statement": members})).statements
    assert not parse(json.dumps({"Version": "2008-10-17", "Statement": members})).has_variables
