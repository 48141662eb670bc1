"""The AWS managed policies: that they say what they mean, of actions that there are."""

import json
import re
from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest

from strongroom.identities import aws_managed
from strongroom.identities.aws_managed import AwsManagedPolicy
from strongroom.policy.document import parse
from strongroom.policy.statement import Effect
from strongroom.policy_check.vocabulary.actions import matching_actions

EVERY = {policy.name: policy for policy in aws_managed.every("aws")}

MODELS = {
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticloadbalancing": ("elbv2",),
    "states": ("stepfunctions",),
    "tag": ("resourcegroupstaggingapi",),
}
"""Services whose botocore models have other names than the prefix of their actions."""

PERMISSION_ONLY = {
    "cloudwatch:GenerateQuery",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
    "s3-object-lambda:GetObject",
    "s3-object-lambda:ListBucket",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}
"""Actions of services that have no model, or that are no operation."""

READ_ONLY = (
    "ReadOnlyAccess",
    "ViewOnlyAccess",
    "SecurityAudit",
    "IAMReadOnlyAccess",
    "AWSSecretsManagerClientReadOnlyAccess",
    "AmazonSSMReadOnlyAccess",
    "AmazonS3ReadOnlyAccess",
    "CloudWatchLogsReadOnlyAccess",
    "CloudWatchReadOnlyAccess",
    "AWSCodeBuildReadOnlyAccess",
    "AWSLambda_ReadOnlyAccess",
    "AmazonVPCReadOnlyAccess",
    "AmazonEC2ReadOnlyAccess",
    "AWSCloudTrail_ReadOnlyAccess",
    "ServiceQuotasReadOnlyAccess",
    "SupportUser",
)
_READING = re.compile(r"(BatchGet|Describe|Filter|Get|List|Lookup|Search|Simulate|Test|Validate)[A-Z]")
HARMLESS = {
    "cloudwatch:GenerateQuery",
    "iam:GenerateCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
    "kms:Decrypt",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "logs:StopLiveTail",
    "logs:StopQuery",
}
"""Actions that change nothing, whatever their names."""


@cache
def actions_of(prefix: str) -> frozenset[str]:
    """The names of a service's actions: those of the vocabulary, of botocore's model, and of the table above."""
    names = {action.partition(":")[2] for action in PERMISSION_ONLY if action.startswith(f"{prefix}:")}
    known = matching_actions(f"{prefix}:*")
    if known is not None:
        return frozenset(names | {action.name for action in known})
    session = botocore.session.get_session()
    for folder in MODELS.get(prefix, (prefix,)):
        if folder in session.get_available_services():
            names |= set(session.get_service_model(folder).operation_names)
    return frozenset(names)


def allowed_actions(policy: AwsManagedPolicy, effect: Effect = Effect.ALLOW) -> Iterator[tuple[str, str]]:
    """Every pattern of a policy's statements of one effect, with each action that it means."""
    for statement in parse(policy.document).statements:
        if statement.effect is not effect:
            continue
        for pattern in statement.actions:
            prefix, _, name = pattern.partition(":")
            wanted = re.compile(re.escape(name).replace(r"\*", ".*"))
            yield pattern, ""
            for action in actions_of(prefix):
                if wanted.fullmatch(action):
                    yield pattern, f"{prefix}:{action}"


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_document_is_a_policy_of_real_actions(name: str) -> None:
    policy = EVERY[name]
    assert json.loads(policy.document)["Version"] == "2012-10-17"
    meant: dict[str, set[str]] = {}
    for effect in Effect:
        for pattern, action in allowed_actions(policy, effect):
            meant.setdefault(pattern, set()).add(action)
    assert meant
    assert [pattern for pattern, actions in meant.items() if actions == {""} and pattern != "*"] == []


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_is_for_reading_changes_nothing(name: str) -> None:
    for _, action in allowed_actions(EVERY[name]):
        if action and action not in HARMLESS and not action.startswith("support:"):
            assert _READING.match(action.partition(":")[2]), action


def test_reading_everything_does_not_read_secrets() -> None:
    for name in ("ReadOnlyAccess", "ViewOnlyAccess", "SecurityAudit", "SupportUser"):
        allowed = {action for _, action in allowed_actions(EVERY[name])}
        assert not allowed & {
            "secretsmanager:GetSecretValue",
            "secretsmanager:BatchGetSecretValue",
            "kms:Decrypt",
            "sts:AssumeRole",
            "sts:GetFederationToken",
        }
    for name in ("ViewOnlyAccess", "SecurityAudit", "SupportUser"):
        allowed = {action for _, action in allowed_actions(EVERY[name])}
        assert not allowed & {"s3:GetObject", "ssm:GetParameter", "lambda:GetFunction"}


def test_policies_are_found_by_arn_in_every_partition() -> None:
    for policy in aws_managed.every("aws"):
        assert policy.arn == f"arn:aws:iam::aws:policy{policy.path}{policy.name}"
        assert aws_managed.find(policy.arn) == policy
        assert re.fullmatch("ANPA[A-Z2-7]{17}", policy.policy_id)
        assert "arn:aws:" not in policy.document
    assert len({policy.policy_id for policy in EVERY.values()}) == len(EVERY) == len(aws_managed.every("aws"))
    elsewhere = aws_managed.find("arn:aws-cn:iam::aws:policy/job-function/ViewOnlyAccess")
    assert elsewhere is not None
    assert (elsewhere.path, elsewhere.document) == ("/job-function/", EVERY["ViewOnlyAccess"].document)
    for wrong in (
        "arn:aws:iam::aws:policy/ViewOnlyAccess",
        "arn:aws:iam::aws:policy/../aws_managed_policies/AdministratorAccess",
        "arn:other:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::111122223333:policy/AdministratorAccess",
        "aws:iam::aws:policy/AdministratorAccess",
        "AdministratorAccess",
    ):
        assert aws_managed.find(wrong) is None, wrong


def test_ids_are_the_same_at_every_start() -> None:
    assert EVERY["AdministratorAccess"].policy_id == "ANPAI34SN6YCLNSZWWPS7"


def test_finding_one_reads_one_file() -> None:
    aws_managed._read.cache_clear()
    for _ in range(3):
        assert aws_managed.find(EVERY["AdministratorAccess"].arn) == EVERY["AdministratorAccess"]
    assert aws_managed._read.cache_info().misses == 1
