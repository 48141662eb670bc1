"""Inline policies of users, groups and roles."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

LIST_KEYS = policy(allow("kms:ListKeys"))
SIZES = {"User": 2_048, "Group": 5_120, "Role": 10_240}


async def made(opened: OpenedHouse, kind: str) -> dict[str, str]:
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    extra = {"AssumeRolePolicyDocument": trust} if kind == "Role" else {}
    await opened.call("iam", f"Create{kind}", **{f"{kind}Name": "x"}, **extra)
    return {f"{kind}Name": "x"}


def of_size(characters: int) -> str:
    """A document of exactly so many characters, white space not counted."""
    smallest = json.dumps(json.loads(policy(allow("kms:"))), separators=(",", ":"))
    return policy(allow("kms:" + "A" * (characters - len(smallest))))


@pytest.mark.parametrize("kind", list(SIZES))
def test_inline_policies_live_and_die(in_house: InHouse[None], kind: str) -> None:
    async def body(opened: OpenedHouse) -> None:
        named = await made(opened, kind)
        odd = json.dumps(json.loads(policy(allow("kms:Encrypt", resource="arn:aws:kms:*:*:key/a%2Fb é"))), indent=3)
        for name, document in (("b", LIST_KEYS), ("a", LIST_KEYS), ("a", odd)):
            await opened.call("iam", f"Put{kind}Policy", **named, PolicyName=name, PolicyDocument=document)
        got = await opened.call("iam", f"Get{kind}Policy", **named, PolicyName="a")
        assert got[f"{kind}Name"] == "x"
        assert unquote(got["PolicyDocument"]) == odd
        listed = await opened.call("iam", f"List{kind}Policies", **named)
        assert listed == {"PolicyNames": ["a", "b"], "IsTruncated": False}
        first = await opened.call("iam", f"List{kind}Policies", **named, MaxItems=1)
        rest = await opened.call("iam", f"List{kind}Policies", **named, Marker=first["Marker"])
        assert (first["PolicyNames"], rest["PolicyNames"]) == (["a"], ["b"])
        await opened.call("iam", f"Delete{kind}Policy", **named, PolicyName="a")
        missing = f"The {kind.lower()} policy with name a cannot be found."
        for name in (f"Get{kind}Policy", f"Delete{kind}Policy"):
            with refused("NoSuchEntity", missing):
                await opened.call("iam", name, **named, PolicyName="a")
        with refused("MalformedPolicyDocument"):
            await opened.call("iam", f"Put{kind}Policy", **named, PolicyName="c", PolicyDocument="{")
        nowhere = policy(allow("kms:*", resource="arn:amazon:kms:*:*:key/*"))
        with refused(
            "MalformedPolicyDocument", 'Partition "amazon" is not valid for resource "arn:amazon:kms:*:*:key/*".'
        ):
            await opened.call("iam", f"Put{kind}Policy", **named, PolicyName="c", PolicyDocument=nowhere)
        with refused("NoSuchEntity"):
            params: dict[str, Any] = {f"{kind}Name": "nobody", "PolicyName": "c", "PolicyDocument": LIST_KEYS}
            await opened.call("iam", f"Put{kind}Policy", **params)

    in_house(body)


@pytest.mark.parametrize("kind", list(SIZES))
def test_the_sizes_of_all_inline_policies_count_together(in_house: InHouse[None], kind: str) -> None:
    async def body(opened: OpenedHouse) -> None:
        named, most = await made(opened, kind), SIZES[kind]

        async def put(name: str, document: str) -> None:
            await opened.call("iam", f"Put{kind}Policy", **named, PolicyName=name, PolicyDocument=document)

        await put("a", of_size(most - 1_000))
        await put("b", of_size(1_000))
        message = f"Maximum policy size of {most} bytes exceeded for {kind.lower()} x"
        with refused("LimitExceeded", message):
            await put("b", of_size(1_001))
        with refused("LimitExceeded", message):
            await put("c", LIST_KEYS)
        await put("a", of_size(500))
        await put("c", LIST_KEYS)

    in_house(body)


def test_an_inline_policy_bites_at_the_next_request(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")
        # The language's version of 2008 is good enough for an inline policy.
        old = json.dumps({"Statement": allow("kms:ListKeys")})
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=old)
        await ann.call("kms", "ListKeys")
        other = policy(allow("kms:ListAliases"))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=other)
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")
        await ann.call("kms", "ListAliases")
        await opened.call("iam", "CreateGroup", GroupName="g")
        await opened.call("iam", "PutGroupPolicy", GroupName="g", PolicyName="p", PolicyDocument=LIST_KEYS)
        await opened.call("iam", "AddUserToGroup", GroupName="g", UserName="ann")
        await ann.call("kms", "ListKeys")
        await opened.call("iam", "DeleteGroupPolicy", GroupName="g", PolicyName="p")
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")

    in_house(body)
