"""Who may do what with a secret: identity policies, resource policies, other accounts, conditions."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT
from tests.services.kms.made_identities import document, make_identity, remove_identity, statement, user
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import GUEST, GUEST_ACCOUNT, Keeper, arn_of, keeping
from tests.services.secretsmanager.rotating import Rotating

from strongroom.operations.callers import Caller

GET = "secretsmanager:GetSecretValue"


async def ann(secrets: Keeper, *statements: dict[str, Any], **more: Any) -> Caller:
    """Return a user with a policy of these statements."""
    policies = (document(*statements),) if statements else ()
    return await user(secrets.house, await make_identity(secrets.house, "user", "ann", *policies, **more))


def resource_policy(effect: str, principal: Any, *actions: str, **more: Any) -> str:
    """Return a resource policy of one statement."""
    one = {"Effect": effect, "Principal": principal, "Action": list(actions), "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


def test_permission_is_asked_before_existence_is_told(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        caller = await ann(secrets, statement("Allow", GET, arn_of("mine-??????")))
        made = await secrets("CreateSecret", Name="mine", SecretString="x")
        await secrets("CreateSecret", Name="other", SecretString="x")
        assert await secrets.value("mine", caller=caller) == "x"
        assert await secrets.value(made["ARN"], caller=caller) == "x"
        with refused("AccessDeniedException"):
            await secrets("GetSecretValue", SecretId="nothing", caller=caller)
        with refused("AccessDeniedException"):
            await secrets("GetSecretValue", SecretId="other", caller=caller)
        with refused("AccessDeniedException"):
            await secrets("DescribeSecret", SecretId="mine", caller=caller)
        with refused("AccessDeniedException"):
            await secrets("ListSecrets", caller=caller)

    keeping(tmp_path, body)


def test_a_resource_policy_counts_in_its_account(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        caller = await ann(secrets)
        await secrets("CreateSecret", Name="s", SecretString="x")
        with refused("AccessDeniedException"):
            await secrets("GetSecretValue", SecretId="s", caller=caller)
        text = resource_policy("Allow", {"AWS": caller.arn}, GET)
        put = await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=text)
        assert (put["Name"], put["PolicyName"]) == ("s", "default")
        assert await secrets.value("s", caller=caller) == "x"
        assert (await secrets("GetResourcePolicy", SecretId="s"))["ResourcePolicy"] == text
        assert (await secrets("ListResourcePolicies", SecretId="s"))["ResourcePolicies"] == [{"PolicyName": "default"}]
        deny = resource_policy("Deny", "*", GET, Condition={"StringNotEquals": {"aws:PrincipalArn": caller.arn}})
        await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=deny)
        with refused("AccessDeniedException"):
            await secrets("GetSecretValue", SecretId="s")
        await secrets("DeleteResourcePolicy", SecretId="s")
        assert await secrets.value("s") == "x"
        assert "ResourcePolicy" not in await secrets("GetResourcePolicy", SecretId="s")
        assert (await secrets("ListResourcePolicies", SecretId="s"))["ResourcePolicies"] == []

    keeping(tmp_path, body)


def test_who_is_made_anew_is_somebody_else(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        unique_id = await make_identity(secrets.house, "user", "ann")
        caller = await user(secrets.house, unique_id)
        await secrets("CreateSecret", Name="s", SecretString="x")
        text = resource_policy("Allow", {"AWS": caller.arn}, GET)
        await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=text)
        assert await secrets.value("s", caller=caller) == "x"
        await remove_identity(secrets.house, unique_id)
        again = await ann(secrets)
        with refused("AccessDeniedException"):
            await secrets("GetSecretValue", SecretId="s", caller=again)
        shown = (await secrets("GetResourcePolicy", SecretId="s"))["ResourcePolicy"]
        assert unique_id in shown

    keeping(tmp_path, body)


def test_another_account_needs_both_policies_and_a_key(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        own = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
        shared = {"Effect": "Allow", "Principal": {"AWS": GUEST_ACCOUNT}, "Action": "kms:Decrypt", "Resource": "*"}
        key = await secrets.key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [own, shared]}))
        arn = (await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key))["ARN"]
        missing = arn_of("nothing-abcdef")
        for there in (arn, missing):
            told = (
                f"User: {GUEST.arn} is not authorized to perform: {GET} on resource: {there} because no resource-based "
            )
            with refused("AccessDeniedException", f"{told}policy allows the {GET} action"):
                await secrets("GetSecretValue", SecretId=there, caller=GUEST)
        text = resource_policy("Allow", {"AWS": GUEST_ACCOUNT}, GET, "secretsmanager:PutSecretValue")
        await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=text)
        for named in (arn, arn_of("s")):
            assert await secrets.value(named, caller=GUEST) == "x"
        with refused("ResourceNotFoundException"):
            await secrets("GetSecretValue", SecretId="s", caller=GUEST)
        with refused("AccessDeniedException", "Access to KMS is not allowed"):
            await secrets("PutSecretValue", SecretId=arn, SecretString="y", caller=GUEST)
        await secrets("UpdateSecret", SecretId="s", KmsKeyId="alias/aws/secretsmanager")
        default = (
            "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS "
            "service key."
        )
        with refused("InvalidRequestException", default):
            await secrets("GetSecretValue", SecretId=arn, caller=GUEST)
        with refused("InvalidRequestException", default):
            await secrets("PutSecretValue", SecretId=arn, SecretString="y", caller=GUEST)

    keeping(tmp_path, body)


CONDITIONS: list[tuple[str, dict[str, Any], dict[str, Any], str, dict[str, Any]]] = [
    (
        "GetSecretValue",
        {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}},
        {},
        "GetSecretValue",
        {"VersionStage": "AWSPREVIOUS"},
    ),
    (
        "GetSecretValue",
        {"StringEquals": {"aws:ResourceTag/team": "blue"}},
        {},
        "GetSecretValue",
        {"SecretId": "untagged"},
    ),
    (
        "GetSecretValue",
        {"StringEquals": {"secretsmanager:ResourceTag/team": "blue"}},
        {},
        "GetSecretValue",
        {"SecretId": "untagged"},
    ),
    (
        "DescribeSecret",
        {"ArnLike": {"secretsmanager:SecretId": arn_of("s-*")}},
        {},
        "DescribeSecret",
        {"SecretId": "untagged"},
    ),
    (
        "DescribeSecret",
        {"StringEquals": {"secretsmanager:SecretPrimaryRegion": "us-east-1"}},
        {},
        "DescribeSecret",
        {"SecretId": "elsewhere", "region": "eu-west-1"},
    ),
    (
        "DeleteSecret",
        {"NumericGreaterThanEquals": {"secretsmanager:RecoveryWindowInDays": "14"}},
        {},
        "DeleteSecret",
        {"RecoveryWindowInDays": 13},
    ),
    (
        "DeleteSecret",
        {"Bool": {"secretsmanager:ForceDeleteWithoutRecovery": "false"}},
        {},
        "DeleteSecret",
        {"ForceDeleteWithoutRecovery": True},
    ),
    (
        "UpdateSecret",
        {"StringEquals": {"secretsmanager:Description": "right"}},
        {"Description": "right"},
        "UpdateSecret",
        {"Description": "wrong"},
    ),
    (
        "PutResourcePolicy",
        {"Bool": {"secretsmanager:BlockPublicPolicy": "true"}},
        {"BlockPublicPolicy": True, "ResourcePolicy": resource_policy("Allow", {"AWS": ACCOUNT}, GET)},
        "PutResourcePolicy",
        {"BlockPublicPolicy": False},
    ),
    (
        "ReplicateSecretToRegions",
        {"ForAllValues:StringEquals": {"secretsmanager:AddReplicaRegions": ["eu-west-2"]}},
        {"AddReplicaRegions": [{"Region": "eu-west-2"}]},
        "ReplicateSecretToRegions",
        {"AddReplicaRegions": [{"Region": "eu-west-3"}]},
    ),
    (
        "RotateSecret",
        {"Bool": {"secretsmanager:RotateImmediately": "false"}},
        {"SecretId": "safe!s", "RotateImmediately": False, "RotationRules": {"AutomaticallyAfterDays": 3}},
        "RotateSecret",
        {"RotateImmediately": True},
    ),
]


@pytest.mark.parametrize("case", CONDITIONS, ids=lambda case: "-".join(next(iter(case[1].values()))))
def test_conditions(tmp_path: Path, case: tuple[str, dict[str, Any], dict[str, Any], str, dict[str, Any]]) -> None:
    operation, condition, right, other, wrong = case

    async def body(secrets: Keeper) -> None:
        for name, tags in (("s", [{"Key": "team", "Value": "blue"}]), ("untagged", [])):
            await secrets("CreateSecret", Name=name, SecretString="1", Tags=tags)
            await secrets("PutSecretValue", SecretId=name, SecretString="2")
        await secrets("CreateSecret", Name="elsewhere", SecretString="1", region="eu-west-1")
        await Rotating(secrets.house).make("safe!s")
        caller = await ann(
            secrets,
            statement("Allow", f"secretsmanager:{operation}", "*", Condition=condition),
            statement("Allow", "kms:*"),
        )
        with refused("AccessDeniedException"):
            await secrets(other, caller=caller, **({"SecretId": "s"} | right | wrong))
        await secrets(operation, **({"SecretId": "s"} | right), caller=caller)

    keeping(tmp_path, body)


def test_conditions_of_creation(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        condition = {
            "StringLike": {"secretsmanager:Name": "app/*"},
            "StringEquals": {"aws:RequestTag/team": "blue", "secretsmanager:ResourceTag/team": "blue"},
        }
        actions = ["secretsmanager:CreateSecret", "secretsmanager:TagResource"]
        caller = await ann(secrets, statement("Allow", actions, arn_of("app/*"), Condition=condition))
        blue = [{"Key": "team", "Value": "blue"}]
        await secrets("CreateSecret", Name="app/one", SecretString="x", Tags=blue, caller=caller)
        for params in ({"Name": "app/two"}, {"Name": "two", "Tags": blue}):
            with refused("AccessDeniedException"):
                await secrets("CreateSecret", caller=caller, **params)

    keeping(tmp_path, body)


def test_nobody_tags_their_own_permissions_away(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", Tags=[{"Key": "team", "Value": "blue"}])
        condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
        caller = await ann(secrets, statement("Allow", "secretsmanager:*", "*", Condition=condition))
        await secrets("TagResource", SecretId="s", Tags=[{"Key": "a", "Value": "b"}], caller=caller)
        with refused("AccessDeniedException"):
            await secrets("TagResource", SecretId="s", Tags=[{"Key": "team", "Value": "red"}], caller=caller)
        with refused("AccessDeniedException"):
            await secrets("UntagResource", SecretId="s", TagKeys=["team"], caller=caller)

    keeping(tmp_path, body)


def test_a_batch_needs_permission_for_each(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        for name in ("one", "two"):
            await secrets("CreateSecret", Name=name, SecretString=name)
        caller = await ann(
            secrets,
            statement("Allow", "secretsmanager:BatchGetSecretValue"),
            statement("Allow", GET, arn_of("one-??????")),
        )
        batch = await secrets("BatchGetSecretValue", SecretIdList=["one", "two"], caller=caller)
        assert [value["Name"] for value in batch["SecretValues"]] == ["one"]
        assert [(each["SecretId"], each["ErrorCode"]) for each in batch["Errors"]] == [("two", "AccessDeniedException")]
        with refused("AccessDeniedException"):
            await secrets("BatchGetSecretValue", Filters=[{"Key": "name", "Values": ["o"]}], caller=caller)

    keeping(tmp_path, body)


PUBLIC = resource_policy("Allow", "*", GET)
NARROWED = resource_policy("Allow", "*", GET, Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
LOCKOUT = resource_policy("Deny", "*", "secretsmanager:*")


def test_public_policies_are_blocked_if_wanted(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s")
        await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=PUBLIC)
        with refused("PublicPolicyException"):
            await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=PUBLIC, BlockPublicPolicy=True)
        await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=NARROWED, BlockPublicPolicy=True)
        for text in (
            "{}",
            "no json",
            "{\0}",
            json.dumps({"Version": "2012-10-17", "Statement": [statement("Allow", GET)]}),
        ):
            with refused("MalformedPolicyDocumentException"):
                await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=text)
        nobody = resource_policy("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}, GET)
        with refused("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal."):
            await secrets("PutResourcePolicy", SecretId="s", ResourcePolicy=nobody)
        for operation, params, code in (
            ("PutResourcePolicy", {"ResourcePolicy": NARROWED, "PolicyName": "own"}, "InvalidParameterException"),
            ("DeleteResourcePolicy", {"PolicyName": "own"}, "InvalidParameterException"),
            ("GetResourcePolicy", {"PolicyName": "own"}, "ResourceNotFoundException"),
            ("ListResourcePolicies", {"NextToken": "x"}, "InvalidNextTokenException"),
        ):
            with refused(code):
                await secrets(operation, SecretId="s", **params)

    keeping(tmp_path, body)


def test_policies_are_judged_before_they_are_put(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s")

        async def judged(text: str, **params: Any) -> set[str]:
            answer = await secrets("ValidateResourcePolicy", ResourcePolicy=text, **params)
            assert answer["PolicyValidationPassed"] == (not answer["ValidationErrors"])
            return {each["CheckName"] for each in answer["ValidationErrors"]}

        assert await judged(NARROWED) == set()
        assert await judged(NARROWED, SecretId="s") == set()
        assert await judged(PUBLIC) == {"public"}
        assert await judged(LOCKOUT, SecretId="s") == {"lockout"}
        with refused("MalformedPolicyDocumentException"):
            await judged("{}")
        with refused("ResourceNotFoundException"):
            await judged(NARROWED, SecretId="nothing")
        assert "ResourcePolicy" not in await secrets("GetResourcePolicy", SecretId="s")

    keeping(tmp_path, body)
