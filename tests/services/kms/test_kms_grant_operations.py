"""The operations on grants: what they accept and refuse, what they list, who may call them, what they record."""

import asyncio
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.operations.quotas.setting import with_quota
from tests.services.kms.made_identities import document, make_account, make_identity, session, statement, user
from tests.services.refusals import refused

from strongroom.operations.callers import Caller
from strongroom.services.kms.quotas import GRANTS_PER_KEY_QUOTA

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER = "444455556666"
OTHER_ROOT = f"arn:aws:iam::{OTHER}:root"
GUEST = Caller.root(OTHER, "AKIATESTGUESTKEY0001")
WOULD = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def arn_of(kind: str, name: str, account_id: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account_id}:{kind}/{name}"


async def new_key(house: OpenedHouse, *more: dict[str, Any]) -> str:
    everything = statement("Allow", "kms:*", Principal={"AWS": ROOT})
    created = await house.kms("CreateKey", Policy=document(everything, *more))
    arn: str = created["KeyMetadata"]["Arn"]
    return arn


async def granted(house: OpenedHouse, key: str, grantee: str = ROOT, *operations: str, **more: Any) -> dict[str, str]:
    named = list(operations) or ["Decrypt"]
    return await house.kms("CreateGrant", KeyId=key, GranteePrincipal=grantee, Operations=named, **more)


async def ids_of_grants(house: OpenedHouse, key: str, **more: Any) -> list[str]:
    return [grant["GrantId"] for grant in (await house.kms("ListGrants", KeyId=key, **more))["Grants"]]


