"""Policies as careful people write them: nothing to be warned of."""

import json
from typing import Any

import pytest

from strongroom.policy_check.check import check
from strongroom.policy_check.finding import Level

HOME, PARTNER = "111122223333", "444455556666"
ROOT = f"arn:aws:iam::{HOME}:root"
APP = f"arn:aws:iam::{HOME}:role/app"
KEY = f"arn:aws:kms:eu-central-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEYS = f"arn:aws:kms:eu-central-1:{HOME}:key/*"
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
BUCKET = ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"]
GITHUB = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"
SSE = "s3:x-amz-server-side-encryption"

Statement = dict[str, Any]


def allow(action: Any, on: Any = "*", **others: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": on} | others


def deny(action: Any, on: Any = "*", **others: Any) -> Statement:
    return allow(action, on, **others) | {"Effect": "Deny"}


def trust(principal: Any, action: Any = "sts:AssumeRole", **others: Any) -> Statement:
    return {"Effect": "Allow", "Principal": principal, "Action": action} | others


def when(**operators: dict[str, Any]) -> dict[str, Any]:
    return {"Condition": {name.replace("_", ":"): keys for name, keys in operators.items()}}


ADMINISTER = allow("kms:*", Principal={"AWS": ROOT})
DENY_PLAIN_HTTP = deny("s3:*", BUCKET, Principal="*", **when(Bool={"aws:SecureTransport": "false"}))

IDENTITY: dict[str, list[Statement]] = {
    "use of one key": [allow(USE, KEY)],
    "reading a bucket": [allow("s3:ListBucket", BUCKET[0]), allow("s3:GetObject", BUCKET[1])],
    "bucket and objects in one statement": [allow(["s3:ListBucket", "s3:GetObject", "s3:PutObject"], BUCKET)],
    "a home folder": [
        allow("s3:ListBucket", BUCKET[0], **when(StringLike={"s3:prefix": ["home/${aws:username}/*"]})),
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "arn:aws:s3:::reports/home/${aws:username}/*"),
    ],
    "own access keys": [
        allow(
            ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey"],
            f"arn:aws:iam::{HOME}:user/${{aws:username}}",
        )
    ],
    "nothing without MFA": [
        allow("s3:ListAllMyBuckets"),
        deny("s3:*", **when(BoolIfExists={"aws:MultiFactorAuthPresent": "false"})),
    ],
    "passing one role": [
        allow(
            "iam:PassRole",
            f"arn:aws:iam::{HOME}:role/build",
            **when(StringEquals={"iam:PassedToService": "codebuild.amazonaws.com"}),
        )
    ],
    "taking one role": [allow("sts:AssumeRole", f"arn:aws:iam::{PARTNER}:role/auditor")],
    "logs of a function": [
        allow("logs:CreateLogGroup", f"arn:aws:logs:eu-central-1:{HOME}:*"),
        allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:eu-central-1:{HOME}:log-group:/aws/lambda/hello:*",
        ),
    ],
    "parameters and their key": [
        allow(["ssm:GetParameter", "ssm:GetParametersByPath"], f"arn:aws:ssm:*:{HOME}:parameter/app/*"),
        allow("kms:Decrypt", KEYS, **when(StringEquals={"kms:ViaService": "ssm.eu-central-1.amazonaws.com"})),
    ],
    "one secret": [
        allow(
            ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            f"arn:aws:secretsmanager:eu-central-1:{HOME}:secret:database-??????",
        )
    ],
    "a function in a network": [
        allow(["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"])
    ],
    "only two regions": [deny("ec2:*", **when(StringNotEquals={"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}))],
    "tags that have to be there": [
        allow(
            "kms:CreateKey",
            **when(
                StringEquals={"aws:RequestTag/team": ["red", "blue"]},
                ForAllValues_StringEquals={"aws:TagKeys": ["team", "stage"]},
                Null={"aws:TagKeys": "false"},
            ),
        )
    ],
    "keys of one's team": [
        allow(
            ["kms:Encrypt", "kms:Decrypt"],
            KEYS,
            **when(StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}),
        )
    ],
    "looking at everything": [
        allow(["kms:List*", "kms:Describe*", "s3:GetBucket*", "iam:Get*", "iam:List*", "cloudtrail:LookupEvents"])
    ],
    "roles with a boundary": [
        allow(
            ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"],
            f"arn:aws:iam::{HOME}:role/app-*",
            **when(StringEquals={"iam:PermissionsBoundary": f"arn:aws:iam::{HOME}:policy/boundary"}),
        )
    ],
    "from the office": [
        allow("kms:ListKeys", **when(IpAddress={"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]})),
    ],
    "for one quarter": [
        allow(
            "kms:ListKeys",
            **when(
                DateGreaterThan={"aws:CurrentTime": "2024-01-01T00:00:00Z"},
                DateLessThan={"aws:CurrentTime": "2024-04-01T00:00:00Z"},
            ),
        )
    ],
    "a service that is not known by its actions": [allow("dynamodb:GetItem", f"arn:aws:dynamodb:*:{HOME}:table/app")],
    "encryption context": [
        allow("kms:Decrypt", KEY, **when(StringEquals={"kms:EncryptionContext:stage": "test"})),
    ],
}

RESOURCE: dict[str, list[Statement]] = {
    "default key policy": [ADMINISTER],
    "key with users and grants": [
        ADMINISTER,
        allow(USE, Principal={"AWS": [APP, f"arn:aws:iam::{HOME}:user/alice"]}),
        allow(
            ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
            Principal={"AWS": APP},
            **when(Bool={"kms:GrantIsForAWSResource": "true"}),
        ),
    ],
    "key that another account may use": [ADMINISTER, allow(USE, Principal={"AWS": f"arn:aws:iam::{PARTNER}:root"})],
    "key through a service": [
        ADMINISTER,
        allow(
            USE,
            Principal={"AWS": "*"},
            **when(
                StringEquals={"kms:ViaService": "ssm.eu-central-1.amazonaws.com", "kms:CallerAccount": HOME},
            ),
        ),
    ],
    "key of log groups": [
        ADMINISTER,
        allow(
            ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            Principal={"Service": "logs.eu-central-1.amazonaws.com"},
            **when(
                ArnLike={"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:eu-central-1:{HOME}:log-group:*"},
            ),
        ),
    ],
    "no plain HTTP": [DENY_PLAIN_HTTP],
    "forced encryption, header or not": [
        deny(
            "s3:PutObject",
            BUCKET[1],
            Principal="*",
            **when(StringNotEquals={SSE: "aws:kms"}, Null={SSE: "false"}),
        ),
        deny("s3:PutObject", BUCKET[1], Principal="*", **when(Null={SSE: "true"})),
    ],
    "forced encryption by one statement": [
        deny("s3:PutObject", BUCKET[1], Principal="*", **when(StringNotEquals={SSE: "aws:kms"}))
    ],
    "one key for all objects": [
        deny(
            "s3:PutObject",
            BUCKET[1],
            Principal="*",
            **when(StringNotEqualsIfExists={f"{SSE}-aws-kms-key-id": KEY}),
        )
    ],
    "a distribution": [
        allow(
            "s3:GetObject",
            BUCKET[1],
            Principal={"Service": "cloudfront.amazonaws.com"},
            **when(StringEquals={"aws:SourceArn": f"arn:aws:cloudfront::{HOME}:distribution/E1"}),
        )
    ],
    "a trail": [
        allow(
            "s3:GetBucketAcl",
            BUCKET[0],
            Principal={"Service": "cloudtrail.amazonaws.com"},
            **when(StringEquals={"aws:SourceArn": f"arn:aws:cloudtrail:eu-central-1:{HOME}:trail/all"}),
        ),
        allow(
            "s3:PutObject",
            f"arn:aws:s3:::reports/AWSLogs/{HOME}/*",
            Principal={"Service": "cloudtrail.amazonaws.com"},
            **when(
                StringEquals={
                    "aws:SourceArn": f"arn:aws:cloudtrail:eu-central-1:{HOME}:trail/all",
                    "s3:x-amz-acl": "bucket-owner-full-control",
                }
            ),
        ),
    ],
    "one's organisation": [
        allow("s3:GetObject", BUCKET[1], Principal="*", **when(StringEquals={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}))
    ],
    "only through the endpoint": [
        deny("s3:*", BUCKET, Principal="*", **when(StringNotEquals={"aws:SourceVpce": "vpce-0123456789abcdef0"}))
    ],
    "a secret for another account": [
        allow("secretsmanager:GetSecretValue", Principal={"AWS": f"arn:aws:iam::{PARTNER}:role/reader"})
    ],
    "a queue for a topic": [
        allow(
            "sqs:SendMessage",
            f"arn:aws:sqs:eu-central-1:{HOME}:jobs",
            Principal={"Service": "sns.amazonaws.com"},
            **when(ArnEquals={"aws:SourceArn": f"arn:aws:sns:eu-central-1:{HOME}:events"}),
        )
    ],
}

TRUST: dict[str, list[Statement]] = {
    "a function": [trust({"Service": "lambda.amazonaws.com"})],
    "several services": [trust({"Service": ["ec2.amazonaws.com", "codebuild.amazonaws.com"]})],
    "a role of the same account": [trust({"AWS": APP})],
    "a third party": [trust({"AWS": PARTNER}, **when(StringEquals={"sts:ExternalId": "8a1c"}))],
    "people with MFA": [trust({"AWS": ROOT}, **when(Bool={"aws:MultiFactorAuthPresent": "true"}))],
    "sessions with tags": [trust({"AWS": APP}, ["sts:AssumeRole", "sts:TagSession"])],
    "jobs of one repository": [
        trust(
            {"Federated": GITHUB},
            "sts:AssumeRoleWithWebIdentity",
            **when(
                StringEquals={"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
                StringLike={"token.actions.githubusercontent.com:sub": "repo:example/app:*"},
            ),
        )
    ],
    "single sign-on": [
        trust(
            {"Federated": f"arn:aws:iam::{HOME}:saml-provider/staff"},
            "sts:AssumeRoleWithSAML",
            **when(StringEquals={"SAML:aud": "https://signin.aws.amazon.com/saml"}),
        )
    ],
    "pods of a cluster": [
        trust(
            {"Federated": f"arn:aws:iam::{HOME}:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/AB12"},
            "sts:AssumeRoleWithWebIdentity",
            **when(
                StringEquals={
                    "oidc.eks.eu-central-1.amazonaws.com/id/AB12:sub": "system:serviceaccount:app:web",
                    "oidc.eks.eu-central-1.amazonaws.com/id/AB12:aud": "sts.amazonaws.com",
                }
            ),
        )
    ],
}

SANE = {
    f"{kind}: {name}": body
    for kind, group in (("identity", IDENTITY), ("resource", RESOURCE), ("trust", TRUST))
    for name, body in group.items()
}


@pytest.mark.parametrize("name", SANE)
def test_a_sane_policy_raises_no_alarm(name: str) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": SANE[name]}, indent=2)
    assert [finding for finding in check(text) if finding.level is not Level.SUGGESTION] == []
