"""What findings say: the place, the words, the way to mend it; and cases at the border of each rule."""

import json
from typing import Any

import pytest

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.check import check
from strongroom.policy_check.finding import Finding
from strongroom.policy_check.source import Source
from strongroom.policy_check.subject import read_policy

HOME = "111122223333"
OBJECTS = "arn:aws:s3:::b/*"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def found(*statements: dict[str, Any], **options: Any) -> dict[str, Finding]:
    return {finding.rule: finding for finding in check(document(*statements), **options)}


def allow(**others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS} | others


def deny(**others: Any) -> dict[str, Any]:
    return allow(**others) | {"Effect": "Deny"}


def test_a_finding_says_where() -> None:
    text = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"},
    {
      "Sid": "Use",
      "Effect": "Allow",
      "Action": ["kms:Decrypt",
                 "kms:Encryptt"],
      "Resource": "*"
    }
  ]
}"""
    (finding,) = check(text)
    place = finding.place
    assert (place.line, place.column, place.pointer) == (9, 18, "/Statement/1/Action/1")
    assert (place.statement, place.sid) == (1, "Use")
    assert "kms:Encrypt?" in finding.mend


def test_columns_count_characters_and_pointers_are_escaped() -> None:
    statement = '{"Effect": "Allow", "Action": "kms:Nope", "Resource": "*"}'
    text = f'{{"Version": "2012-10-17", "Id": "Schlüssel 🔑", "Statement": {statement}}}'
    (finding,) = check(text)
    assert finding.place.column == text.index('"kms:Nope"') + 1
    escaped = check(document(allow(Condition={"StringEquals": {"a~b/c": "x"}})))
    assert escaped[0].place.pointer == "/Statement/0/Condition/StringEquals/a~0b~1c"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ('{"Version" "2012-10-17"}', 1, 12),
        ('{"Statement": [\r\n{]}', 2, 2),
        ('{"Id": NaN}', 1, 8),
        ('{"Id": "\\ud800"}', 1, 8),
        ("[" * 10_000, 1, 66),
        ('{"a": 1} x', 1, 10),
        ("{'a': 1}", 1, 2),
        ('{"a": 1,}', 1, 9),
        ('{"a": ' + "1" * 5_000 + "}", 1, 7),
    ],
)
def test_text_that_is_not_json_is_told_where(text: str, line: int, column: int) -> None:
    (finding,) = check(text)
    assert (finding.rule, finding.place.line, finding.place.column) == ("not-json", line, column)


@pytest.mark.parametrize(
    ("statement", "pointer"),
    [
        ({"Effect": "allow"}, "/Statement/0/Effect"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}}, "/Statement/0/Principal/AWS"),
        ({"Resource": "bucket"}, "/Statement/0/Resource"),
        ({"Action": "GetObject"}, "/Statement/0/Action"),
        ({"Colour": "red"}, "/Statement/0/Colour"),
        ({"Condition": {"stringEquals": {"aws:userid": "x"}}}, "/Statement/0/Condition/stringEquals"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "yes"}}}, "/Statement/0/Condition/Bool/aws:SecureTransport"),
    ],
)
def test_what_the_engine_refuses_is_told_where(statement: dict[str, Any], pointer: str) -> None:
    kind = PolicyKind.RESOURCE if "Principal" in statement else PolicyKind.IDENTITY
    finding = found(allow(**statement), kind=kind)["malformed-statement"]
    assert finding.place.pointer == pointer


def test_one_fault_does_not_hide_another() -> None:
    rules = found(allow(Effect="allow"), allow(Action="kms:Nope"))
    assert {"malformed-statement", "unknown-action"} <= set(rules)


@pytest.mark.parametrize(
    "text", ["[]", "3", "{}", '{"Statement": []}', '{"Statement": 3}', '{"Statement": [[], null, 1.5]}']
)
def test_any_json_is_told_to_be_no_policy(text: str) -> None:
    assert {finding.rule for finding in check(text)} & {"not-a-policy", "malformed-statement"}


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (allow(), PolicyKind.IDENTITY),
        (allow(Principal="*"), PolicyKind.RESOURCE),
        ({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"}, PolicyKind.TRUST),
        (
            {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
            PolicyKind.TRUST,
        ),
        ({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"}, PolicyKind.RESOURCE),
    ],
)
def test_the_kind_is_told_from_the_words(statement: dict[str, Any], kind: PolicyKind) -> None:
    policy = read_policy(Source(document(statement)), None, "", "")
    assert policy.kind is kind
    assert policy.sound


def test_the_deny_that_was_meant_to_force_tls_is_written_out() -> None:
    statement = allow(Principal="*", Condition={"Bool": {"aws:SecureTransport": "true"}})
    finding = found(statement)["public-over-tls"]
    meant = json.loads(finding.mend[finding.mend.index("{") :])
    assert meant["Effect"] == "Deny"
    assert meant["Resource"] == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
    assert meant["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert found(meant) == {}


@pytest.mark.parametrize(
    ("condition", "is_public"),
    [
        ({}, True),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/1"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"StringLike": {"aws:SourceVpce": "vpce-*"}}, True),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}, True),
        ({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"StringLike": {"aws:PrincipalArn": f"arn:aws:iam::{HOME}:role/*"}}, False),
        ({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}, False),
        ({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}, False),
        ({"StringLike": {"aws:referer": "https://example.com/*"}}, True),
        ({"Null": {"aws:PrincipalOrgID": "false"}}, True),
    ],
)
def test_only_conditions_on_who_keep_a_resource_private(condition: dict[str, Any], is_public: bool) -> None:
    assert ("public" in found(allow(Principal="*", Condition=condition))) is is_public


def test_the_policy_of_an_endpoint_may_name_everyone() -> None:
    assert "public" not in found(allow(Principal="*"), service="vpce")


@pytest.mark.parametrize(
    ("action", "resource", "fits"),
    [
        ("s3:ListBucket", "arn:aws:s3:::b", True),
        ("s3:ListBucket", "arn:aws:s3:::b*", True),
        ("s3:ListBucket", "arn:aws:s3:::b/*", False),
        ("s3:GetObject", "arn:aws:s3:::b", False),
        ("s3:GetObject", "arn:aws:s3:eu-central-1:111122223333:accesspoint/p/object/*", True),
        ("s3:*", "arn:aws:s3:::b", True),
        ("kms:Decrypt", f"arn:aws:kms:eu-central-1:{HOME}:alias/app", False),
        ("kms:Decrypt", f"arn:aws:kms:eu-central-1:{HOME}:key/*", True),
        ("kms:CreateKey", f"arn:aws:kms:eu-central-1:{HOME}:key/*", False),
        ("kms:CreateAlias", f"arn:aws:kms:eu-central-1:{HOME}:alias/app", True),
        ("sts:GetCallerIdentity", f"arn:aws:iam::{HOME}:user/a", False),
        ("logs:PutLogEvents", f"arn:aws:logs:*:{HOME}:log-group:/app", False),
        ("logs:PutLogEvents", f"arn:aws:logs:*:{HOME}:log-group:/app:*", True),
        ("iam:PassRole", f"arn:aws:iam::{HOME}:role/*", True),
        ("iam:PassRole", f"arn:aws:iam:eu-central-1:{HOME}:role/x", False),
        ("dynamodb:GetItem", "arn:aws:s3:::b", True),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{HOME}:secret:${{aws:username}}-*", True),
    ],
)
def test_actions_and_resources_that_go_together(action: str, resource: str, fits: bool) -> None:
    assert ("action-does-not-fit-resource" in found(allow(Action=action, Resource=resource))) is not fits


@pytest.mark.parametrize(
    ("action", "instead"),
    [
        ("s3:HeadObject", "s3:GetObject"),
        ("s3:ListObjectsV2", "s3:ListBucket"),
        ("lambda:Invoke", "lambda:InvokeFunction"),
        ("kms:ReEncrypt", "kms:ReEncrypt*"),
        ("iam:PasRole", "iam:PassRole"),
    ],
)
def test_the_action_that_was_meant_is_named(action: str, instead: str) -> None:
    assert instead in found(allow(Action=action, Resource="*"))["unknown-action"].mend


@pytest.mark.parametrize(
    "action",
    ["kms:GetKeyLastUsage", "s3:ListBucket", "iam:PassRole", "kms:ReEncryptFrom", "S3:getobject", "ec2:RunInstances"],
)
def test_actions_that_there_are(action: str) -> None:
    assert "unknown-action" not in found(allow(Action=action, Resource="*"))


@pytest.mark.parametrize(
    ("conditions", "never"),
    [
        ({"StringEquals": {"aws:userid": "a"}, "StringNotEquals": {"aws:userid": ["a", "b"]}}, True),
        ({"StringEquals": {"aws:userid": ["a", "c"]}, "StringNotEquals": {"aws:userid": ["a", "b"]}}, False),
        ({"StringLike": {"aws:userid": "a*"}, "StringNotLike": {"aws:userid": "ab*"}}, False),
        ({"StringLike": {"aws:userid": "a*", "aws:username": "b*"}}, False),
        ({"Null": {"aws:SourceVpce": "true"}, "StringEquals": {"aws:SourceVpce": "v"}}, True),
        ({"Null": {"aws:SourceVpce": "true"}, "StringNotEquals": {"aws:SourceVpce": "v"}}, False),
        ({"NumericGreaterThan": {"s3:max-keys": "10"}, "NumericLessThan": {"s3:max-keys": "10"}}, True),
        ({"NumericGreaterThan": {"s3:max-keys": "10"}, "NumericLessThan": {"s3:max-keys": "10.1"}}, False),
        (
            {
                "DateGreaterThan": {"aws:CurrentTime": "2024-05-01T00:00:00Z"},
                "DateLessThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"},
            },
            True,
        ),
        ({"DateGreaterThan": {"aws:CurrentTime": "999999999999"}}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/7"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/9"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "BoolIfExists": {"aws:SecureTransport": "false"}}, True),
        ({"StringEquals": {"aws:username": "${aws:userid}"}, "StringNotEquals": {"aws:username": "x"}}, False),
    ],
)
def test_conditions_that_exclude_each_other(conditions: dict[str, Any], never: bool) -> None:
    assert ("condition-never-met" in found(allow(Condition=conditions))) is never


@pytest.mark.parametrize(
    ("conditions", "always"),
    [
        ({"StringLikeIfExists": {"aws:userid": "*"}}, True),
        ({"StringLike": {"aws:userid": "*"}}, False),
        ({"ForAllValues:StringLike": {"aws:TagKeys": "*"}}, True),
        ({"Null": {"aws:TagKeys": ["true", "false"]}}, True),
        ({"Null": {"aws:TagKeys": "true"}}, False),
        ({}, True),
    ],
)
def test_conditions_that_limit_nothing(conditions: dict[str, Any], always: bool) -> None:
    assert ("condition-always-met" in found(allow(Condition=conditions))) is always


SSE = "s3:x-amz-server-side-encryption"


def test_forced_encryption_in_its_forms() -> None:
    other_than_kms = {"StringNotEquals": {SSE: "aws:kms"}}
    present = {"Null": {SSE: "false"}}
    absent = {"Null": {SSE: "true"}}
    upload = {"Action": "s3:PutObject", "Principal": "*"}
    both = found(deny(**upload, Condition=other_than_kms | present), deny(**upload, Condition=absent))
    assert both == {}
    assert "deny-spares-absent-header" in found(deny(**upload, Condition=other_than_kms | present))
    assert "deny-hits-absent-header" in found(deny(**upload, Condition=other_than_kms))
    # An absent header meets StringNotEquals, so the second statement adds nothing to the first.
    covered = found(deny(**upload, Condition=other_than_kms), deny(**upload, Condition=absent))
    assert covered["covered-statement"].place.statement == 1
    aes = {"StringEquals": {SSE: "AES256"}}
    assert "deny-misses-absent-key" in found(deny(**upload, Condition=aes))
    assert "deny-misses-absent-key" not in found(deny(**upload, Condition=aes), deny(**upload, Condition=absent))


def test_own_and_other_accounts() -> None:
    both = [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
        for account in (HOME, "444455556666")
    ]
    assert found(*both)["key-powers-for-other-account"].place.statement == 1
    assert found(*both, account_id="444455556666")["key-powers-for-other-account"].place.statement == 0
    trusted = {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"}
    assert "missing-external-id" in found(trusted)
    assert "missing-external-id" not in found(trusted, account_id=HOME)


def test_a_key_policy_that_denies_itself_a_change() -> None:
    administer = {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"}
    never = {"Effect": "Deny", "Principal": "*", "Action": "kms:Put*", "Resource": "*"}
    assert "key-policy-lockout" not in found(administer)
    assert "key-policy-lockout" in found(administer, never)
    spared = never | {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{HOME}:role/admin"}}}
    assert "key-policy-lockout" not in found(administer, spared)


@pytest.mark.parametrize(
    ("subject", "is_open"),
    [
        ("repo:*", True),
        ("*", True),
        ("repo:*/app:*", True),
        ("repo:example/*", False),
        ("repo:example/app:ref:refs/heads/main", False),
    ],
)
def test_a_shared_provider_needs_a_subject(subject: str, is_open: bool) -> None:
    issuer = "token.actions.githubusercontent.com"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{HOME}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com"},
            "StringLike": {f"{issuer}:sub": subject},
        },
    }
    assert ("federation-without-subject" in found(trust)) is is_open


@pytest.mark.parametrize(
    ("text", "message", "mend"),
    [
        ("", "The document is empty.", '"Version"'),
        (" \n", "The document is empty.", '"Version"'),
        ("\ufeff{}", "The document begins with a byte order mark, which is not JSON.", "without a byte order mark"),
        ('{"Version": "2012-10-17",}', "The document is not JSON: ", "a comma"),
    ],
)
def test_what_is_not_json_is_told_in_words_that_help(text: str, message: str, mend: str) -> None:
    (finding,) = check(text)
    assert finding.rule == "not-json"
    assert finding.message.startswith(message)
    assert mend in finding.mend


@pytest.mark.parametrize(("value", "protocol"), [("true", "HTTPS"), ("false", "plain HTTP")])
def test_an_allow_for_everyone_names_the_protocol_that_it_is_for(value: str, protocol: str) -> None:
    open_to_all = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/*",
        "Condition": {"Bool": {"aws:SecureTransport": value}},
    }
    found = {
        finding.rule: finding for finding in check(json.dumps({"Version": "2012-10-17", "Statement": open_to_all}))
    }
    assert f"as long as they use {protocol}." in found["public-over-tls"].message


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("NumericLessThan", "kms:TrailingDaysWithoutKeyUsage", "30"),
        ("StringEquals", "kms:GranteeServicePrincipal", "sqs.amazonaws.com"),
        ("StringEquals", "kms:RetiringServicePrincipal", "sqs.amazonaws.com"),
        ("ArnLike", "kms:GrantConstraintSourceArn", "arn:aws:sqs:us-east-1:111122223333:*"),
        ("StringEquals", "aws:ResourceOrgID", "o-abcdefghij"),
        ("StringLike", "aws:referer", "https://shop.example/*"),
    ],
)
def test_condition_keys_that_are_served_are_known(operator: str, key: str, value: str) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "kms:CreateGrant",
        "Resource": "arn:aws:kms:us-east-1:111122223333:key/*",
        "Condition": {operator: {key: value}},
    }
    assert not found(statement).keys() & {"unknown-condition-key", "operator-does-not-fit-key"}
