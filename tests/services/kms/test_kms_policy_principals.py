"""Users and roles in key policies: they have to exist, and nobody comes after them under their name."""

import json
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import document, make_account, make_identity, remove_identity, session, user
from tests.services.kms.made_identities import statement as of
from tests.services.refusals import refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER = "444455556666"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
APP = f"arn:aws:iam::{ACCOUNT}:role/app"
INVALID = "Policy contains a statement with one or more invalid principals."
EVERYTHING = of("Allow", "kms:*", Principal={"AWS": ROOT})


def allowing(*principals: str) -> str:
    return document(EVERYTHING, of("Allow", "kms:Encrypt", Principal={"AWS": list(principals)}))


async def encrypts(house: OpenedHouse, caller: Any, key: str) -> None:
    await house.kms("Encrypt", caller=caller, KeyId=key, Plaintext=b"x")


def test_a_deleted_user_does_not_come_back_with_its_name(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        user_id = await make_identity(house, "user", "alice")
        role_id = await make_identity(house, "role", "app")
        text = "\n " + allowing(ALICE, APP).replace(",", " ,\t")
        key = (await house.kms("CreateKey", Policy=text))["KeyMetadata"]["KeyId"]
        assert (await house.kms("GetKeyPolicy", KeyId=key))["Policy"] == text
        alice, app = await user(house, user_id), await session(house, role_id)
        await encrypts(house, alice, key)
        await encrypts(house, app, key)
        await remove_identity(house, user_id)
        await remove_identity(house, role_id)
        new_user, new_role = await make_identity(house, "user", "alice"), await make_identity(house, "role", "app")
        for caller in (await user(house, new_user), await session(house, new_role)):
            with refused("AccessDeniedException"):
                await encrypts(house, caller, key)
        seen = (await house.kms("GetKeyPolicy", KeyId=key))["Policy"]
        assert seen == text.replace(ALICE, user_id).replace(APP, role_id)
        with refused("MalformedPolicyDocumentException", INVALID):
            await house.kms("PutKeyPolicy", KeyId=key, Policy=seen)
        await house.kms("PutKeyPolicy", KeyId=key, Policy=text)
        await encrypts(house, await user(house, new_user), key)
        await encrypts(house, await session(house, new_role), key)

    in_house(body)


@pytest.mark.parametrize("member", ["Principal", "NotPrincipal"])
def test_principals_of_this_server_have_to_exist(in_house: InHouse[None], member: str) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        alice_id = await make_identity(house, "user", "alice")
        key = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        before = (await house.kms("GetKeyPolicy", KeyId=key))["Policy"]

        def naming(principal: str) -> str:
            effect = "Allow" if member == "Principal" else "Deny"
            return document(EVERYTHING, of(effect, "kms:Encrypt", **{member: {"AWS": [ROOT, principal]}}))

        for principal in (
            f"arn:aws:iam::{ACCOUNT}:user/nobody",
            f"arn:aws:iam::{ACCOUNT}:user/Alice",
            f"arn:aws:iam::{ACCOUNT}:user/path/alice",
            f"arn:aws:iam::{ACCOUNT}:role/alice",
            f"arn:aws:iam::{OTHER}:user/alice",
            "AIDA" + "A" * 17,
        ):
            with refused("MalformedPolicyDocumentException", INVALID):
                await house.kms("PutKeyPolicy", KeyId=key, Policy=naming(principal))
            with refused("MalformedPolicyDocumentException", INVALID):
                await house.kms("CreateKey", Policy=naming(principal))
        assert (await house.kms("GetKeyPolicy", KeyId=key))["Policy"] == before
        for principal in (
            f"arn:aws:iam::{OTHER}:root",
            OTHER,
            "arn:aws:iam::999999999999:user/anybody",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/app/alice",
        ):
            await house.kms("PutKeyPolicy", KeyId=key, Policy=naming(principal))
            assert (await house.kms("GetKeyPolicy", KeyId=key))["Policy"] == naming(principal)
        await house.kms("PutKeyPolicy", KeyId=key, Policy=naming(alice_id))
        assert json.loads((await house.kms("GetKeyPolicy", KeyId=key))["Policy"]) == json.loads(naming(ALICE))

    in_house(body)


def test_whoever_puts_a_policy_is_found_in_it_by_id(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        making = document(of("Allow", "kms:CreateKey"))
        alice = await user(house, await make_identity(house, "user", "alice", making))
        locked_out = document(of("Allow", "kms:*", Principal={"AWS": APP}))
        await make_identity(house, "role", "app")
        with refused("MalformedPolicyDocumentException"):
            await house.kms("CreateKey", caller=alice, Policy=locked_out)
        own = document(of("Allow", "kms:*", Principal={"AWS": ALICE}))
        key = (await house.kms("CreateKey", caller=alice, Policy=own))["KeyMetadata"]["KeyId"]
        await encrypts(house, alice, key)
        with refused("AccessDeniedException"):
            await encrypts(house, house.caller, key)

    in_house(body)


@pytest.mark.parametrize("name", ["kms:EncryptionContext:a", "KMS:encryptioncontext:A", "aws:RequestTag/a"])
def test_a_condition_that_only_seems_to_limit(in_house: InHouse[None], name: str) -> None:
    async def body(house: OpenedHouse) -> None:
        limited = of("Allow", "kms:*", Principal={"AWS": ROOT})
        seeming = limited | {"Sid": "s", "Condition": {"ForAllValues:StringEquals": {name: "x"}}}
        with refused("MalformedPolicyDocumentException"):
            await house.kms("CreateKey", Policy=document(limited, seeming))
        exact = limited | {"Sid": "s", "Condition": {"StringEquals": {name: "x"}}}
        await house.kms("CreateKey", Policy=document(limited, exact))

    in_house(body)
