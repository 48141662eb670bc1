"""Tags of everything of IAM that has tags, on both databases."""

import asyncio
import json
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

STATEMENT = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/p"
DEVICE_ARN = f"arn:aws:iam::{ACCOUNT}:mfa/d"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com"

KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "User": ("CreateUser", {"UserName": "u"}, {"UserName": "u"}),
    "Role": (
        "CreateRole",
        {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps({"Statement": [STATEMENT]})},
        {"RoleName": "r"},
    ),
    "InstanceProfile": ("CreateInstanceProfile", {"InstanceProfileName": "i"}, {"InstanceProfileName": "i"}),
    "MFADevice": ("CreateVirtualMFADevice", {"VirtualMFADeviceName": "d"}, {"SerialNumber": DEVICE_ARN}),
    "Policy": (
        "CreatePolicy",
        {"PolicyName": "p", "PolicyDocument": policy(allow("s3:*"))},
        {"PolicyArn": POLICY_ARN},
    ),
    "OpenIDConnectProvider": (
        "CreateOpenIDConnectProvider",
        {"Url": "https://idp.example.com", "ThumbprintList": ["a" * 40]},
        {"OpenIDConnectProviderArn": PROVIDER_ARN},
    ),
}


def pairs(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.mark.parametrize("word", KINDS)
def test_tags_come_and_go(in_house: InHouse[None], word: str) -> None:
    create, values, name = KINDS[word]

    async def body(opened: OpenedHouse) -> None:
        async def listed() -> list[dict[str, str]]:
            tags: list[dict[str, str]] = (await opened.call("iam", f"List{word}Tags", **name))["Tags"]
            return tags

        with refused("NoSuchEntity"):
            await opened.call("iam", f"Tag{word}", Tags=pairs(a="1"), **name)
        await opened.call("iam", create, Tags=pairs(Team="x"), **values)
        assert await listed() == pairs(Team="x")
        await opened.call("iam", f"Tag{word}", Tags=pairs(a="1", team="y"), **name)
        assert await listed() == pairs(a="1", team="y")
        await opened.call("iam", f"Untag{word}", TagKeys=["TEAM", "absent"], **name)
        assert await listed() == pairs(a="1")
        with refused("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."):
            await opened.call("iam", f"Tag{word}", Tags=[*pairs(b="1"), *pairs(B="2")], **name)
        with refused("InvalidInput"):
            await opened.call("iam", f"Tag{word}", Tags=[{"Key": "AWS:x", "Value": ""}], **name)
        many = {f"t{count:02}": "" for count in range(50)}
        with refused("LimitExceeded"):
            await opened.call("iam", f"Tag{word}", Tags=pairs(**many), **name)
        assert await listed() == pairs(a="1")

    in_house(body)


def test_the_limit_holds_in_a_race_and_no_tag_is_lost(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", UserName="u")
        names = [f"t{count:02}" for count in range(54)]
        answers = await asyncio.gather(
            *(opened.call("iam", "TagUser", UserName="u", Tags=pairs(**{name: ""})) for name in names),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, BaseException) for answer in answers) == 4
        first = await opened.call("iam", "ListUserTags", UserName="u", MaxItems=30)
        rest = await opened.call("iam", "ListUserTags", UserName="u", Marker=first["Marker"])
        keys = [tag["Key"] for tag in first["Tags"] + rest["Tags"]]
        assert keys == sorted(set(keys))
        assert (len(keys), rest["IsTruncated"]) == (50, False)

    in_house(body)


def test_tags_can_be_conditions(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        team = {"StringEquals": {"aws:ResourceTag/team": "x", "iam:ResourceTag/Team": "x"}}
        asked = {"StringEquals": {"aws:RequestTag/team": "x"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
        document = policy(
            allow("iam:GetUser", "iam:GetRole", Condition=team),
            allow("iam:CreateUser", "iam:TagUser", Condition=asked),
        )
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        for tags in ([], pairs(team="y"), pairs(team="x", other="z")):
            with refused("AccessDenied"):
                await ann.call("iam", "CreateUser", UserName="bob", Tags=tags)
        await ann.call("iam", "CreateUser", UserName="bob", Tags=pairs(team="x"))
        await ann.call("iam", "GetUser", UserName="bob")
        await opened.call("iam", "TagUser", UserName="bob", Tags=pairs(team="y"))
        with refused("AccessDenied"):
            await ann.call("iam", "GetUser", UserName="bob")

    in_house(body)


def test_making_something_with_tags_takes_permission_to_tag(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        document = policy(allow("iam:CreateUser"))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        with refused("AccessDenied"):
            await ann.call("iam", "CreateUser", UserName="bob", Tags=pairs(a="1"))
        await ann.call("iam", "CreateUser", UserName="bob")

    in_house(body)
