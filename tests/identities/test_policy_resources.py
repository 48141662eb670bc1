"""Resources that identity policies may speak of, and AWS's words about the others."""

import json

import pytest

from strongroom.identities.accepted_policies import PolicyRefused, accepted_identity_policy

VENDOR = "Resource vendor must be fully qualified and cannot contain regexes."
UNPARSABLE = "The policy failed legacy parsing"
KINDS = (
    'IAM resource path must either be "*" or start with '
    "user/, federated-user/, role/, group/, instance-profile/, "
    "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."
)


def about(resource: str | list[str], element: str = "Resource") -> str:
    statement = {"Effect": "Deny", "Action": "kms:*", element: resource}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.mark.parametrize(
    ("resource", "complaint"),
    [
        ("key", 'Resource key must be in ARN format or "*".'),
        ("aws:s3:::bucket", 'Resource aws:s3:::bucket must be in ARN format or "*".'),
        ("arn:error:s3:::bucket", 'Partition "error" is not valid for resource "arn:error:s3:::bucket".'),
        ("arn:error:s3::bucket", 'Partition "error" is not valid for resource "arn:error:s3::bucket:*".'),
        ("arn:b", 'Partition "b" is not valid for resource "arn:b:*:*:*:*".'),
        ("arn::s3:::bucket", 'Partition "" is not valid for resource "arn::s3:::bucket".'),
        ("arn:aws", VENDOR),
        ("arn:*", VENDOR),
        ("arn:aws:*:::bucket", VENDOR),
        ("arn:aws:s?:::bucket", VENDOR),
        ("arn:aws::::bucket", UNPARSABLE),
        ("arn:aws:s3", UNPARSABLE),
        ("arn:aws:kms:us-east-1:111122223333", UNPARSABLE),
        ("arn:aws:iam:eu:1:user/a", "IAM resource arn:aws:iam:eu:1:user/a cannot contain region information."),
        ("arn:aws:iam::111122223333:ann", KINDS),
        ("arn:aws:iam::111122223333:roots", KINDS),
        ("arn:aws:s3:us-east-1::bucket", "Resource arn:aws:s3:us-east-1::bucket can not contain region information."),
    ],
)
def test_what_nothing_can_have_is_refused(resource: str, complaint: str) -> None:
    for element in ("Resource", "NotResource"):
        for resources in (resource, ["*", resource]):
            with pytest.raises(PolicyRefused) as refusal:
                accepted_identity_policy(about(resources, element))
            assert str(refusal.value) == complaint


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:s3:::*",
        "arn:*:s3:::bucket/${aws:username}/*",
        "arn:aws*:kms:*:*:key/*",
        "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/a",
        "arn:aws:logs:*:*:log-group:/aws/lambda/*:log-stream:*",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::*:role/*",
        "arn:aws:iam::111122223333:*",
        "arn:aws:iam::111122223333:${aws:PrincipalTag/kind}/x",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:u*",
        "arn:aws:s3:us-east-1:111122223333:accesspoint/x",
        "arn:aws:not-a-service:us-east-1::x",
    ],
)
def test_what_there_may_be_is_accepted(resource: str) -> None:
    assert accepted_identity_policy(about(resource)).statements[0].resources == (resource,)
