"""Credentials that nobody has here: asking for them is answered, truthfully."""

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

from strongroom.base.errors import AwsError


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        ("ListSigningCertificates", "Certificates"),
        ("ListServiceSpecificCredentials", "ServiceSpecificCredentials"),
    ],
)
def test_a_user_has_none(in_house: InHouse[None], operation: str, member: str) -> None:
    async def body(house: OpenedHouse) -> None:
        await house.call("iam", "CreateUser", UserName="anna")
        assert (await house.call("iam", operation, UserName="anna"))[member] == []
        with pytest.raises(AwsError, match="The user with name nobody cannot be found"):
            await house.call("iam", operation, UserName="nobody")

    in_house(body)


def test_the_account_has_none(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        assert (await house.call("iam", "ListServerCertificates"))["ServerCertificateMetadataList"] == []
        assert (await house.call("iam", "ListSAMLProviders"))["SAMLProviderList"] == []

    in_house(body)


def test_a_user_has_no_password(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await house.call("iam", "CreateUser", UserName="anna")
        for operation in ("GetLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile"):
            with pytest.raises(AwsError, match="Login Profile for User anna cannot be found") as refusal:
                await house.call("iam", operation, UserName="anna")
            assert (refusal.value.code, refusal.value.status) == ("NoSuchEntity", 404)
            with refused("NoSuchEntity", "The user with name nobody cannot be found."):
                await house.call("iam", operation, UserName="nobody")
        with refused("NoSuchEntity", f"Login Profile for User {ACCOUNT} cannot be found."):
            await house.call("iam", "GetLoginProfile")
        with refused("UnsupportedOperationException"):
            await house.call("iam", "CreateLoginProfile", UserName="anna", Password="secret")

    in_house(body)


def test_nobody_changes_a_password(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        anna = await acting_user(house, "anna")
        passwords = {"OldPassword": "correct horse", "NewPassword": "battery staple"}
        with refused("AccessDenied"):
            await anna.call("iam", "ChangePassword", **passwords)
        own = policy(allow("iam:ChangePassword", resource="arn:aws:iam::*:user/${aws:username}"))
        await house.call("iam", "PutUserPolicy", UserName="anna", PolicyName="own", PolicyDocument=own)
        with refused("NoSuchEntity", "Login Profile for User anna cannot be found."):
            await anna.call("iam", "ChangePassword", **passwords)
        with refused("InvalidUserType"):
            await house.call("iam", "ChangePassword", **passwords)
        now = house.clock.now()
        recorded = repr(await house.house.audit.records(now - 60, now + 1))
        assert "ChangePassword" in recorded
        assert "horse" not in recorded
        assert "staple" not in recorded

    in_house(body)
