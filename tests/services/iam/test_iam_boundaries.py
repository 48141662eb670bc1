"""Permissions boundaries: what they let through, and who may change whom they limit."""

from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


async def made_policy(opened: OpenedHouse, name: str, document: str) -> str:
    created = await opened.call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=document)
    arn: str = created["Policy"]["Arn"]
    return arn


def test_a_boundary_bites_at_the_next_request(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=ADMINISTRATOR)
        await ann.call("kms", "ListKeys")
        arn = await made_policy(opened, "limit", policy(allow("kms:ListAliases")))
        await opened.call("iam", "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=arn)
        await ann.call("kms", "ListAliases")
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")
        described = (await opened.call("iam", "GetUser", UserName="ann"))["User"]
        assert described["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
        wider = policy(allow("kms:List*"))
        await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=wider, SetAsDefault=True)
        await ann.call("kms", "ListKeys")
        await opened.call("iam", "DeleteUserPermissionsBoundary", UserName="ann")
        await ann.call("kms", "CreateKey")
        await opened.call("iam", "DeleteUserPermissionsBoundary", UserName="ann")

    in_house(body)


@pytest.mark.parametrize("kind", ["User", "Role"])
def test_what_cannot_be_a_boundary(in_house: InHouse[None], kind: str) -> None:
    async def body(opened: OpenedHouse) -> None:
        trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
        extra = {"AssumeRolePolicyDocument": trust} if kind == "Role" else {}
        named: dict[str, Any] = {f"{kind}Name": "x"}
        await opened.call("iam", f"Create{kind}", **named, **extra)
        put = f"Put{kind}PermissionsBoundary"
        missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"
        with refused("NoSuchEntity", f"Scope ARN: {missing} does not exist or is not attachable."):
            await opened.call("iam", put, **named, PermissionsBoundary=missing)
        with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
            await opened.call("iam", put, **named, PermissionsBoundary="no-arn-but-long-enough")
        await opened.call("iam", put, **named, PermissionsBoundary=ADMINISTRATOR)
        got = (await opened.call("iam", f"Get{kind}", **named))[kind]
        assert got["PermissionsBoundary"] == {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": ADMINISTRATOR,
        }
        await opened.call("iam", f"Delete{kind}PermissionsBoundary", **named)
        assert "PermissionsBoundary" not in (await opened.call("iam", f"Get{kind}", **named))[kind]
        with refused("NoSuchEntity"):
            await opened.call("iam", put, **{f"{kind}Name": "nobody"}, PermissionsBoundary=ADMINISTRATOR)

    in_house(body)


def test_an_administrator_may_be_held_to_users_with_a_boundary(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        delegate = await acting_user(opened, "delegate")
        limit = await made_policy(opened, "limit", policy(allow("kms:*")))
        held = {"StringEquals": {"iam:PermissionsBoundary": limit}}
        document = policy(
            allow("iam:CreateUser", "iam:PutUserPermissionsBoundary", Condition=held),
            allow(
                "iam:AttachUserPolicy",
                "iam:DetachUserPolicy",
                "iam:PutUserPolicy",
                "iam:DeleteUserPolicy",
                Condition=held,
            ),
        )
        await opened.call("iam", "PutUserPolicy", UserName="delegate", PolicyName="d", PolicyDocument=document)
        await delegate.call("iam", "CreateUser", UserName="limited", PermissionsBoundary=limit)
        for params in ({}, {"PermissionsBoundary": ADMINISTRATOR}):
            with refused("AccessDenied"):
                await delegate.call("iam", "CreateUser", UserName="free", **params)
        await delegate.call("iam", "AttachUserPolicy", UserName="limited", PolicyArn=ADMINISTRATOR)
        await delegate.call(
            "iam", "PutUserPolicy", UserName="limited", PolicyName="p", PolicyDocument=policy(allow("*"))
        )
        await opened.call("iam", "CreateUser", UserName="free")
        with refused("AccessDenied"):
            await delegate.call("iam", "AttachUserPolicy", UserName="free", PolicyArn=ADMINISTRATOR)
        with refused("AccessDenied"):
            await delegate.call("iam", "DeleteUserPermissionsBoundary", UserName="limited")
        with refused("AccessDenied"):
            await delegate.call(
                "iam", "PutUserPermissionsBoundary", UserName="limited", PermissionsBoundary=ADMINISTRATOR
            )

    in_house(body)
