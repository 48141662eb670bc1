"""Session policies: a session never may more than they say, and never more than its role."""

import json
import secrets
from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, allow, document, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

KEYS = f"arn:aws:iam::{ACCOUNT}:policy/keys"


async def role_and_user(house: OpenedHouse) -> tuple[Identities, Any, str]:
    made = Identities(house.house)
    ann = await made.caller(await made.user("ann", allow("sts:*")))
    role = await made.role("Role", allow("kms:List*"), trusts=[trust(ACCOUNT, "sts:*")])
    return made, ann, role.arn


async def assume(house: OpenedHouse, caller: Any, arn: str, **params: Any) -> dict[str, Any]:
    return await house.call("sts", "AssumeRole", caller=caller, RoleArn=arn, RoleSessionName="work", **params)


def test_a_session_has_what_role_and_session_policies_both_allow(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made, ann, arn = await role_and_user(house)
        answer = await assume(house, ann, arn, Policy=document(allow(["kms:ListKeys", "kms:CreateKey"])))
        assert 1 <= answer["PackedPolicySize"] <= 10
        session = await made.session(answer)
        assert await house.call("kms", "ListKeys", caller=session)
        for operation in ("ListAliases", "CreateKey"):
            with refused("AccessDeniedException"):
                await house.call("kms", operation, caller=session)

    in_house(body)


def test_managed_session_policies_are_as_they_are_now(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made, ann, arn = await role_and_user(house)
        await made.managed_policy(KEYS, document(allow("kms:ListKeys")))
        answer = await assume(house, ann, arn, PolicyArns=[{"arn": KEYS}])
        session = await made.session(answer)
        assert await house.call("kms", "ListKeys", caller=session)
        with refused("AccessDeniedException"):
            await house.call("kms", "ListAliases", caller=session)
        await made.replace_managed_policy(KEYS, document(allow("kms:ListAliases")))
        session = await made.session(answer)
        assert await house.call("kms", "ListAliases", caller=session)
        with refused("AccessDeniedException"):
            await house.call("kms", "ListKeys", caller=session)
        await made.delete_managed_policy(KEYS)
        with refused("AccessDeniedException"):
            await house.call("kms", "ListAliases", caller=await made.session(answer))

    in_house(body)


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("MalformedPolicyDocument", {"Policy": "not JSON"}),
        ("MalformedPolicyDocument", {"Policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": "kms:*"}]})}),
        ("MalformedPolicyDocument", {"Policy": document(trust(ACCOUNT))}),
        ("MalformedPolicyDocument", {"Policy": document(allow("kms:*", "arn:aws:kms"))}),
        ("PackedPolicyTooLarge", {"Policy": document(allow("kms:ListKeys", "x" * 2_048))}),
        ("ValidationError", {"PolicyArns": [{"arn": KEYS}]}),
        ("ValidationError", {"PolicyArns": [{"arn": "arn:aws:iam::444455556666:policy/keys"}]}),
        ("ValidationError", {"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:role/Role-of-theirs"}]}),
        ("ValidationError", {"PolicyArns": [{"arn": f"{KEYS}{n}"} for n in range(11)]}),
    ],
)
def test_session_policies_that_cannot_be(on_sqlite: InHouse[None], code: str, params: Any) -> None:
    async def body(house: OpenedHouse) -> None:
        made, ann, arn = await role_and_user(house)
        await made.managed_policy("arn:aws:iam::444455556666:policy/keys", document(allow("kms:ListKeys")))
        with refused(code):
            await assume(house, ann, arn, **params)

    on_sqlite(body)


def test_policies_and_tags_together_may_be_too_large(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        _, ann, arn = await role_and_user(house)
        tags = [{"Key": f"k{n}", "Value": secrets.token_hex(128)} for n in range(8)]
        sizes = [(await assume(house, ann, arn, Tags=tags[:count]))["PackedPolicySize"] for count in (2, 6)]
        assert 0 < sizes[0] < sizes[1] <= 100
        with refused("PackedPolicyTooLarge"):
            await assume(house, ann, arn, Tags=[{"Key": f"k{n}", "Value": secrets.token_hex(128)} for n in range(50)])

    in_house(body)


def test_a_token_is_as_long_as_wanted(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made, ann, arn = await role_and_user(house)
        plain = await assume(house, ann, arn)
        padded = await assume(house, ann, arn, MinimumSessionTokenSize=4096)
        assert plain["SessionTokenSize"] == len(plain["Credentials"]["SessionToken"]) < 1024
        assert 4096 <= padded["SessionTokenSize"] == len(padded["Credentials"]["SessionToken"]) < 4110
        assert await house.call("kms", "ListKeys", caller=await made.session(padded))

    in_house(body)
