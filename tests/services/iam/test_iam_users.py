"""IAM users, in a house without a server, on both databases."""

import asyncio
import json

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.identities.identifiers import USER
from strongroom.services.iam import lifecycle

ARN = f"arn:aws:iam::{ACCOUNT}:user"


def test_a_user_lives_and_dies(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        tags = [{"Key": "k", "Value": "v"}]
        created = await opened.call("iam", "CreateUser", UserName="Ann", Path="/eu/", Tags=tags)
        user = created["User"]
        assert user["Arn"] == f"{ARN}/eu/Ann"
        assert user["UserId"].startswith("AIDA")
        assert user["Tags"] == tags
        assert (await opened.call("iam", "GetUser", UserName="Ann"))["User"] == user
        await opened.call("iam", "DeleteUser", UserName="Ann")
        for operation in ("GetUser", "DeleteUser", "UpdateUser", "CreateAccessKey"):
            with refused("NoSuchEntity", "The user with name Ann cannot be found."):
                await opened.call("iam", operation, UserName="Ann")
        again = (await opened.call("iam", "CreateUser", UserName="Ann"))["User"]
        assert again["UserId"] != user["UserId"]
        assert "Tags" not in again

    in_house(body)


def test_names_are_unique_in_any_case_and_found_as_written(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", UserName="Ann")
        with refused("EntityAlreadyExists", "User with name ANN already exists."):
            await opened.call("iam", "CreateUser", UserName="ANN")
        with refused("NoSuchEntity"):
            await opened.call("iam", "GetUser", UserName="ann")
        await opened.call("iam", "CreateUser", UserName="bob")
        with refused("EntityAlreadyExists", "User with name ann already exists."):
            await opened.call("iam", "UpdateUser", UserName="bob", NewUserName="ann")
        await opened.call("iam", "UpdateUser", UserName="Ann", NewUserName="aNN")
        assert (await opened.call("iam", "GetUser", UserName="aNN"))["User"]["Arn"] == f"{ARN}/aNN"

    in_house(body)


def test_a_renamed_user_keeps_what_hangs_on_it(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened, "ann")
        await opened.call(
            "iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=policy(allow("iam:GetUser"))
        )
        before = (await ann.call("iam", "GetUser"))["User"]
        await opened.call("iam", "UpdateUser", UserName="ann", NewUserName="eve", NewPath="/moved/")
        after = (await ann.call("iam", "GetUser"))["User"]
        assert after["UserId"] == before["UserId"]
        assert (after["UserName"], after["Arn"]) == ("eve", f"{ARN}/moved/eve")
        with refused("NoSuchEntity"):
            await opened.call("iam", "GetUser", UserName="ann")

    in_house(body)


def test_renaming_takes_permission_for_both_names(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened, "ann")
        await opened.call("iam", "CreateUser", UserName="bob")
        document = policy(allow("iam:UpdateUser", resource=[f"{ARN}/bob", f"{ARN}/b/*"]))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        with refused("AccessDenied"):
            await ann.call("iam", "UpdateUser", UserName="bob", NewUserName="rob")
        await ann.call("iam", "UpdateUser", UserName="bob", NewPath="/b/", NewUserName="rob")
        with refused("AccessDenied"):
            await ann.call("iam", "UpdateUser", UserName="rob", NewPath="/")

    in_house(body)


def test_a_user_with_something_on_it_stays(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        name = {"UserName": "ann"}
        await opened.call("iam", "CreateUser", **name)
        key_id = (await opened.call("iam", "CreateAccessKey", **name))["AccessKey"]["AccessKeyId"]
        await opened.call("iam", "CreateGroup", GroupName="g")
        await opened.call("iam", "AddUserToGroup", GroupName="g", **name)
        await opened.call("iam", "PutUserPolicy", PolicyName="p", PolicyDocument=policy(allow("s3:*")), **name)
        arn = (await opened.call("iam", "CreatePolicy", PolicyName="m", PolicyDocument=policy(allow("s3:*"))))["Policy"]
        await opened.call("iam", "AttachUserPolicy", PolicyArn=arn["Arn"], **name)
        steps = [
            ("must remove users from group first.", "RemoveUserFromGroup", {"GroupName": "g"}),
            ("must delete access keys first.", "DeleteAccessKey", {"AccessKeyId": key_id}),
            ("must detach all policies first.", "DetachUserPolicy", {"PolicyArn": arn["Arn"]}),
            ("must delete policies first.", "DeleteUserPolicy", {"PolicyName": "p"}),
        ]
        for complaint, operation, params in steps:
            with refused("DeleteConflict", f"Cannot delete entity, {complaint}"):
                await opened.call("iam", "DeleteUser", **name)
            await opened.call("iam", operation, **params, **name)
        await opened.call("iam", "DeleteUser", **name)

    in_house(body)


def test_users_are_listed_page_by_page_below_a_path(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        for count in range(5):
            await opened.call("iam", "CreateUser", UserName=f"u{count}", Path="/a/" if count < 4 else "/A/")
        names: list[str] = []
        marker: dict[str, str] = {}
        pages = 0
        while True:
            page = await opened.call("iam", "ListUsers", PathPrefix="/a", MaxItems=2, **marker)
            names += [user["UserName"] for user in page["Users"]]
            pages += 1
            if not page["IsTruncated"]:
                assert "Marker" not in page
                break
            marker = {"Marker": page["Marker"]}
        assert (names, pages) == (["u0", "u1", "u2", "u3"], 2)
        assert len((await opened.call("iam", "ListUsers"))["Users"]) == 5
        for bad in ("zzz", marker["Marker"][:-4], "AAAA"):
            with refused("ValidationError", "Invalid Marker."):
                await opened.call("iam", "ListUsers", Marker=bad)
        with refused("ValidationError", "Invalid Marker."):
            await opened.call("iam", "ListGroups", Marker=marker["Marker"])

    in_house(body)


def test_who_names_nobody_means_itself(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        root = (await opened.call("iam", "GetUser"))["User"]
        assert (root["Arn"], root["UserId"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
        ann = await acting_user(opened, "ann")
        with pytest.raises(AwsError, match=f"not authorized to perform: iam:GetUser on resource: {ARN}/ann because"):
            await ann.call("iam", "GetUser")

    in_house(body)


def test_a_quota_holds_against_a_race(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lifecycle.PER_ACCOUNT_MAX, USER, 3)

    async def body(opened: OpenedHouse) -> None:
        made = await asyncio.gather(
            *(opened.call("iam", "CreateUser", UserName=f"u{count}") for count in range(8)), return_exceptions=True
        )
        refusals = {str(answer) for answer in made if isinstance(answer, BaseException)}
        assert refusals == {"LimitExceeded: Cannot exceed quota for UsersPerAccount: 3"}
        assert len((await opened.call("iam", "ListUsers"))["Users"]) == 3

    in_house(body)


def test_a_user_made_with_a_boundary_stays_within_it(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        made = await opened.call("iam", "CreatePolicy", PolicyName="limit", PolicyDocument=policy(allow("kms:*")))
        limit = made["Policy"]["Arn"]
        ann = await acting_user(opened, "ann")
        creating = allow("iam:CreateUser", Condition={"StringEquals": {"iam:PermissionsBoundary": limit}})
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=policy(creating))
        with refused("AccessDenied"):
            await ann.call("iam", "CreateUser", UserName="bob")
        bob = (await ann.call("iam", "CreateUser", UserName="bob", PermissionsBoundary=limit))["User"]
        assert bob["PermissionsBoundary"]["PermissionsBoundaryArn"] == limit
        absent = limit + "-absent"
        with refused("NoSuchEntity", f"Scope ARN: {absent} does not exist or is not attachable."):
            await opened.call("iam", "CreateUser", UserName="eve", PermissionsBoundary=absent)
        with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
            await opened.call("iam", "CreateUser", UserName="eve", PermissionsBoundary="x" * 20)

    in_house(body)


def test_a_change_is_recorded_with_its_answer(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", UserName="ann")
        now = opened.clock.now()
        records = await opened.house.audit.records(now - 60, now + 1)
        (record,) = [each for each in records if each.operation == "CreateUser"]
        assert record.event_source == "iam.amazonaws.com"
        assert record.answer["User"]["UserName"] == "ann"
        assert "ann" in json.dumps(record.request)

    in_house(body)