def test_what_is_listed(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        await make_identity(house, "user", "alice")
        alice = arn_of("user", "alice")
        context = {"EncryptionContextSubset": {"a": "1"}}
        grant = await granted(
            house,
            key,
            alice,
            "Encrypt",
            "Decrypt",
            "Encrypt",
            RetiringPrincipal=ROOT,
            Name="first",
            Constraints=context,
        )
        (entry,) = (await house.kms("ListGrants", KeyId=key))["Grants"]
        assert abs(entry.pop("CreationDate").timestamp() - house.clock.now()) < 60
        assert entry == {
            "KeyId": key,
            "GrantId": grant["GrantId"],
            "Name": "first",
            "GranteePrincipal": alice,
            "RetiringPrincipal": ROOT,
            "IssuingAccount": ROOT,
            "Operations": ["Encrypt", "Decrypt"],
            "Constraints": context,
        }
        (retirable,) = (await house.kms("ListRetirableGrants", RetiringPrincipal=ROOT))["Grants"]
        assert {name: value for name, value in retirable.items() if name != "CreationDate"} == entry
        plain = await granted(house, key)
        (entry,) = (await house.kms("ListGrants", KeyId=key, GrantId=plain["GrantId"]))["Grants"]
        assert (entry["Name"], entry.get("Constraints"), entry.get("RetiringPrincipal")) == ("", None, None)

    in_house(body)


def test_pages_and_filters(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        keys = sorted([await new_key(house), await new_key(house)])
        await make_identity(house, "user", "alice")
        alice = arn_of("user", "alice")
        made: dict[str, set[str]] = {key: set() for key in keys}
        for number in range(14):
            key, grantee = keys[number % 2], alice if number % 3 else ROOT
            made[key].add((await granted(house, key, grantee, RetiringPrincipal=alice))["GrantId"])
        for operation, params, expected in (
            ("ListGrants", {"KeyId": keys[0]}, made[keys[0]]),
            ("ListRetirableGrants", {"RetiringPrincipal": alice}, made[keys[0]] | made[keys[1]]),
        ):
            seen: list[str] = []
            marker: dict[str, str] = {}
            while True:
                page = await house.kms(operation, **params, **marker, Limit=3)
                seen += [grant["GrantId"] for grant in page["Grants"]]
                assert len(page["Grants"]) <= 3
                if not page["Truncated"]:
                    break
                marker = {"Marker": page["NextMarker"]}
            assert len(seen) == len(set(seen))
            assert set(seen) == expected
        one = next(iter(made[keys[0]]))
        assert await ids_of_grants(house, keys[0], GrantId=one) == [one]
        assert await ids_of_grants(house, keys[1], GrantId=one) == []
        assert set(await ids_of_grants(house, keys[0], GranteePrincipal=alice)) < made[keys[0]]
        both = await ids_of_grants(house, keys[0], GranteePrincipal=alice)
        assert set(both + await ids_of_grants(house, keys[0], GranteePrincipal=ROOT)) == made[keys[0]]
        with refused("ValidationException"):
            await house.kms("ListGrants", KeyId=keys[0], Limit=101)
        with refused("InvalidGrantIdException"):
            await house.kms("ListGrants", KeyId=keys[0], GrantId="no-grant")
        with refused("InvalidMarkerException"):
            await house.kms("ListRetirableGrants", RetiringPrincipal=alice, Marker="x")
        with refused("InvalidArnException"):
            await house.kms("ListRetirableGrants", RetiringPrincipal=arn_of("user", "nobody"))

    in_house(body)


def test_a_name_makes_a_request_repeatable(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        first = await granted(house, key, ROOT, "Encrypt", "Decrypt", Name="once")
        again = await granted(house, key, ROOT, "Decrypt", "Encrypt", Name="once")
        assert again["GrantId"] == first["GrantId"]
        assert again["GrantToken"] != first["GrantToken"]
        others = [
            await granted(house, key, ROOT, "Encrypt", Name="once"),
            await granted(house, key, ROOT, "Encrypt", "Decrypt", Name="twice"),
            await granted(house, key, ROOT, "Encrypt", "Decrypt"),
            await granted(house, key, ROOT, "Encrypt", "Decrypt"),
            await granted(house, await new_key(house), ROOT, "Encrypt", "Decrypt", Name="once"),
        ]
        assert len({first["GrantId"], *(each["GrantId"] for each in others)}) == 6
        assert len(await ids_of_grants(house, key)) == 5
        await house.kms("RetireGrant", GrantToken=again["GrantToken"])
        anew = await granted(house, key, ROOT, "Encrypt", "Decrypt", Name="once")
        assert anew["GrantId"] != first["GrantId"]

    in_house(body)


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("ValidationException", {"Operations": []}),
        ("ValidationException", {"Operations": ["CreateGrant"]}),
        ("ValidationException", {"Operations": ["Decrypt", "Sign"]}),
        ("ValidationException", {"Operations": ["GenerateMac"]}),
        ("ValidationException", {"Operations": ["GetPublicKey"]}),
        ("ValidationException", {"GranteePrincipal": None}),
        ("ValidationException", {"GranteeServicePrincipal": "sqs.amazonaws.com"}),
        ("ValidationException", {"RetiringPrincipal": ROOT, "RetiringServicePrincipal": "sqs.amazonaws.com"}),
        ("ValidationException", {"Constraints": {"EncryptionContextEquals": {str(n): "x" for n in range(9)}}}),
        ("ValidationException", {"Constraints": {"EncryptionContextSubset": {"a": "x" * 385}}}),
        ("InvalidArnException", {"GranteePrincipal": arn_of("user", "nobody")}),
        ("InvalidArnException", {"GranteePrincipal": arn_of("role", "nobody")}),
        ("InvalidArnException", {"GranteePrincipal": arn_of("group", "all")}),
        ("InvalidArnException", {"GranteePrincipal": arn_of("user", "nobody", "999999999999")}),
        ("InvalidArnException", {"GranteePrincipal": f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/x1"}),
        ("InvalidArnException", {"GranteePrincipal": f"arn:aws:sts::{ACCOUNT}:federated-user/a/b"}),
        ("InvalidArnException", {"GranteePrincipal": "arn:aws-cn:iam::111122223333:root"}),
        ("InvalidArnException", {"GranteePrincipal": "sqs.amazonaws.com"}),
        ("InvalidArnException", {"RetiringPrincipal": arn_of("user", "nobody")}),
        ("NotFoundException", {"KeyId": "alias/some"}),
        ("InvalidGrantTokenException", {"GrantTokens": ["AAAA"]}),
    ],
)
@pytest.mark.parametrize("in_house", ["sqlite"], indirect=True)
def test_what_is_no_grant(in_house: InHouse[None], code: str, members: dict[str, Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        request = {"KeyId": key, "GranteePrincipal": ROOT, "Operations": ["Decrypt"]} | members
        with refused(code):
            await house.kms("CreateGrant", **{name: value for name, value in request.items() if value is not None})
        assert await ids_of_grants(house, key) == []

    in_house(body)


def test_the_longest_constraint(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        constraint = {str(number): "x" * 384 for number in range(8)}
        await granted(house, key, Constraints={"EncryptionContextEquals": constraint})
        (listed,) = (await house.kms("ListGrants", KeyId=key))["Grants"]
        assert listed["Constraints"] == {"EncryptionContextEquals": constraint}

    in_house(body)


def test_a_key_has_so_many_grants_and_no_more(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        await with_quota(house, GRANTS_PER_KEY_QUOTA, 3)
        made = [await granted(house, key) for _ in range(3)]
        with refused("LimitExceededException"):
            await granted(house, key)
        await house.kms("RevokeGrant", KeyId=key, GrantId=made[0]["GrantId"])
        await granted(house, key)
        with refused("LimitExceededException"):
            await granted(house, key)
        assert len(await ids_of_grants(house, key)) == 3

    in_house(body)


def test_the_same_named_request_many_times_at_once(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        made = await asyncio.gather(*(granted(house, key, Name="once") for _ in range(12)))
        assert len({each["GrantId"] for each in made}) == 1
        others = await asyncio.gather(*(granted(house, key) for _ in range(12)))
        assert len(await ids_of_grants(house, key)) == 13
        ending = [house.kms("RetireGrant", GrantToken=each["GrantToken"]) for each in (*made, *others)]
        ended = await asyncio.gather(*ending, return_exceptions=True)
        assert sum(answer == {} for answer in ended) == 13
        assert await ids_of_grants(house, key) == []

    in_house(body)


def test_tokens(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key, other_key = await new_key(house), await new_key(house)
        grant = await granted(house, other_key)
        good = grant["GrantToken"]
        blob = (await house.kms("Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=[good]))["CiphertextBlob"]
        flipped = ("A" if good[30] != "A" else "B").join((good[:30], good[31:]))
        sealed_for_else = house.house.sealer.seal(b"us-east-1\na\nb", "elsewhere").hex()
        for bad in (flipped, good[:-4], "x", "é", sealed_for_else):
            for operation, members in (
                ("Encrypt", {"KeyId": key, "Plaintext": b"x"}),
                ("Decrypt", {"CiphertextBlob": blob}),
                ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key}),
                ("GenerateDataKey", {"KeyId": key, "NumberOfBytes": 8}),
                ("GenerateDataKeyWithoutPlaintext", {"KeyId": key}),
                ("DescribeKey", {"KeyId": key}),
                ("CreateGrant", {"KeyId": key, "GranteePrincipal": ROOT, "Operations": ["Decrypt"]}),
            ):
                with refused("InvalidGrantTokenException"):
                    await house.kms(operation, GrantTokens=[good, bad], **members)
            with refused("InvalidGrantTokenException"):
                await house.kms("RetireGrant", GrantToken=bad)
        with refused("InvalidGrantTokenException"):
            await house.call("kms", "RetireGrant", region="eu-west-1", GrantToken=good)
        await house.kms("RetireGrant", GrantToken=good)
        await house.kms("Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=[good])
        with refused("NotFoundException", f"Grant ID {grant['GrantId']} not found"):
            await house.kms("RetireGrant", GrantToken=good)

    in_house(body)


def test_how_a_grant_to_retire_is_named(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        grant = await granted(house, key)
        for members in (
            {},
            {"KeyId": key},
            {"GrantId": grant["GrantId"]},
            {"GrantToken": grant["GrantToken"], "KeyId": key},
        ):
            with refused("ValidationException"):
                await house.kms("RetireGrant", **members)
        with refused("InvalidGrantIdException"):
            await house.kms("RetireGrant", KeyId=key, GrantId="x")
        with refused("NotFoundException"):
            await house.kms("RetireGrant", KeyId=key, GrantId="0" * 64)
        await house.kms("RetireGrant", KeyId=key, GrantId=grant["GrantId"])
        assert await ids_of_grants(house, key) == []

    in_house(body)


def test_who_may_retire(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        retiring = document(statement("Allow", "kms:RetireGrant"))
        not_retiring = document(statement("Deny", "kms:RetireGrant"))
        ids = {
            name: await make_identity(house, "user", name, *policies)
            for name, policies in {"grantee": (), "retirer": (), "helper": (retiring,), "nobody": ()}.items()
        }
        ids["denied"] = await make_identity(house, "user", "denied", not_retiring)
        ids["guest"] = await make_identity(house, "user", "guest", account_id=OTHER)
        ids["guest helper"] = await make_identity(house, "user", "guest-helper", retiring, account_id=OTHER)
        callers = {name: await user(house, unique_id) for name, unique_id in ids.items()}
        callers |= {"role": await session(house, await make_identity(house, "role", "app")), "guest root": GUEST}
        key = await new_key(house, statement("Allow", "kms:*", Principal={"AWS": arn_of("user", "nobody")}))
        always = {"helper"}
        for retiring_principal, operations, grantee, allowed in (
            (None, ["Decrypt"], "grantee", set()),
            (None, ["Decrypt", "RetireGrant"], "grantee", {"grantee"}),
            (arn_of("user", "retirer"), ["Decrypt"], "grantee", {"retirer"}),
            (arn_of("user", "denied"), ["Decrypt"], "grantee", set()),
            (arn_of("role", "app"), ["Decrypt", "RetireGrant"], "grantee", {"grantee", "role"}),
            (arn_of("user", "guest", OTHER), ["Decrypt"], "grantee", {"guest"}),
            (OTHER_ROOT, ["Decrypt"], "grantee", {"guest root", "guest helper"}),
        ):
            more = {} if retiring_principal is None else {"RetiringPrincipal": retiring_principal}
            for name, caller in callers.items():
                grant = await granted(house, key, arn_of("user", grantee), *operations, **more)
                request = {"caller": caller, "KeyId": key, "GrantId": grant["GrantId"]}
                if name in allowed | always:
                    with refused(*WOULD):
                        await house.kms("RetireGrant", DryRun=True, **request)
                    await house.kms("RetireGrant", **request)
                else:
                    for dry in (True, False):
                        with refused("AccessDeniedException"):
                            await house.kms("RetireGrant", DryRun=dry, **request)
        forbidding = statement("Deny", "kms:RetireGrant", Principal={"AWS": arn_of("user", "retirer")})
        everything = statement("Allow", "kms:*", Principal={"AWS": ROOT})
        await house.kms("PutKeyPolicy", KeyId=key, Policy=document(everything, forbidding))
        grant = await granted(house, key, ROOT, RetiringPrincipal=arn_of("user", "retirer"))
        with refused("AccessDeniedException"):
            await house.kms("RetireGrant", caller=callers["retirer"], GrantToken=grant["GrantToken"])

    in_house(body)


def test_dry_runs_change_nothing(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        with refused(*WOULD):
            await granted(house, key, DryRun=True)
        with refused("InvalidArnException"):
            await granted(house, key, arn_of("user", "nobody"), DryRun=True)
        assert await ids_of_grants(house, key) == []
        grant = await granted(house, key)
        with refused(*WOULD):
            await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"], DryRun=True)
        with refused(*WOULD):
            await house.kms("RetireGrant", GrantToken=grant["GrantToken"], DryRun=True)
        assert await ids_of_grants(house, key) == [grant["GrantId"]]

    in_house(body)


def test_grants_of_another_accounts_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        await make_identity(house, "user", "guest", account_id=OTHER)
        managing = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
        shared = await new_key(house, statement("Allow", managing, Principal={"AWS": OTHER_ROOT}))
        private = await new_key(house)
        grant = await granted(house, private)
        guest = arn_of("user", "guest", OTHER)
        for operation, members in (
            ("CreateGrant", {"GranteePrincipal": guest, "Operations": ["Decrypt"]}),
            ("ListGrants", {}),
            ("RevokeGrant", {"GrantId": grant["GrantId"]}),
            ("RetireGrant", {"GrantId": grant["GrantId"]}),
            ("RetireGrant", {"GrantId": "0" * 64}),
        ):
            with refused("AccessDeniedException"):
                await house.kms(operation, caller=GUEST, KeyId=private, **members)
        request = {"KeyId": shared, "GranteePrincipal": guest, "Operations": ["Decrypt"], "RetiringPrincipal": guest}
        theirs = await house.kms("CreateGrant", caller=GUEST, **request)
        (listed,) = (await house.kms("ListGrants", caller=GUEST, KeyId=shared))["Grants"]
        assert (listed["IssuingAccount"], listed["KeyId"]) == (OTHER_ROOT, shared)
        (listed,) = (await house.kms("ListRetirableGrants", caller=GUEST, RetiringPrincipal=guest))["Grants"]
        assert listed["GrantId"] == theirs["GrantId"]
        with refused("AccessDeniedException"):
            await house.kms("ListRetirableGrants", RetiringPrincipal=guest)
        await house.kms("RevokeGrant", caller=GUEST, KeyId=shared, GrantId=theirs["GrantId"])
        assert await ids_of_grants(house, shared) == []

    in_house(body)


def test_permission_to_list_what_one_may_retire(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        own = statement("Allow", "kms:ListRetirableGrants", arn_of("user", "alice"))
        alice = await user(house, await make_identity(house, "user", "alice", document(own)))
        bob = await user(house, await make_identity(house, "user", "bob"))
        for caller, about, allowed in (
            (alice, arn_of("user", "alice"), True),
            (alice, arn_of("user", "bob"), False),
            (bob, arn_of("user", "bob"), False),
        ):
            if allowed:
                await house.kms("ListRetirableGrants", caller=caller, RetiringPrincipal=about)
            else:
                with refused("AccessDeniedException"):
                    await house.kms("ListRetirableGrants", caller=caller, RetiringPrincipal=about)
        for members in ({}, {"RetiringPrincipal": ROOT, "RetiringServicePrincipal": "sqs.amazonaws.com"}):
            with refused("ValidationException"):
                await house.kms("ListRetirableGrants", **members)

    in_house(body)


def test_changes_are_recorded_without_the_token(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        began = house.clock.now() - 1
        grant = await granted(house, key, Constraints={"EncryptionContextEquals": {"a": "1"}})
        await house.kms("RevokeGrant", KeyId=key, GrantId=grant["GrantId"])
        records = await house.house.audit.records(began, house.clock.now() + 1)
        created, revoked = (record for record in records if record.operation.endswith("eGrant"))
        assert (created.operation, revoked.operation) == ("CreateGrant", "RevokeGrant")
        assert not created.reads_only
        assert not revoked.reads_only
        assert created.answer == {"GrantId": grant["GrantId"]}
        assert created.resources[0].arn == key
        assert grant["GrantToken"] not in repr(records)
        reason = created.reason
        assert reason is not None
        assert reason.outcome == "Allow"

    in_house(body)
