"""Who may use a key: key policy and identity policies together, for every kind of caller.

The key policy is decisive: identity policies count only where it names the caller's account.
"""

from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import document, join, make_account, make_identity, session, statement, user
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller

pytestmark = pytest.mark.parametrize("in_house", ["sqlite"], indirect=True)  # Decisions touch no database.

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER = "444455556666"
OTHER_ROOT = f"arn:aws:iam::{OTHER}:root"
USE, NO_USE = statement("Allow", "kms:Encrypt"), statement("Deny", "kms:Encrypt")
USER = f"arn:aws:iam::{ACCOUNT}:user/"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
APP_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/alice"
MANAGE = statement("Allow", ["kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:CreateGrant"], Principal={"AWS": ROOT})


def to(*principals: str, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return statement(effect, "kms:Encrypt", Principal={"AWS": list(principals)}, **more)


async def everybody(house: OpenedHouse) -> dict[str, Caller]:
    """Make callers of every kind, and say what each one's own policies allow by its name."""
    await make_account(house, OTHER)
    group = await make_identity(house, "group", "writers", document(USE))
    ids = {
        "plain": await make_identity(house, "user", "plain"),
        "using": await make_identity(house, "user", "using", document(USE)),
        "member": await make_identity(house, "user", "member"),
        "denied": await make_identity(house, "user", "denied", document(USE, NO_USE)),
        "bounded": await make_identity(house, "user", "bounded", document(USE), boundary=document(MANAGE_ONLY)),
    }
    await join(house, group, ids["member"])
    callers = {name: await user(house, unique_id) for name, unique_id in ids.items()}
    plain_role = await make_identity(house, "role", "app")
    using_role = await make_identity(house, "role", "using-app", document(USE))
    guest = await make_identity(house, "user", "guest", account_id=OTHER)
    using_guest = await make_identity(house, "user", "using-guest", document(USE), account_id=OTHER)
    return callers | {
        "app": await session(house, plain_role),
        "using-app": await session(house, using_role),
        "using-app, less": await session(house, using_role, policies=(document(MANAGE_ONLY),)),
        "root": house.caller,
        "guest": await user(house, guest),
        "using-guest": await user(house, using_guest),
        "other root": Caller.root(OTHER, "AKIATESTGUESTKEY0001"),
    }


MANAGE_ONLY = statement("Allow", "kms:List*")


async def who_may(house: OpenedHouse, callers: dict[str, Caller], operation: str, **params: Any) -> set[str]:
    allowed = set()
    for name, caller in callers.items():
        try:
            await house.kms(operation, caller=caller, **params)
        except AwsError as error:
            assert error.code == "AccessDeniedException", error  # noqa: PT017 (others would be allowed)
        else:
            allowed.add(name)
    return allowed


WITH_IDENTITY_POLICIES = {"root", "using", "member", "using-app"}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([to(ROOT)], WITH_IDENTITY_POLICIES),
        ([to(ACCOUNT)], WITH_IDENTITY_POLICIES),
        # The key policy does not hand over to the account: identity policies and the root user count for nothing.
        ([], set()),
        ([to(USER + "plain")], {"plain"}),
        # A user named in the key policy needs nothing else, not even its boundary's consent; a deny still holds.
        ([to(USER + "plain", USER + "denied", USER + "bounded")], {"plain", "bounded"}),
        ([to(ROLE + "app")], {"app"}),
        # A role named in the key policy stands in for its identity policies; session policies limit it all the same.
        ([to(ROLE + "using-app")], {"using-app"}),
        ([to(APP_SESSION)], {"app"}),
        ([to(APP_SESSION.replace("alice", "bob"))], set()),
        # Another account is allowed by the key policy and by its own policies, both of them.
        ([to(OTHER_ROOT)], {"other root", "using-guest"}),
        ([to(f"arn:aws:iam::{OTHER}:user/guest")], set()),
        ([to(f"arn:aws:iam::{OTHER}:user/using-guest")], {"using-guest"}),
        (
            [to("*")],
            {"root", "plain", "using", "member", "bounded", "app", "using-app", "using-guest", "other root"}
            | {"using-app, less"},
        ),
        ([to("*", Condition={"StringEquals": {"kms:CallerAccount": OTHER}})], {"using-guest", "other root"}),
        ([to("*", Condition={"StringEquals": {"aws:PrincipalArn": ROLE + "app"}})], {"app"}),
        ([to(ROOT), to(USER + "using", effect="Deny")], WITH_IDENTITY_POLICIES - {"using"}),
        ([to(ROOT), to(ROLE + "using-app", effect="Deny")], WITH_IDENTITY_POLICIES - {"using-app"}),
        ([to(ROOT, "*"), to(ROOT, effect="Deny")], {"using-guest", "other root"}),
        ([to(ROOT), statement("Deny", "kms:Encrypt", NotPrincipal={"AWS": [ROOT, USER + "using"]})], {"root", "using"}),
        (
            [to(ROOT), statement("Deny", "kms:Encrypt", NotPrincipal={"AWS": [ROOT, ROLE + "using-app"]})],
            {"root"},
        ),
        ([to(ROOT, Resource="arn:aws:kms:us-east-1:111122223333:key/other")], set()),
        ([statement("Allow", "kms:Encrypt", Principal={"Service": "sqs.amazonaws.com"})], set()),
    ],
)
def test_key_policies_for_every_kind_of_caller(
    in_house: InHouse[None], statements: list[dict[str, Any]], allowed: set[str]
) -> None:
    async def body(house: OpenedHouse) -> None:
        callers = await everybody(house)
        created = await house.kms("CreateKey", Policy=document(MANAGE, *statements))
        for _ in range(2):
            seen = await who_may(house, callers, "Encrypt", KeyId=created["KeyMetadata"]["Arn"], Plaintext=b"x")
            assert seen == allowed

    in_house(body)


