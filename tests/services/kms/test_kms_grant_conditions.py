"""KMS's condition keys in key policies and in identity policies: each allows, and each refuses."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import document, make_identity, statement, user
from tests.services.refusals import refused

from strongroom.operations.callers import Caller

pytestmark = pytest.mark.parametrize("in_house", ["sqlite"], indirect=True)  # Decisions touch no database.

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
MANAGING = ["kms:PutKeyPolicy", "kms:TagResource", "kms:CreateAlias"]
Condition = dict[str, dict[str, str | list[str]]]


def equals(name: str, *values: str, prefix: str = "") -> Condition:
    return {f"{prefix}StringEquals": {name: list(values)}}


GRANT: dict[str, Any] = {"GranteePrincipal": ALICE, "Operations": ["Decrypt"]}
TO_SERVICE: dict[str, Any] = {
    "GranteePrincipal": None,
    "GranteeServicePrincipal": "sqs.amazonaws.com",
    "RetiringServicePrincipal": "sqs.amazonaws.com",
    "Constraints": {"SourceArn": QUEUE},
}
SUBSET = {"Constraints": {"EncryptionContextSubset": {"team": "red"}}}
EXACT = {"Constraints": {"EncryptionContextEquals": {"team": "blue", "stage": "test"}}}

CREATE_GRANT: Sequence[tuple[Condition, Sequence[dict[str, Any]], Sequence[dict[str, Any]]]] = [
    (equals("kms:GranteePrincipal", ALICE), [{}], [{"GranteePrincipal": ROOT}, TO_SERVICE]),
    (equals("kms:GranteeServicePrincipal", "sqs.amazonaws.com"), [TO_SERVICE], [{}]),
    (equals("kms:RetiringPrincipal", ROOT), [{"RetiringPrincipal": ROOT}], [{}, {"RetiringPrincipal": ALICE}]),
    (equals("kms:RetiringServicePrincipal", "sqs.amazonaws.com"), [TO_SERVICE], [{}]),
    (
        equals("kms:GrantOperations", "Encrypt", "Decrypt", prefix="ForAllValues:"),
        [{}, {"Operations": ["Decrypt", "Encrypt"]}],
        [{"Operations": ["Decrypt", "DescribeKey"]}, {"Operations": ["DescribeKey"]}],
    ),
    (
        equals("kms:GrantOperations", "Encrypt", prefix="ForAnyValue:"),
        [{"Operations": ["Decrypt", "Encrypt"]}],
        [{}, {"Operations": ["DescribeKey"]}],
    ),
    (equals("kms:GrantConstraintType", "EncryptionContextSubset"), [SUBSET], [{}, EXACT, TO_SERVICE]),
    (equals("kms:GrantConstraintType", "EncryptionContextEquals"), [EXACT], [{}, SUBSET]),
    (equals("kms:GrantConstraintType", "SourceArn"), [TO_SERVICE], [{}, SUBSET]),
    ({"ArnLike": {"kms:GrantConstraintSourceArn": QUEUE[:-2] + "*"}}, [TO_SERVICE], [{}, SUBSET]),
    (equals("kms:EncryptionContext:Team", "red"), [SUBSET], [{}, EXACT]),
    (equals("kms:EncryptionContextKeys", "stage", prefix="ForAnyValue:"), [EXACT], [{}, SUBSET]),
]


@pytest.mark.parametrize("by_key_policy", [True, False])
@pytest.mark.parametrize(("condition", "allowed", "denied"), CREATE_GRANT)
def test_what_a_grant_is_decides_who_may_create_it(
    in_house: InHouse[None],
    condition: Condition,
    allowed: Sequence[dict[str, Any]],
    denied: Sequence[dict[str, Any]],
    by_key_policy: bool,
) -> None:
    async def body(house: OpenedHouse) -> None:
        limited = statement("Allow", "kms:CreateGrant", Condition=condition)
        own = [] if by_key_policy else [document(limited)]
        alice = await user(house, await make_identity(house, "user", "alice", *own))
        managing = statement("Allow", "kms:*" if not by_key_policy else MANAGING, Principal={"AWS": ROOT})
        of_key = [limited | {"Principal": {"AWS": ALICE}}] if by_key_policy else []
        key = (await house.kms("CreateKey", Policy=document(managing, *of_key)))["KeyMetadata"]["KeyId"]

        async def create(members: dict[str, Any]) -> None:
            request = {"KeyId": key} | GRANT | members
            sent = {name: value for name, value in request.items() if value is not None}
            await house.kms("CreateGrant", caller=alice, **sent)

        for members in allowed:
            await create(members)
        for members in denied:
            with refused("AccessDeniedException"):
                await create(members)

    in_house(body)


def test_grants_for_aws_resources(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        actions = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
        for_resource = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        alice_id = await make_identity(
            house, "user", "alice", document(statement("Allow", actions, Condition=for_resource))
        )
        alice = await user(house, alice_id)
        key = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        grant = await house.kms("CreateGrant", KeyId=key, **GRANT)
        for operation, members in (
            ("CreateGrant", GRANT),
            ("ListGrants", {}),
            ("RevokeGrant", {"GrantId": grant["GrantId"]}),
        ):
            with refused("AccessDeniedException"):
                await house.kms(operation, caller=alice, KeyId=key, **members)
            await house.call("kms", operation, caller=alice, via="sqs", KeyId=key, **members)

    in_house(body)


REQUESTS: Sequence[tuple[str, Condition, dict[str, Any], dict[str, Any] | None]] = [
    ("CreateKey", equals("kms:CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"), {}, {"KeySpec": "RSA_2048"}),
    ("CreateKey", equals("kms:KeySpec", "SYMMETRIC_DEFAULT"), {}, {"CustomerMasterKeySpec": "RSA_2048"}),
    ("CreateKey", equals("kms:CustomerMasterKeyUsage", "ENCRYPT_DECRYPT"), {}, {"KeyUsage": "SIGN_VERIFY"}),
    ("CreateKey", equals("kms:KeyUsage", "ENCRYPT_DECRYPT"), {}, {"KeyUsage": "SIGN_VERIFY"}),
    ("CreateKey", equals("kms:KeyOrigin", "AWS_KMS"), {}, {"Origin": "EXTERNAL"}),
    ("CreateKey", {"Bool": {"kms:MultiRegion": "false"}}, {}, {"MultiRegion": True}),
    (
        "CreateKey",
        {"Null": {"kms:BypassPolicyLockoutSafetyCheck": "true"}},
        {},
        {"BypassPolicyLockoutSafetyCheck": True},
    ),
    ("CreateKey", equals("kms:CallerAccount", ACCOUNT), {}, None),
    ("CreateKey", equals("kms:CallerAccount", "444455556666"), None, {}),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("operation", "condition", "allowed", "denied"), REQUESTS)
def test_members_of_requests_about_no_key(
    in_house: InHouse[None],
    operation: str,
    condition: Condition,
    allowed: dict[str, Any] | None,
    denied: dict[str, Any] | None,
) -> None:
    async def body(house: OpenedHouse) -> None:
        limited = document(statement("Allow", f"kms:{operation}", Condition=condition))
        alice = await user(house, await make_identity(house, "user", "alice", limited))
        if allowed is not None:
            await house.kms(operation, caller=alice, **allowed)
        if denied is not None:
            with refused("AccessDeniedException"):
                await house.kms(operation, caller=alice, **denied)

    in_house(body)


TAGGED = {"Tags": [{"TagKey": "Team", "TagValue": "red"}]}


@pytest.mark.parametrize("name", ["aws:RequestTag/team", "aws:ResourceTag/team"])
def test_the_tags_that_a_key_is_made_with(in_house: InHouse[None], name: str) -> None:
    async def body(house: OpenedHouse) -> None:
        making = statement("Allow", ["kms:CreateKey", "kms:TagResource"], Condition=equals(name, "red"))
        alice = await user(house, await make_identity(house, "user", "alice", document(making)))
        await house.kms("CreateKey", caller=alice, **TAGGED)
        with refused("AccessDeniedException"):
            await house.kms("CreateKey", caller=alice)
        with refused("AccessDeniedException"):
            await house.kms("CreateKey", caller=alice, Tags=[{"TagKey": "Team", "TagValue": "blue"}])

    in_house(body)


@pytest.mark.parametrize(
    ("operation", "members"), [("CreateKey", {}), ("ListKeys", {}), ("GenerateRandom", {"NumberOfBytes": 1})]
)
def test_what_is_about_no_key_may_come_through_a_service_too(
    in_house: InHouse[None], operation: str, members: dict[str, Any]
) -> None:
    async def body(house: OpenedHouse) -> None:
        through = equals("kms:ViaService", "s3.us-east-1.amazonaws.com")
        allowed = document(statement("Allow", f"kms:{operation}", Condition=through))
        alice = await user(house, await make_identity(house, "user", "alice", allowed))
        await house.call("kms", operation, caller=alice, via="s3", **members)
        for via in (None, "sqs"):
            with refused("AccessDeniedException"):
                await house.call("kms", operation, caller=alice, via=via, **members)

    in_house(body)


@pytest.mark.parametrize(
    ("condition", "is_allowed"),
    [
        (equals("kms:GrantConstraintType", "EncryptionContextSubset"), True),
        (equals("kms:GrantConstraintType", "EncryptionContextEquals"), False),
        (equals("kms:EncryptionContext:Team", "red"), True),
        (equals("kms:EncryptionContext:Team", "blue"), False),
        (equals("kms:EncryptionContextKeys", "team", prefix="ForAnyValue:"), True),
        ({"Null": {"kms:GrantConstraintType": "true"}}, False),
    ],
)
def test_what_a_grant_demands_decides_who_may_retire_it(
    in_house: InHouse[None], condition: Condition, is_allowed: bool
) -> None:
    async def body(house: OpenedHouse) -> None:
        retiring = document(statement("Allow", "kms:RetireGrant", Condition=condition))
        alice = await user(house, await make_identity(house, "user", "alice", retiring))
        key = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]
        grant = await house.kms("CreateGrant", KeyId=key, **GRANT, **SUBSET)
        request = {"caller": alice, "KeyId": key, "GrantId": grant["GrantId"]}
        if is_allowed:
            await house.kms("RetireGrant", **request)
        else:
            with refused("AccessDeniedException"):
                await house.kms("RetireGrant", **request)

    in_house(body)


@pytest.mark.parametrize("operation", ["DisableKey", "ScheduleKeyDeletion"])
def test_days_without_usage_protect_a_key(in_house: InHouse[None], operation: str) -> None:
    async def body(house: OpenedHouse) -> None:
        whole = statement("Allow", "kms:*", Principal={"AWS": ROOT})
        in_use = {"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "30"}}
        protected = statement("Deny", f"kms:{operation}", Principal="*", Condition=in_use)
        key = (await house.kms("CreateKey", Policy=document(whole, protected)))["KeyMetadata"]["KeyId"]

        async def is_refused() -> None:
            with refused("AccessDeniedException"):
                await house.kms(operation, KeyId=key)

        # A key that was never used counts from when it was made, one that was from its last usage.
        await is_refused()
        house.clock.advance(timedelta(days=20))
        await house.kms("Encrypt", KeyId=key, Plaintext=b"x")
        house.clock.advance(timedelta(days=29, hours=23))
        await is_refused()
        house.clock.advance(timedelta(hours=2))
        await house.kms(operation, KeyId=key)

    in_house(body)


def test_context_names_that_differ_in_case_only_satisfy_no_condition(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        whole = statement("Allow", "kms:*", Principal={"AWS": ROOT})
        unless = {"StringNotEquals": {"kms:EncryptionContext:team": "red"}}
        guarded = statement("Deny", "kms:Encrypt", Principal="*", Condition=unless)
        key = (await house.kms("CreateKey", Policy=document(whole, guarded)))["KeyMetadata"]["KeyId"]
        for context in ({"team": "red"}, {"TEAM": "red"}, {"team": "red", "Team": "red"}):
            await house.kms("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=context)
        for context in ({"team": "blue"}, {"team": "red", "Team": "blue"}):
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=context)

    in_house(body)


def test_a_service_that_acts_for_itself_is_of_no_account(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        whole = statement("Allow", "kms:*", Principal={"AWS": ROOT})
        ours = statement("Allow", "kms:Encrypt", Principal="*", Condition=equals("kms:CallerAccount", ACCOUNT))
        key = (await house.kms("CreateKey", Policy=document(whole, ours)))["KeyMetadata"]["KeyId"]
        alice = await user(house, await make_identity(house, "user", "alice"))
        await house.kms("Encrypt", caller=alice, KeyId=key, Plaintext=b"x")
        with refused("AccessDeniedException"):
            await house.kms("Encrypt", caller=Caller.service("sqs.amazonaws.com", ACCOUNT), KeyId=key, Plaintext=b"x")

    in_house(body)


def test_the_check_against_lockout_knows_the_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = (await house.kms("CreateKey", **TAGGED))["KeyMetadata"]["KeyId"]
        for value, is_accepted in (("red", True), ("blue", False)):
            tagged = equals("aws:ResourceTag/Team", value)
            policy = document(statement("Allow", "kms:*", Principal={"AWS": ROOT}, Condition=tagged))
            if is_accepted:
                await house.kms("PutKeyPolicy", KeyId=key, Policy=policy)
            else:
                with refused("MalformedPolicyDocumentException"):
                    await house.kms("PutKeyPolicy", KeyId=key, Policy=policy)

    in_house(body)


OF_KEYS: Sequence[tuple[str, Condition, Condition]] = [
    (name, equals(name, value), equals(name, other))
    for name, value, other in (
        ("kms:KeySpec", "SYMMETRIC_DEFAULT", "RSA_2048"),
        ("kms:CustomerMasterKeySpec", "SYMMETRIC_DEFAULT", "RSA_2048"),
        ("kms:KeyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
        ("kms:CustomerMasterKeyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
        ("kms:KeyOrigin", "AWS_KMS", "EXTERNAL"),
        ("kms:MultiRegion", "false", "true"),
        ("kms:CallerAccount", ACCOUNT, "444455556666"),
        ("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256"),
        ("kms:EncryptionContext:team", "red", "blue"),
        ("kms:RequestAlias", "alias/front", "alias/back"),
        ("kms:ViaService", "s3.us-east-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
        ("aws:ResourceTag/team", "red", "blue"),
    )
]


@pytest.mark.parametrize("by_key_policy", [True, False])
@pytest.mark.parametrize(("name", "right", "wrong"), OF_KEYS)
def test_what_a_key_and_its_use_are(
    in_house: InHouse[None], name: str, right: Condition, wrong: Condition, by_key_policy: bool
) -> None:
    async def body(house: OpenedHouse) -> None:
        managing = statement("Allow", "kms:*" if not by_key_policy else MANAGING, Principal={"AWS": ROOT})
        for number, (condition, is_allowed) in enumerate(((right, True), (wrong, False))):
            who = f"alice{number}"
            limited = statement("Allow", "kms:Encrypt", Condition=condition)
            own = [] if by_key_policy else [document(limited)]
            alice = await user(house, await make_identity(house, "user", who, *own))
            named = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{who}"}}
            policy = document(managing, *([limited | named] if by_key_policy else []))
            key = (await house.kms("CreateKey", Policy=policy))["KeyMetadata"]["KeyId"]
            await house.kms("TagResource", KeyId=key, Tags=[{"TagKey": "team", "TagValue": "red"}])
            if number == 0:
                await house.kms("CreateAlias", AliasName="alias/front", TargetKeyId=key)
            request = {
                "caller": alice,
                "via": "s3",
                "KeyId": "alias/front" if number == 0 else key,
                "Plaintext": b"x",
                "EncryptionContext": {"team": "red"},
            }
            if is_allowed:
                await house.call("kms", "Encrypt", **request)
            else:
                with refused("AccessDeniedException"):
                    await house.call("kms", "Encrypt", **request)

    in_house(body)


def test_keys_that_only_some_requests_have_are_absent_from_others(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        absent = [
            "kms:ViaService",
            "kms:RequestAlias",
            "kms:GranteePrincipal",
            "kms:GrantOperations",
            "kms:GrantIsForAWSResource",
            "kms:ReEncryptOnSameKey",
            "kms:MultiRegionKeyType",
            "kms:PrimaryRegion",
            "kms:RecipientAttestation:ImageSha384",
            "kms:EncryptionContextKeys",
            "kms:EncryptionContext:a",
        ]
        nulls = {"Null": dict.fromkeys(absent, "true")}
        alice_id = await make_identity(house, "user", "alice", document(statement("Allow", "kms:*", Condition=nulls)))
        alice = await user(house, alice_id)
        key = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.kms("Encrypt", caller=alice, KeyId=key, Plaintext=b"x")
        with refused("AccessDeniedException"):
            await house.kms("Encrypt", caller=alice, KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})

    in_house(body)
