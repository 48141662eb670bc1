"""Grants: what they allow, to whom, and that it ends when they end."""

from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
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

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.perform import perform

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER = "444455556666"
CONTEXT = {"department": "IT", "purpose": "test"}


def arn_of(kind: str, name: str, account_id: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account_id}:{kind}/{name}"


def only_root() -> str:
    """A key policy that lets the root user do everything, and hands nothing over to identity policies."""
    own = {"ArnEquals": {"aws:PrincipalArn": ROOT}}
    return document(statement("Allow", "kms:*", Principal={"AWS": ROOT}, Condition=own))


async def new_key(house: OpenedHouse, policy: str | None = None) -> str:
    created = await house.kms("CreateKey", Policy=policy or only_root())
    arn: str = created["KeyMetadata"]["Arn"]
    return arn


async def granted(house: OpenedHouse, key: str, grantee: str, *operations: str, **more: Any) -> dict[str, str]:
    return await house.kms("CreateGrant", KeyId=key, GranteePrincipal=grantee, Operations=list(operations), **more)


async def encrypted(house: OpenedHouse, key: str, **context: str) -> bytes:
    blob: bytes = (await house.kms("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=context))["CiphertextBlob"]
    return blob


async def may_decrypt(house: OpenedHouse, caller: Caller, blob: bytes, **context: str) -> bool:
    try:
        await house.kms("Decrypt", caller=caller, CiphertextBlob=blob, EncryptionContext=context)
    except AwsError as error:
        if error.code != "AccessDeniedException":
            raise
        return False
    return True


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


def test_a_service_decrypts_for_its_resource_alone(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        blob = await encrypted(house, key)
        queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
        request: dict[str, Any] = {
            "KeyId": key,
            "GranteeServicePrincipal": "sqs.amazonaws.com",
            "RetiringServicePrincipal": "sqs.amazonaws.com",
            "Operations": ["Decrypt"],
            "Constraints": {"SourceArn": queue},
        }
        for missing in ("Constraints", "RetiringServicePrincipal"):
            with refused("ValidationException"):
                await house.kms("CreateGrant", **{name: value for name, value in request.items() if name != missing})
        grant = await house.kms("CreateGrant", **request)

        async def by(service: str, source: str | None, operation: str = "Decrypt", **params: Any) -> Any:
            now = house.clock.now()
            return await perform(
                house.house,
                "kms",
                operation,
                params or {"CiphertextBlob": blob},
                caller=Caller.service(service, ACCOUNT),
                origin=Origin(new_request_id(now), now, "", True, None),
                region="us-east-1",
                source=None if source is None else SourceResource(source, ACCOUNT),
            )

        for _ in range(2):
            assert (await by("sqs.amazonaws.com", queue))["Plaintext"] == b"x"
            for service, source in (
                ("sqs.amazonaws.com", None),
                ("sqs.amazonaws.com", queue + "2"),
                ("sns.amazonaws.com", queue),
            ):
                with refused("AccessDeniedException"):
                    await by(service, source)
        (listed,) = (await house.kms("ListGrants", KeyId=key))["Grants"]
        assert listed["GranteeServicePrincipal"] == listed["RetiringServicePrincipal"] == "sqs.amazonaws.com"
        assert "GranteePrincipal" not in listed
        with refused("ValidationException"):
            await house.kms("ListGrants", KeyId=key, GranteeServicePrincipal="sqs.amazonaws.com")
        with refused("ValidationException"):
            await house.kms("ListRetirableGrants", RetiringServicePrincipal="sqs.amazonaws.com")
        with refused("AccessDeniedException"):
            await by("sns.amazonaws.com", None, "RetireGrant", GrantToken=grant["GrantToken"])
        await by("sqs.amazonaws.com", None, "RetireGrant", GrantToken=grant["GrantToken"])
        with refused("AccessDeniedException"):
            await by("sqs.amazonaws.com", queue)

    in_house(body)


def test_encryption_context_constraints(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        contexts = (CONTEXT, {"department": "IT"}, {"Department": "IT", "purpose": "test"}, {}, {"department": "it"})
        blobs = [await encrypted(house, key, **context) for context in contexts]
        alice = await user(house, await make_identity(house, "user", "alice"))
        for constraints, allowed in (
            ({"EncryptionContextEquals": CONTEXT}, [True, False, False, False, False]),
            ({"EncryptionContextSubset": {"department": "IT"}}, [True, True, False, False, False]),
            ({"EncryptionContextSubset": {"purpose": "test"}}, [True, False, True, False, False]),
            ({"EncryptionContextEquals": {}}, [False, False, False, True, False]),
            ({"EncryptionContextSubset": {}}, [True] * 5),
            ({"SourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"}, [False] * 5),
        ):
            grant = await granted(
                house, key, arn_of("user", "alice"), "Decrypt", "DescribeKey", Constraints=constraints
            )
            for _ in range(2):
                seen = [await may_decrypt(house, alice, *[b], **c) for b, c in zip(blobs, contexts, strict=True)]
                assert seen == allowed, constraints
            if "SourceArn" not in constraints:
                await house.kms("DescribeKey", caller=alice, KeyId=key)
            else:
                with refused("AccessDeniedException"):
                    await house.kms("DescribeKey", caller=alice, KeyId=key)
            await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])

    in_house(body)


def test_each_side_of_re_encrypt_needs_its_own_grant(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        source, destination = await new_key(house), await new_key(house)
        blob = await encrypted(house, source, side="from")
        alice = await user(house, await make_identity(house, "user", "alice"))
        request = {
            "CiphertextBlob": blob,
            "SourceEncryptionContext": {"side": "from"},
            "DestinationKeyId": destination,
            "DestinationEncryptionContext": {"side": "to"},
        }
        for key, operation, side in ((source, "ReEncryptFrom", "from"), (destination, "ReEncryptTo", "to")):
            with refused("AccessDeniedException"):
                await house.kms("ReEncrypt", caller=alice, **request)
            constraints = {"EncryptionContextEquals": {"side": side}}
            await granted(house, key, arn_of("user", "alice"), operation, Constraints=constraints)
        await house.kms("ReEncrypt", caller=alice, **request)
        with refused("AccessDeniedException"):
            await house.kms("ReEncrypt", caller=alice, **request | {"DestinationEncryptionContext": {"side": "from"}})

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


def test_a_parent_grant_limits_its_children(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        alice = await user(house, await make_identity(house, "user", "alice"))
        bob = await user(house, await make_identity(house, "user", "bob"))
        blob = await encrypted(house, key, **CONTEXT)
        subset = {"EncryptionContextSubset": {"department": "IT"}}
        parent = await granted(
            house, key, arn_of("user", "alice"), "CreateGrant", "Decrypt", "Encrypt", Constraints=subset
        )

        async def child(*operations: str, **constraints: Any) -> dict[str, Any]:
            return await house.kms(
                "CreateGrant",
                caller=alice,
                KeyId=key,
                GranteePrincipal=arn_of("user", "bob"),
                Operations=list(operations),
                **({"Constraints": constraints} if constraints else {}),
            )

        for operations, constraints in (
            (("Decrypt",), {}),
            (("Decrypt", "DescribeKey"), subset),
            (("Decrypt",), {"EncryptionContextSubset": {"purpose": "test"}}),
            (("Decrypt",), {"EncryptionContextEquals": {"department": "HR"}}),
            (("Decrypt",), {"SourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"}),
        ):
            with refused("AccessDeniedException"):
                await child(*operations, **constraints)
        await child("Decrypt", EncryptionContextEquals=CONTEXT)
        await child("Encrypt", "CreateGrant", EncryptionContextSubset=CONTEXT)
        assert await may_decrypt(house, bob, blob, **CONTEXT)
        with refused("AccessDeniedException"):
            await house.kms(
                "CreateGrant",
                caller=bob,
                KeyId=key,
                GranteePrincipal=arn_of("user", "bob"),
                Operations=["Decrypt"],
                Constraints={"EncryptionContextEquals": CONTEXT},
            )
        await house.kms("RevokeGrant", KeyId=key, GrantId=parent["GrantId"])
        assert await may_decrypt(house, bob, blob, **CONTEXT)
        with refused("AccessDeniedException"):
            await child("Decrypt", EncryptionContextEquals=CONTEXT)

    in_house(body)


def test_an_exact_context_is_met_by_the_same_alone(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        alice = await user(house, await make_identity(house, "user", "alice"))
        exact = {"EncryptionContextEquals": CONTEXT}
        await granted(house, key, arn_of("user", "alice"), "CreateGrant", "Decrypt", Constraints=exact)
        request: dict[str, Any] = {"KeyId": key, "GranteePrincipal": ROOT, "Operations": ["Decrypt"]}
        await house.kms("CreateGrant", caller=alice, Constraints=exact, **request)
        for other in (
            {"EncryptionContextSubset": CONTEXT},
            {"EncryptionContextEquals": CONTEXT | {"more": "1"}},
            {"EncryptionContextEquals": {"department": "IT"}},
        ):
            with refused("AccessDeniedException"):
                await house.kms("CreateGrant", caller=alice, Constraints=other, **request)

    in_house(body)


@pytest.mark.parametrize("count", [300])
def test_the_fitting_one_of_many_is_found(in_house: InHouse[None], count: int) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        alice = await user(house, await make_identity(house, "user", "alice"))
        ids = []
        for number in range(count):
            context = {"account": ACCOUNT, "table": str(number)}
            constraints = {"EncryptionContextSubset": context}
            grant = await granted(house, key, arn_of("user", "alice"), "Decrypt", Constraints=constraints)
            ids.append(grant["GrantId"])
        for number in (0, count // 2, count - 1):
            context = {"account": ACCOUNT, "table": str(number)}
            blob = await encrypted(house, key, **context)
            assert await may_decrypt(house, alice, blob, **context)
            await house.kms("RevokeGrant", KeyId=key, GrantId=ids[number])
            assert not await may_decrypt(house, alice, blob, **context)

    in_house(body)
