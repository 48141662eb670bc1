"""Constraints of grants: which requests fit, and which further grants a grant lets its grantee create."""

from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.granting import ROOT, arn_of, encrypted, granted, may_decrypt, new_key
from tests.services.kms.made_identities import (
    make_identity,
    user,
)
from tests.services.refusals import refused

from strongroom.base.context import Origin, new_request_id
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.perform import perform

OTHER = "444455556666"
CONTEXT = {"department": "IT", "purpose": "test"}


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
