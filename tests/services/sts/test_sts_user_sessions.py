"""GetSessionToken and GetFederationToken, and which of STS's operations their credentials may call."""

from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, allow, document, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

MFA_FAILED = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
MFA_ONLY = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


def seconds_left(house: OpenedHouse, answer: dict[str, Any]) -> int:
    return round(answer["Credentials"]["Expiration"].timestamp() - house.clock.wall())


def test_a_user_gets_a_session_of_its_own(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann", allow("kms:ListKeys"))
        caller = await made.caller(ann)
        answer = await house.call("sts", "GetSessionToken", caller=caller)
        assert seconds_left(house, answer) == pytest.approx(43_200, abs=3)
        session = await made.session(answer)
        told = await house.call("sts", "GetCallerIdentity", caller=session)
        assert told == {"UserId": ann.unique_id, "Account": ACCOUNT, "Arn": ann.arn}
        assert await house.call("kms", "ListKeys", caller=session)
        with refused("AccessDeniedException"):
            await house.call("kms", "ListAliases", caller=session)
        for operation, params in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "fed"})):
            with refused("AccessDenied", f"Cannot call {operation} with session credentials"):
                await house.call("sts", operation, caller=session, **params)
        with refused("AccessDenied"):
            await house.call("sts", "GetAccessKeyInfo", caller=session, AccessKeyId=ann.access_key_id)

    in_house(body)


def test_a_root_users_sessions_are_an_hour_at_most(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        answer = await house.call("sts", "GetSessionToken", DurationSeconds=129_600)
        assert seconds_left(house, answer) == pytest.approx(3_600, abs=3)
        session = await made.session(answer)
        assert await house.call("kms", "ListAliases", caller=session)
        told = await house.call("sts", "GetCallerIdentity", caller=session)
        assert told["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
        federated = await house.call("sts", "GetFederationToken", Name="fed", DurationSeconds=900)
        assert seconds_left(house, federated) == pytest.approx(900, abs=3)

    in_house(body)


def test_a_role_session_gets_no_further_session(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann"))
        role = await made.role("Role", allow("*"), trusts=[trust(ann.arn)])
        session = await made.session(
            await house.call("sts", "AssumeRole", caller=ann, RoleArn=role.arn, RoleSessionName="work")
        )
        for operation, params in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "fed"})):
            with refused("AccessDenied", f"Cannot call {operation} with session credentials"):
                await house.call("sts", operation, caller=session, **params)

    in_house(body)


