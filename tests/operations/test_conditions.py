"""Global condition keys: who has which, and what it says. Source: "AWS global condition context keys"."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.identities_made import Identities, allow, document, trust
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import make_account
from tests.services.refusals import refused

from strongroom.base.context import Origin
from strongroom.identities.accounts import create_account
from strongroom.identities.sessions import FEDERATED_SESSION, ROLE_SESSION, USER_SESSION, Session
from strongroom.operations.call import Call, SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.conditions import global_condition
from strongroom.operations.registry import find_operation
from strongroom.policy.context import ContextValue
from strongroom.policy.principal import Principal

OTHER = "444455556666"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com"
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/ann"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/team/Reader"
FEDERATED_ARN = f"arn:aws:sts::{ACCOUNT}:federated-user/fed"

Value = Callable[..., ContextValue]


async def callers(house: OpenedHouse) -> dict[str, Caller]:
    """Return a caller of every kind, all of the organization of the account."""
    made = Identities(house.house)
    ann = await made.user("ann", tags={"team": "red"})
    role = await made.role("Reader", path="/team/", trusts=[trust(ACCOUNT)])
    organization_id = (await house.house.principals.find(ann.access_key_id)).caller.organization_id  # type: ignore[union-attr]

    async def session(kind: str, issuer_id: str, name: str, **more: Any) -> Caller:
        times = {"issued_at": house.clock.wall() - 60, "expires_at": house.clock.wall() + 3600}
        held: dict[str, Any] = {"account_id": ACCOUNT, "access_key_id": "ASIATEST", "secret_access_key": "-"}
        given = Session(kind=kind, issuer_id=issuer_id, name=name, **held, **times, **more)
        caller = await house.house.principals.caller_of_session(given)
        assert caller is not None
        return caller

    return {
        "root": Caller.root(ACCOUNT, "AKIATESTROOTKEY00001", organization_id=organization_id),
        "user": await made.caller(ann),
        "user session": await session(USER_SESSION, ann.unique_id, "", mfa_authenticated=True),
        "role session": await session(ROLE_SESSION, role.unique_id, "work", source_identity="ann"),
        "web identity": await session(ROLE_SESSION, role.unique_id, "web", provider=PROVIDER),
        "federated user": await session(FEDERATED_SESSION, ann.unique_id, "fed"),
        "service": Caller.service("logs.amazonaws.com", ACCOUNT),
        "anonymous": Caller.anonymous(),
        "unknown to AWS": Caller(Principal.federated(PROVIDER), Caller.anonymous().identity),
    }


def in_call(house: OpenedHouse, caller: Caller, *, resource_account: str = ACCOUNT, **more: Any) -> Value:
    """Return what tells the value of a condition key in one call."""
    operation = find_operation("kms", "ListKeys")
    assert operation is not None
    now = house.clock.now()
    origin = Origin("", now, "192.0.2.7", True, user_agent="curl/8", referer="https://shop.example/")
    call = Call(house.house, operation, more.pop("params", {}), caller, origin, "us-east-1", **more)
    return lambda key: global_condition(call, resource_account, key.lower())


SIGNED = ("root", "user", "user session", "role session", "web identity", "federated user")
BY_CALLER: list[tuple[str, dict[str, ContextValue]]] = [
    (
        "aws:PrincipalArn",
        {
            "root": f"arn:aws:iam::{ACCOUNT}:root",
            "user": USER_ARN,
            "user session": USER_ARN,
            "role session": ROLE_ARN,
            "web identity": ROLE_ARN,
            "federated user": FEDERATED_ARN,
        },
    ),
    ("aws:PrincipalAccount", dict.fromkeys(SIGNED, ACCOUNT) | {"anonymous": "anonymous"}),
    (
        "aws:PrincipalType",
        {
            "root": "Account",
            "user": "User",
            "user session": "User",
            "role session": "AssumedRole",
            "web identity": "AssumedRole",
            "federated user": "FederatedUser",
            "anonymous": "Anonymous",
            "unknown to AWS": "Anonymous",
        },
    ),
    ("aws:PrincipalIsAWSService", dict.fromkeys(SIGNED, False) | {"service": True}),
    ("aws:PrincipalServiceName", {"service": "logs.amazonaws.com"}),
    ("aws:PrincipalServiceNamesList", {"service": "logs.amazonaws.com"}),
    ("aws:username", {"user": "ann", "user session": "ann"}),
    ("aws:SourceIdentity", {"role session": "ann"}),
    ("aws:FederatedProvider", {"web identity": PROVIDER}),
    ("aws:PrincipalTag/Team", {"user": "red", "user session": "red", "federated user": "red"}),
    ("aws:MultiFactorAuthPresent", {"user session": True, "role session": False}),
    ("aws:SourceIp", dict.fromkeys((*SIGNED, "anonymous", "unknown to AWS"), "192.0.2.7")),
]


@pytest.mark.parametrize(("key", "expected"), BY_CALLER)
def test_what_each_kind_of_caller_has(in_house: InHouse[None], key: str, expected: dict[str, ContextValue]) -> None:
    async def body(house: OpenedHouse) -> None:
        values = {name: in_call(house, caller)(key) for name, caller in (await callers(house)).items()}
        assert {name: value for name, value in values.items() if value is not None} == expected

    in_house(body)


def test_user_ids_and_times(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        known = await callers(house)
        ids = {name: in_call(house, caller)("aws:userid") for name, caller in known.items()}
        unique = known["user"].principal.unique_id
        assert ids["user"] == ids["user session"] == unique
        assert ids["root"] == ACCOUNT
        assert ids["role session"] == f"{known['role session'].principal.issuer_id}:work"
        assert ids["federated user"] == f"{ACCOUNT}:fed"
        assert ids["anonymous"] == "anonymous"
        issued = {name for name, caller in known.items() if in_call(house, caller)("aws:TokenIssueTime") is not None}
        assert issued == {"user session", "role session", "web identity", "federated user"}
        ages = {name: in_call(house, caller)("aws:MultiFactorAuthAge") for name, caller in known.items()}
        age = ages.pop("user session")
        assert isinstance(age, int)
        assert 60 <= age < 120
        assert set(ages.values()) == {None}

    in_house(body)


def test_organizations_of_the_caller_the_resource_and_the_source(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        ours = (await callers(house))["user"]
        organization_id = ours.organization_id
        assert organization_id is not None
        paths = [f"{organization_id}/r-root/"]
        value = in_call(house, ours)
        assert value("aws:PrincipalOrgID") == value("aws:ResourceOrgID") == organization_id
        assert value("aws:PrincipalOrgPaths") == value("aws:ResourceOrgPaths") == paths
        source = SourceResource(f"arn:aws:s3:::b-{OTHER}", OTHER, organization_id)
        value = in_call(house, Caller.service("s3.amazonaws.com", ACCOUNT), source=source)
        assert value("aws:SourceArn") == source.arn
        assert (value("aws:SourceAccount"), value("aws:SourceOrgID")) == (OTHER, organization_id)
        assert value("aws:SourceOrgPaths") == paths
        assert in_call(house, ours)("aws:SourceOrgPaths") is None
        assert in_call(house, Caller.anonymous())("aws:PrincipalOrgID") is None

    in_house(body)


def test_what_a_request_says_of_itself(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        tags = {"Tags": [{"TagKey": "Team", "TagValue": "red"}]}
        value = in_call(house, Caller.root(ACCOUNT, ""), params=tags)
        assert value("aws:RequestTag/team") == "red"
        assert value("aws:TagKeys") == ["Team"]
        assert value("aws:ResourceAccount") == ACCOUNT
        assert value("aws:RequestedRegion") == "us-east-1"
        assert value("aws:SecureTransport") is True
        assert value("aws:UserAgent") == "curl/8"
        assert value("aws:referer") == "https://shop.example/"
        assert value("aws:ViaAWSService") is False
        assert value("aws:CalledVia") is None
        assert value("aws:SourceVpc") is None

    in_house(body)


def test_what_a_service_does_on_somebody_s_behalf_keeps_that_one_s_address(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        value = in_call(house, Caller.root(ACCOUNT, ""), called_via=("cloudformation", "s3"))
        assert value("aws:SourceIp") == "192.0.2.7"
        assert value("aws:ViaAWSService") is True
        assert value("aws:CalledVia") == ["cloudformation.amazonaws.com", "s3.amazonaws.com"]
        assert value("aws:CalledViaFirst") == "cloudformation.amazonaws.com"
        assert value("aws:CalledViaLast") == "s3.amazonaws.com"

    in_house(body)


def test_a_policy_about_the_owner_s_organization(in_house: InHouse[None]) -> None:
    """A user may use only keys of its own organization: the key's account is looked up when the request needs it."""

    async def body(house: OpenedHouse) -> None:
        outside = "777788889999"
        await make_account(house, OTHER)
        made = Identities(house.house)
        same = {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
        ann = await made.caller(await made.user("ann", allow("kms:Encrypt", Condition=same)))
        inner = house.house
        await create_account(
            inner.store, inner.sealer, outside, "out", house.clock.now(), organization_id="", along=lambda _: None
        )
        policy = document(allow("kms:*", Principal={"AWS": "*"}))
        for account, is_allowed in ((OTHER, True), (outside, False)):
            root = Caller.root(account, "AKIATESTROOTKEY00002")
            key = (await house.kms("CreateKey", caller=root, Policy=policy))["KeyMetadata"]["Arn"]
            for _ in range(2):
                if is_allowed:
                    await house.kms("Encrypt", caller=ann, KeyId=key, Plaintext=b"x")
                else:
                    with refused("AccessDeniedException"):
                        await house.kms("Encrypt", caller=ann, KeyId=key, Plaintext=b"x")

    in_house(body)


def test_a_federated_user_is_not_the_user_behind_it(in_house: InHouse[None]) -> None:
    """Whoever is let in by `aws:PrincipalArn` is not let in for somebody whom he vouches for, nor the other way."""

    async def body(house: OpenedHouse) -> None:
        known = await callers(house)
        for arn, allowed, refused_one in (
            (USER_ARN, "user", "federated user"),
            (FEDERATED_ARN, "federated user", "user"),
        ):
            only = {"ArnEquals": {"aws:PrincipalArn": arn}}
            policy = document(
                allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
                allow("kms:Encrypt", Principal={"AWS": "*"}, Condition=only),
            )
            key = (await house.kms("CreateKey", Policy=policy))["KeyMetadata"]["KeyId"]
            await house.kms("Encrypt", caller=known[allowed], KeyId=key, Plaintext=b"x")
            with refused("AccessDeniedException"):
                await house.kms("Encrypt", caller=known[refused_one], KeyId=key, Plaintext=b"x")

    in_house(body)
