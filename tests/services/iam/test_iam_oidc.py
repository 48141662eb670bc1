"""OpenID Connect identity providers, in a house without a server."""

from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com/realms/main"
THUMBPRINT = "990F4193972F2BECF12DDEDA5237F9C952F20D9E"


def test_a_provider_lives_and_dies(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        async def got() -> dict[str, Any]:
            return await opened.call("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)

        created = await opened.call(
            "iam",
            "CreateOpenIDConnectProvider",
            Url="https://id.example.com/realms/main",
            ClientIDList=["a", "b", "a"],
            ThumbprintList=[THUMBPRINT],
            Tags=[{"Key": "k", "Value": "v"}],
        )
        assert created == {"OpenIDConnectProviderArn": ARN, "Tags": [{"Key": "k", "Value": "v"}]}
        described = await got()
        assert described.pop("CreateDate").timestamp() > 0
        assert described == {
            "Url": "id.example.com/realms/main",
            "ClientIDList": ["a", "b"],
            "ThumbprintList": [THUMBPRINT.lower()],
            "Tags": [{"Key": "k", "Value": "v"}],
        }
        with refused("EntityAlreadyExists"):
            await opened.call("iam", "CreateOpenIDConnectProvider", Url="https://id.example.com/realms/main")
        listed = await opened.call("iam", "ListOpenIDConnectProviders")
        assert listed == {"OpenIDConnectProviderList": [{"Arn": ARN}]}
        named: dict[str, Any] = {"OpenIDConnectProviderArn": ARN}
        for _ in range(2):
            await opened.call("iam", "AddClientIDToOpenIDConnectProvider", **named, ClientID="c")
        assert (await got())["ClientIDList"] == ["a", "b", "c"]
        for _ in range(2):
            await opened.call("iam", "RemoveClientIDFromOpenIDConnectProvider", **named, ClientID="a")
        assert (await got())["ClientIDList"] == ["b", "c"]
        other = "0" * 40
        await opened.call("iam", "UpdateOpenIDConnectProviderThumbprint", **named, ThumbprintList=[other])
        assert (await got())["ThumbprintList"] == [other]
        for _ in range(2):
            await opened.call("iam", "DeleteOpenIDConnectProvider", **named)
        with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {ARN}"):
            await got()
        with refused("NoSuchEntity"):
            await opened.call("iam", "AddClientIDToOpenIDConnectProvider", **named, ClientID="c")
        assert (await opened.call("iam", "ListOpenIDConnectProviders"))["OpenIDConnectProviderList"] == []

    in_house(body)


def test_what_is_no_provider(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        urls = ["http://id.example.com", "id.example.com", "https://", "https://id.example.com?x=1"]
        urls += ["https://id.example.com#x", "https://user@id.example.com", "https://id example.com", "https:///x"]
        for url in urls:
            with refused("ValidationError", "Invalid Open ID Connect Provider URL"):
                await opened.call("iam", "CreateOpenIDConnectProvider", Url=url)
        fine = "https://id.example.com"
        for thumbprints in (["z" * 40], ["0" * 40] * 6):
            with refused("InvalidInput" if len(thumbprints) > 1 else "ValidationError"):
                await opened.call("iam", "CreateOpenIDConnectProvider", Url=fine, ThumbprintList=thumbprints)
        too_many = [f"client-{number}" for number in range(101)]
        with refused("LimitExceeded"):
            await opened.call("iam", "CreateOpenIDConnectProvider", Url=fine, ClientIDList=too_many)
        made = await opened.call("iam", "CreateOpenIDConnectProvider", Url=fine, ClientIDList=too_many[:100])
        with refused("LimitExceeded"):
            await opened.call("iam", "AddClientIDToOpenIDConnectProvider", **made, ClientID="one-more")
        with refused("ValidationError"):
            await opened.call(
                "iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:user/ann"
            )

    in_house(body)


def test_providers_are_guarded_by_their_arn(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        document = policy(allow("iam:CreateOpenIDConnectProvider", "iam:GetOpenIDConnectProvider", resource=ARN))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        await ann.call("iam", "CreateOpenIDConnectProvider", Url="https://id.example.com/realms/main")
        await ann.call("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)
        with refused("AccessDenied"):
            await ann.call("iam", "CreateOpenIDConnectProvider", Url="https://other.example.com")
        with refused("AccessDenied"):
            await ann.call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=ARN)

    in_house(body)
