"""Grants: what they allow, to whom, and that it ends when they end."""

from datetime import timedelta
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.granting import ROOT, arn_of, encrypted, granted, may_decrypt, new_key
from tests.services.kms.made_identities import (
    document,
    make_account,
    make_identity,
    remove_identity,
    session,
    statement,
    user,
)
from tests.services.refusals import refused

from strongroom.operations.callers import Caller

OTHER = "444455556666"
CONTEXT = {"department": "IT", "purpose": "test"}


def test_a_grant_lets_a_user_decrypt_until_it_is_revoked(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        blob = await encrypted(house, key)
        alice = await user(house, await make_identity(house, "user", "alice"))
        bob = await user(house, await make_identity(house, "user", "bob"))
        assert not await may_decrypt(house, alice, blob)
        for _ in range(3):
            grant = await granted(house, key, arn_of("user", "alice"), "Decrypt")
            assert len(grant["GrantId"]) == 64
            for _ in range(2):
                assert await may_decrypt(house, alice, blob)
            assert not await may_decrypt(house, bob, blob)
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", caller=alice, KeyId=key, Plaintext=b"x")
            await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
            with refused("AccessDeniedException"):
                await house.kms("Decrypt", caller=alice, CiphertextBlob=blob, GrantTokens=[grant["GrantToken"]])
            with refused("NotFoundException", f"Grant ID {grant['GrantId']} not found"):
                await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])

    in_house(body)