def test_a_service_is_allowed_by_the_key_policy_alone(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        by_service = statement("Allow", "kms:Encrypt", Principal={"Service": "sqs.amazonaws.com"})
        key = (await house.kms("CreateKey", Policy=document(MANAGE, by_service)))["KeyMetadata"]["Arn"]
        callers = {name: Caller.service(f"{name}.amazonaws.com", ACCOUNT) for name in ("sqs", "sns")}
        assert await who_may(house, callers, "Encrypt", KeyId=key, Plaintext=b"x") == {"sqs"}

    in_house(body)


def test_identity_policies_name_keys_by_arn_never_by_alias(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        metadata = (await house.kms("CreateKey"))["KeyMetadata"]
        key = metadata["Arn"]
        await house.kms("CreateAlias", AliasName="alias/front", TargetKeyId=key)
        alias = key.replace(f"key/{metadata['KeyId']}", "alias/front")
        callers = {}
        for name, resource in {
            "by-key": key,
            "by-alias": alias,
            "by-pattern": key[:-4] + "*",
            "other": key + "0",
        }.items():
            policy = document(statement("Allow", "kms:*", resource))
            callers[name] = await user(house, await make_identity(house, "user", name, policy))
        for identifier in (key, alias, "alias/front"):
            seen = await who_may(house, callers, "Encrypt", KeyId=identifier, Plaintext=b"x")
            assert seen == {"by-key", "by-pattern"}

    in_house(body)


@pytest.mark.parametrize("operation", ["CreateAlias", "UpdateAlias", "DeleteAlias"])
def test_aliases_need_permission_on_both_alias_and_key(in_house: InHouse[None], operation: str) -> None:
    async def body(house: OpenedHouse) -> None:
        first, second = [(await house.kms("CreateKey"))["KeyMetadata"]["Arn"] for _ in range(2)]
        alias = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/front"
        action = f"kms:{operation}"
        resources = {
            "alias": [alias],
            "key": [second],
            "current key": [alias, first],
            "new key": [alias, second],
            "all": [alias, first, second],
        }
        for name, listed in resources.items():
            if operation != "CreateAlias":
                await house.kms("CreateAlias", AliasName="alias/front", TargetKeyId=first)
            own = document(statement("Allow", action, listed))  # type: ignore[arg-type]
            caller = await user(house, await make_identity(house, "user", name.replace(" ", "-"), own))
            params = {"AliasName": "alias/front"} | ({} if operation == "DeleteAlias" else {"TargetKeyId": second})
            enough = {"CreateAlias": {"new key"}, "UpdateAlias": set(), "DeleteAlias": {"current key"}}[operation]
            if name in enough | {"all"}:
                await house.kms(operation, caller=caller, **params)
            else:
                with refused("AccessDeniedException"):
                    await house.kms(operation, caller=caller, **params)
            listed_now = [a["AliasName"] for a in (await house.kms("ListAliases"))["Aliases"] if "TargetKeyId" in a]
            if listed_now:
                await house.kms("DeleteAlias", AliasName="alias/front")

    in_house(body)


def test_attributes_of_key_and_caller_decide(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
        aliased = {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/open-*"}}
        by_team = document(USE | {"Condition": same})
        callers = {
            "red": await user(house, await make_identity(house, "user", "red", by_team, tags={"team": "red"})),
            "blue": await user(house, await make_identity(house, "user", "blue", by_team, tags={"team": "blue"})),
            "none": await user(house, await make_identity(house, "user", "none", by_team)),
            "by alias": await user(
                house, await make_identity(house, "user", "aliased", document(USE | {"Condition": aliased}))
            ),
        }
        role = await make_identity(house, "role", "team", by_team, tags={"team": "blue"})
        callers["red session"] = await session(house, role, tags={"team": "red"})
        callers["blue session"] = await session(house, role)
        key = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]

        async def seen() -> set[str]:
            return await who_may(house, callers, "Encrypt", KeyId=key, Plaintext=b"x")

        assert await seen() == set()
        await house.kms("TagResource", KeyId=key, Tags=[{"TagKey": "team", "TagValue": "red"}])
        assert await seen() == {"red", "red session"}
        await house.kms("TagResource", KeyId=key, Tags=[{"TagKey": "team", "TagValue": "blue"}])
        assert await seen() == {"blue", "blue session"}
        await house.kms("CreateAlias", AliasName="alias/open-key", TargetKeyId=key)
        assert await seen() == {"blue", "blue session", "by alias"}
        await house.kms("DeleteAlias", AliasName="alias/open-key")
        await house.kms("UntagResource", KeyId=key, TagKeys=["team"])
        assert await seen() == set()

    in_house(body)


def test_operations_about_no_key_need_identity_policies(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        listing = document(statement("Allow", ["kms:ListKeys", "kms:GenerateRandom"]))
        callers = {
            "listing": await user(house, await make_identity(house, "user", "listing", listing)),
            "plain": await user(house, await make_identity(house, "user", "plain")),
            "root": house.caller,
        }
        assert await who_may(house, callers, "ListKeys") == {"listing", "root"}
        assert await who_may(house, callers, "GenerateRandom", NumberOfBytes=1) == {"listing", "root"}
        assert await who_may(house, callers, "ListAliases") == {"root"}
        assert await who_may(house, callers, "CreateKey") == {"root"}

    in_house(body)


def test_a_tagged_key_takes_two_permissions(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        creating = statement("Allow", "kms:CreateKey")
        red = {"StringEquals": {"aws:RequestTag/team": "red"}}
        tagging = statement("Allow", "kms:TagResource", Condition=red)
        callers = {
            "creating": await user(house, await make_identity(house, "user", "creating", document(creating))),
            "both": await user(house, await make_identity(house, "user", "both", document(creating, tagging))),
        }
        assert await who_may(house, callers, "CreateKey") == {"creating", "both"}
        for team, allowed in (("red", {"both"}), ("blue", set())):
            tags = [{"TagKey": "team", "TagValue": team}]
            assert await who_may(house, callers, "CreateKey", Tags=tags) == allowed

    in_house(body)