def test_a_federated_user_has_what_user_and_session_policies_both_allow(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann", allow(["kms:List*", "sts:*"]), tags={"Team": "red", "Floor": "2"})
        policy = document(allow(["kms:ListKeys", "kms:CreateKey", "sts:*"]))
        answer = await house.call(
            "sts",
            "GetFederationToken",
            caller=await made.caller(ann),
            Name="fed",
            Policy=policy,
            Tags=[{"Key": "team", "Value": "blue"}],
        )
        arn = f"arn:aws:sts::{ACCOUNT}:federated-user/fed"
        assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:fed", "Arn": arn}
        assert answer["PackedPolicySize"] > 0
        session = await made.session(answer)
        assert session.tags == {"Floor": "2", "team": "blue"}
        told = await house.call("sts", "GetCallerIdentity", caller=session)
        assert told == {"UserId": f"{ACCOUNT}:fed", "Account": ACCOUNT, "Arn": arn}
        assert await house.call("kms", "ListKeys", caller=session)
        for operation in ("ListAliases", "CreateKey"):
            with refused("AccessDeniedException"):
                await house.call("kms", operation, caller=session)
        for operation, params in (
            ("GetSessionToken", {}),
            ("GetFederationToken", {"Name": "fed"}),
            ("GetAccessKeyInfo", {"AccessKeyId": ann.access_key_id}),
            ("DecodeAuthorizationMessage", {"EncodedMessage": "x"}),
        ):
            with refused("AccessDenied", f"Cannot call {operation} with session credentials"):
                await house.call("sts", operation, caller=session, **params)

    in_house(body)


def test_without_session_policies_a_federated_user_may_nothing(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        session = await made.session(await house.call("sts", "GetFederationToken", Name="fed"))
        with refused("AccessDeniedException"):
            await house.call("kms", "ListKeys", caller=session)

    in_house(body)


def test_federation_needs_permission(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        arn = f"arn:aws:sts::{ACCOUNT}:federated-user/fed*"
        ann = await made.caller(await made.user("ann", allow("sts:GetFederationToken", arn)))
        assert await house.call("sts", "GetFederationToken", caller=ann, Name="fed1")
        with refused("AccessDenied"):
            await house.call("sts", "GetFederationToken", caller=ann, Name="other")
        with refused("AccessDenied"):
            await house.call("sts", "GetFederationToken", caller=ann, Name="fed1", Tags=[{"Key": "a", "Value": "b"}])

    in_house(body)


def test_a_code_makes_a_session_with_a_second_factor(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann", allow("kms:ListKeys", **MFA_ONLY), allow("sts:GetAccessKeyInfo"))
        serial, seed = await made.mfa_device(ann.unique_id)
        caller = await made.caller(ann)
        plain = await made.session(await house.call("sts", "GetSessionToken", caller=caller))
        code = made.code(seed)
        answer = await house.call("sts", "GetSessionToken", caller=caller, SerialNumber=serial, TokenCode=code)
        proven = await made.session(answer)
        assert await house.call("kms", "ListKeys", caller=proven)
        assert await house.call("sts", "GetAccessKeyInfo", caller=proven, AccessKeyId=ann.access_key_id)
        for unproven in (caller, plain):
            with refused("AccessDeniedException"):
                await house.call("kms", "ListKeys", caller=unproven)
        with refused("AccessDenied", MFA_FAILED):
            await house.call("sts", "GetSessionToken", caller=caller, SerialNumber=serial, TokenCode=code)

    in_house(body)


def test_a_role_may_ask_for_a_second_factor(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann, bob = await made.user("ann"), await made.user("bob")
        serial, seed = await made.mfa_device(ann.unique_id)
        mfa_trust = trust([ann.arn, bob.arn], **MFA_ONLY)
        role = await made.role("Role", allow("kms:ListKeys"), allow("kms:ListAliases", **MFA_ONLY), trusts=[mfa_trust])
        params: dict[str, Any] = {"RoleArn": role.arn, "RoleSessionName": "work"}
        caller = await made.caller(ann)
        with refused("AccessDenied"):
            await house.call("sts", "AssumeRole", caller=caller, **params)
        wrong = f"{(int(made.code(seed)) + 1) % 1_000_000:06d}"
        for device in ({"SerialNumber": serial}, {"TokenCode": wrong}):
            with refused("AccessDenied"):
                await house.call("sts", "AssumeRole", caller=caller, **params, **device)
        with refused("AccessDenied", MFA_FAILED):
            await house.call("sts", "AssumeRole", caller=caller, **params, SerialNumber=serial, TokenCode=wrong)
        other = await made.caller(bob)
        with refused("AccessDenied", MFA_FAILED):
            code = made.code(seed)
            await house.call("sts", "AssumeRole", caller=other, **params, SerialNumber=serial, TokenCode=code)
        answer = await house.call(
            "sts", "AssumeRole", caller=caller, **params, SerialNumber=serial, TokenCode=made.code(seed)
        )
        session = await made.session(answer)
        assert await house.call("kms", "ListKeys", caller=session)
        # The second factor was asked for when the role was assumed; its session does not carry it on.
        with refused("AccessDeniedException"):
            await house.call("kms", "ListAliases", caller=session)

    in_house(body)


def test_codes_cannot_be_guessed(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann")
        serial, seed = await made.mfa_device(ann.unique_id)
        caller = await made.caller(ann)
        around = {made.code(seed, steps) for steps in range(-2, 4)}
        wrong = [code for code in (f"{n:06d}" for n in range(20)) if code not in around][:10]
        for code in wrong[:9]:
            with refused("AccessDenied", MFA_FAILED):
                await house.call("sts", "GetSessionToken", caller=caller, SerialNumber=serial, TokenCode=code)
        # A right one counts for nothing.
        code = made.code(seed)
        assert await house.call("sts", "GetSessionToken", caller=caller, SerialNumber=serial, TokenCode=code)
        with refused("AccessDenied", MFA_FAILED):
            await house.call("sts", "GetSessionToken", caller=caller, SerialNumber=serial, TokenCode=wrong[9])
        with refused("AccessDenied", MFA_FAILED):
            code = made.code(seed, 1)
            await house.call("sts", "GetSessionToken", caller=caller, SerialNumber=serial, TokenCode=code)
        # Without a code everything is as before, and others are not concerned.
        assert await house.call("sts", "GetSessionToken", caller=caller)
        bob = await made.user("bob")
        serial, seed = await made.mfa_device(bob.unique_id)
        assert await house.call(
            "sts",
            "GetSessionToken",
            caller=await made.caller(bob),
            SerialNumber=serial,
            TokenCode=made.code(seed),
        )

    in_house(body)