def test_one_of_two_equal_grants_goes_and_the_other_stays(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        blob = await encrypted(house, key)
        alice = await user(house, await make_identity(house, "user", "alice"))
        first = await granted(house, key, arn_of("user", "alice"), "Decrypt")
        second = await granted(house, key, arn_of("user", "alice"), "Decrypt", "DescribeKey")
        for each in (first, second):
            assert await may_decrypt(house, alice, blob)
            await house.kms("RevokeGrant", KeyId=key, GrantId=each["GrantId"])
        assert not await may_decrypt(house, alice, blob)

    in_house(body)


def test_every_kind_of_grantee(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        key = await new_key(house)
        blob = await encrypted(house, key)
        decrypting = document(statement("Allow", "kms:Decrypt"))
        role = await make_identity(house, "role", "app")
        other_role = await make_identity(house, "role", "other")
        guest = await make_identity(house, "user", "guest", account_id=OTHER)
        trusted_guest = await make_identity(house, "user", "trusted", decrypting, account_id=OTHER)
        voucher = await make_identity(house, "user", "voucher")
        session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/alice"
        federated_arn = f"arn:aws:sts::{ACCOUNT}:federated-user/fred"
        fred = await session(house, voucher, "fred", federated=True)
        fred_limited = await session(house, voucher, "fred", federated=True, policies=(decrypting,))
        callers = {
            "app/alice": await session(house, role, "alice"),
            "app/bob": await session(house, role, "bob"),
            "other/alice": await session(house, other_role, "alice"),
            "guest": await user(house, guest),
            "trusted": await user(house, trusted_guest),
            "root of other": Caller.root(OTHER, "AKIATESTGUESTKEY0001"),
            "fred": fred,
            "fred, limited": fred_limited,
            "voucher": await user(house, voucher),
        }
        for grantee, allowed in {
            arn_of("role", "app"): {"app/alice", "app/bob"},
            session_arn: {"app/alice"},
            arn_of("user", "guest", OTHER): {"guest"},
            f"arn:aws:iam::{OTHER}:root": {"trusted", "root of other"},
            federated_arn: {"fred", "fred, limited"},
            # Somebody else's session has no more than its session policies allow, and no less than that.
            arn_of("user", "voucher"): {"fred, limited", "voucher"},
        }.items():
            grant = await granted(house, key, grantee, "Decrypt")
            seen = {name for name, caller in callers.items() if await may_decrypt(house, caller, blob)}
            assert seen == allowed, grantee
            await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
        assert not {name for name, caller in callers.items() if await may_decrypt(house, caller, blob)}

    in_house(body)


def test_no_grant_stands_against_a_deny(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        denying = document(statement("Deny", "kms:Decrypt"))
        alice = await user(house, await make_identity(house, "user", "alice", denying))
        bob = await user(house, await make_identity(house, "user", "bob"))
        key = await new_key(house)
        blob = await encrypted(house, key)
        for name in ("alice", "bob"):
            await granted(house, key, arn_of("user", name), "Decrypt")
        assert [await may_decrypt(house, each, blob) for each in (alice, bob)] == [False, True]
        allow = statement("Allow", "kms:*", Principal={"AWS": ROOT})
        deny = statement("Deny", "kms:Decrypt", Principal={"AWS": arn_of("user", "bob")})
        await house.kms("PutKeyPolicy", KeyId=key, Policy=document(allow, deny))
        assert not await may_decrypt(house, bob, blob)
        await house.kms("PutKeyPolicy", KeyId=key, Policy=document(allow))
        assert await may_decrypt(house, bob, blob)

    in_house(body)


def test_boundary_and_session_policies_limit_what_a_role_is_granted(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        encrypting = document(statement("Allow", "kms:Encrypt"))
        decrypting = document(statement("Allow", "kms:Decrypt"))
        key = await new_key(house)
        blob = await encrypted(house, key)
        free = await make_identity(house, "role", "free")
        bounded = await make_identity(house, "role", "bounded", boundary=encrypting)
        for name in ("free", "bounded"):
            await granted(house, key, arn_of("role", name), "Decrypt")
        assert await may_decrypt(house, await session(house, free), blob)
        assert await may_decrypt(house, await session(house, free, policies=(decrypting,)), blob)
        assert not await may_decrypt(house, await session(house, free, policies=(encrypting,)), blob)
        assert not await may_decrypt(house, await session(house, bounded), blob)

    in_house(body)


def test_who_is_made_anew_has_no_grant_of_the_one_before(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        blob = await encrypted(house, key)
        user_id = await make_identity(house, "user", "alice")
        role_id = await make_identity(house, "role", "app")
        session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/alice"
        for grantee in (arn_of("user", "alice"), arn_of("role", "app"), session_arn):
            await granted(house, key, grantee, "Decrypt", RetiringPrincipal=grantee)
        assert await may_decrypt(house, await user(house, user_id), blob)
        assert await may_decrypt(house, await session(house, role_id), blob)
        await remove_identity(house, user_id)
        await remove_identity(house, role_id)
        listed = {grant["GranteePrincipal"] for grant in (await house.kms("ListGrants", KeyId=key))["Grants"]}
        assert listed == {user_id, role_id, f"{role_id}:alice"}
        new_user = await user(house, await make_identity(house, "user", "alice"))
        new_session = await session(house, await make_identity(house, "role", "app"))
        for caller in (new_user, new_session):
            assert not await may_decrypt(house, caller, blob)
        listed = {grant["RetiringPrincipal"] for grant in (await house.kms("ListGrants", KeyId=key))["Grants"]}
        assert listed == {user_id, role_id, f"{role_id}:alice"}

    in_house(body)


def test_a_grant_ends_with_its_key_and_not_before(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        blob = await encrypted(house, key)
        alice = await user(house, await make_identity(house, "user", "alice"))
        grant = await granted(house, key, arn_of("user", "alice"), "Decrypt", RetiringPrincipal=ROOT)
        await house.kms("DisableKey", KeyId=key)
        with refused("DisabledException"):
            await house.kms("Decrypt", caller=alice, CiphertextBlob=blob)
        with refused("DisabledException"):
            await granted(house, key, arn_of("user", "alice"), "Decrypt")
        await house.kms("EnableKey", KeyId=key)
        assert await may_decrypt(house, alice, blob)
        await house.kms("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
        with refused("KMSInvalidStateException"):
            await granted(house, key, arn_of("user", "alice"), "Decrypt")
        assert len((await house.kms("ListGrants", KeyId=key))["Grants"]) == 1
        assert len((await house.kms("ListRetirableGrants", RetiringPrincipal=ROOT))["Grants"]) == 1
        house.clock.advance(timedelta(days=8))
        assert (await house.kms("ListRetirableGrants", RetiringPrincipal=ROOT))["Grants"] == []
        await house.run_periodic_work()
        with refused("NotFoundException"):
            await house.kms("RetireGrant", GrantToken=grant["GrantToken"])

    in_house(body)


def test_a_decision_made_by_a_grant_is_not_remembered(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house, document(statement("Allow", "kms:*", Principal={"AWS": ROOT})))
        alice = await user(house, await make_identity(house, "user", "alice"))
        grant = await granted(house, key, arn_of("user", "alice"), "GenerateDataKey")
        for _ in range(3):
            await house.kms("GenerateDataKey", caller=alice, KeyId=key, NumberOfBytes=8)
        await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
        with refused("AccessDeniedException"):
            await house.kms("GenerateDataKey", caller=alice, KeyId=key, NumberOfBytes=8)

    in_house(body)


def test_grants_through_a_real_client(kms: Any, key_id: str) -> None:
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    root = f"arn:aws:iam::{arn.split(':')[4]}:root"
    constraints = {"EncryptionContextSubset": {"team": "red"}}
    made = [
        kms.create_grant(
            KeyId=key_id,
            GranteePrincipal=root,
            RetiringPrincipal=root,
            Operations=["Decrypt", "DescribeKey"],
            Constraints=constraints,
            Name=f"grant-{number}",
        )
        for number in range(5)
    ]
    pages = kms.get_paginator("list_grants").paginate(KeyId=key_id, PaginationConfig={"PageSize": 2})
    listed = [grant for page in pages for grant in page["Grants"]]
    assert {grant["GrantId"] for grant in listed} == {grant["GrantId"] for grant in made}
    assert all(grant["Constraints"] == constraints and grant["KeyId"] == arn for grant in listed)
    kms.encrypt(KeyId=key_id, Plaintext=b"x", GrantTokens=[grant["GrantToken"] for grant in made])
    kms.retire_grant(GrantToken=made[0]["GrantToken"])
    kms.retire_grant(KeyId=arn, GrantId=made[1]["GrantId"])
    kms.revoke_grant(KeyId=arn, GrantId=made[2]["GrantId"])
    pages = kms.get_paginator("list_retirable_grants").paginate(RetiringPrincipal=root)
    retirable = {grant["GrantId"] for page in pages for grant in page["Grants"] if grant["KeyId"] == arn}
    assert retirable == {grant["GrantId"] for grant in made[3:]}
    with refused("InvalidArnException", f"ARN does not refer to a valid principal: {root[:-4]}user/nobody"):
        kms.create_grant(KeyId=key_id, GranteePrincipal=f"{root[:-4]}user/nobody", Operations=["Decrypt"])
