"""Roles and their trust policies, on both databases."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused

EC2 = {"Service": "ec2.amazonaws.com"}


def trust(principal: Any, **members: Any) -> str:
    """Return a trust policy, written with white space as people write it."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | members
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


async def shown_trust(opened: OpenedHouse, name: str) -> str:
    role = (await opened.call("iam", "GetRole", RoleName=name))["Role"]
    document: str = role["AssumeRolePolicyDocument"]
    assert not set(document) & set(' {}":\n')
    return unquote(document)


def test_a_role_lives_and_dies(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        made = await opened.call(
            "iam",
            "CreateRole",
            RoleName="Reader",
            Path="/a/",
            AssumeRolePolicyDocument=trust(EC2),
            Description="reads",
            Tags=[{"Key": "k", "Value": "v"}],
        )
        role = made["Role"]
        assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/a/Reader"
        assert role["RoleId"].startswith("AROA")
        full = role | {"MaxSessionDuration": 3600, "RoleLastUsed": {}}
        assert (await opened.call("iam", "GetRole", RoleName="Reader"))["Role"] == full
        del role["Tags"]
        listed = (await opened.call("iam", "ListRoles", PathPrefix="/a/"))["Roles"]
        assert listed == [role | {"MaxSessionDuration": 3600}]
        assert await shown_trust(opened, "Reader") == trust(EC2)
        await opened.call("iam", "UpdateRole", RoleName="Reader", MaxSessionDuration=7200)
        described = await opened.call("iam", "UpdateRoleDescription", RoleName="Reader", Description="")
        assert (described["Role"]["Description"], described["Role"]["MaxSessionDuration"]) == ("", 7200)
        await opened.call("iam", "DeleteRole", RoleName="Reader")
        for operation in ("GetRole", "DeleteRole", "UpdateRole"):
            with refused("NoSuchEntity", "The role with name Reader cannot be found."):
                await opened.call("iam", operation, RoleName="Reader")

    in_house(body)


def test_whom_a_role_trusts_is_kept_by_who_it_is(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = (await opened.call("iam", "CreateUser", UserName="ann"))["User"]
        document = trust({"AWS": [ann["Arn"], f"arn:aws:iam::{ACCOUNT}:root"]})
        made = await opened.call("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=document)
        assert unquote(made["Role"]["AssumeRolePolicyDocument"]) == document
        await opened.call("iam", "UpdateUser", UserName="ann", NewUserName="eve")
        assert await shown_trust(opened, "r") == document.replace("user/ann", "user/eve")
        await opened.call("iam", "DeleteUser", UserName="eve")
        await opened.call("iam", "CreateUser", UserName="ann")
        shown = await shown_trust(opened, "r")
        assert shown == document.replace(ann["Arn"], ann["UserId"])
        with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{ann["UserId"]}"'):
            await opened.call("iam", "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=shown)

    in_house(body)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "This policy contains invalid Json"),
        (trust(EC2, Resource="*"), "Has prohibited field Resource"),
        (trust(EC2, Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/nobody"',
        ),
        (
            trust({"AWS": f"arn:aws:iam::{ACCOUNT}:role/x/r"}),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/x/r"',
        ),
    ],
)
def test_what_is_no_trust_policy(in_house: InHouse[None], document: str, complaint: str) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=trust(EC2))
        with refused("MalformedPolicyDocument", complaint):
            await opened.call("iam", "CreateRole", RoleName="other", AssumeRolePolicyDocument=document)
        with refused("MalformedPolicyDocument", complaint):
            await opened.call("iam", "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=document)
        assert await shown_trust(opened, "r") == trust(EC2)

    in_house(body)


def test_a_trust_policy_has_2048_characters_without_white_space(in_house: InHouse[None]) -> None:
    def of_size(characters: int) -> str:
        empty = len(trust(EC2, Sid="").translate({ord(" "): None, ord("\n"): None}))
        return trust(EC2, Sid="x" * (characters - empty))

    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=of_size(2048))
        with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"):
            await opened.call("iam", "CreateRole", RoleName="s", AssumeRolePolicyDocument=of_size(2049))
        with refused("LimitExceeded"):
            await opened.call("iam", "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=of_size(2049))

    in_house(body)


def test_other_accounts_that_are_not_here_may_be_trusted(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        document = trust({"AWS": "arn:aws:iam::444455556666:role/elsewhere"})
        await opened.call("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=document)
        assert await shown_trust(opened, "r") == document

    in_house(body)


def test_the_paths_of_services_are_theirs(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        with refused("InvalidInput"):
            await opened.call(
                "iam",
                "CreateRole",
                RoleName="r",
                Path="/aws-service-role/ecs.amazonaws.com/",
                AssumeRolePolicyDocument=trust(EC2),
            )

    in_house(body)
