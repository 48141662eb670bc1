"""Credentials that nobody has here: asking for them is answered, truthfully."""

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse

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
        with pytest.raises(AwsError, match=f"The Password Policy with domain name {ACCOUNT} cannot be found"):
            await house.call("iam", "GetAccountPasswordPolicy")

    in_house(body)


def test_a_user_has_no_password(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await house.call("iam", "CreateUser", UserName="anna")
        with pytest.raises(AwsError, match="Login Profile for User anna cannot be found") as refusal:
            await house.call("iam", "GetLoginProfile", UserName="anna")
        assert (refusal.value.code, refusal.value.status) == ("NoSuchEntity", 404)
        with pytest.raises(AwsError, match="UnsupportedOperationException"):
            await house.call("iam", "CreateLoginProfile", UserName="anna", Password="secret")

    in_house(body)
