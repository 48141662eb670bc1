"""Groups and who is in them, on both databases."""

import asyncio

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused


def test_a_group_lives_and_dies(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        group = (await opened.call("iam", "CreateGroup", GroupName="Ops", Path="/eu/"))["Group"]
        assert group["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/eu/Ops"
        assert group["GroupId"].startswith("AGPA")
        with refused("EntityAlreadyExists", "Group with name ops already exists."):
            await opened.call("iam", "CreateGroup", GroupName="ops")
        await opened.call("iam", "UpdateGroup", GroupName="Ops", NewGroupName="Dev", NewPath="/")
        found = await opened.call("iam", "GetGroup", GroupName="Dev")
        assert found["Group"] == group | {
            "GroupName": "Dev",
            "Path": "/",
            "Arn": f"arn:aws:iam::{ACCOUNT}:group/Dev",
        }
        assert (found["Users"], found["IsTruncated"]) == ([], False)
        assert (await opened.call("iam", "ListGroups"))["Groups"] == [found["Group"]]
        await opened.call("iam", "DeleteGroup", GroupName="Dev")
        with refused("NoSuchEntity", "The group with name Dev cannot be found."):
            await opened.call("iam", "GetGroup", GroupName="Dev")

    in_house(body)


def test_a_group_gives_its_members_what_it_has_and_takes_it_back(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened, "ann")
        await opened.call("iam", "CreateGroup", GroupName="readers")
        document = policy(allow("iam:GetUser"))
        await opened.call("iam", "PutGroupPolicy", GroupName="readers", PolicyName="p", PolicyDocument=document)
        with refused("AccessDenied"):
            await ann.call("iam", "GetUser")
        member = {"GroupName": "readers", "UserName": "ann"}
        for _ in range(2):
            await opened.call("iam", "AddUserToGroup", **member)
        assert (await ann.call("iam", "GetUser"))["User"]["UserName"] == "ann"
        listed = (await opened.call("iam", "GetGroup", GroupName="readers"))["Users"]
        assert [user["UserName"] for user in listed] == ["ann"]
        of_ann = (await opened.call("iam", "ListGroupsForUser", UserName="ann"))["Groups"]
        assert [group["GroupName"] for group in of_ann] == ["readers"]
        with refused("DeleteConflict", "Cannot delete entity, must remove users from group first."):
            await opened.call("iam", "DeleteGroup", GroupName="readers")
        for _ in range(2):
            await opened.call("iam", "RemoveUserFromGroup", **member)
        with refused("AccessDenied"):
            await ann.call("iam", "GetUser")
        with refused("DeleteConflict", "Cannot delete entity, must delete policies first."):
            await opened.call("iam", "DeleteGroup", GroupName="readers")
        with refused("NoSuchEntity", "The user with name bob cannot be found."):
            await opened.call("iam", "AddUserToGroup", GroupName="readers", UserName="bob")

    in_house(body)


def test_a_user_is_in_ten_groups_at_most_also_in_a_race(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await opened.call("iam", "CreateUser", UserName="ann")
        names = [f"g{count:02}" for count in range(13)]
        for name in names:
            await opened.call("iam", "CreateGroup", GroupName=name)
        answers = await asyncio.gather(
            *(opened.call("iam", "AddUserToGroup", GroupName=name, UserName="ann") for name in names),
            return_exceptions=True,
        )
        refusals = {name: str(answer) for name, answer in zip(names, answers, strict=True) if answer != {}}
        assert list(refusals.values()) == ["LimitExceeded: Cannot exceed quota for GroupsPerUser: 10"] * 3
        first = await opened.call("iam", "ListGroupsForUser", UserName="ann", MaxItems=6)
        rest = await opened.call("iam", "ListGroupsForUser", UserName="ann", Marker=first["Marker"])
        listed = [group["GroupName"] for group in first["Groups"] + rest["Groups"]]
        assert listed == [name for name in names if name not in refusals]

    in_house(body)
