"""Session tags: what is passed, what is inherited along a chain of roles, and what policies see of it."""

from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, Made, allow, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

CONFLICT = (
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
    "calling session."
)


def tag(key: str, value: str = "x") -> dict[str, str]:
    return {"Key": key, "Value": value}


async def assume(house: OpenedHouse, caller: Any, role: Made, *tags: dict[str, str], **params: Any) -> Any:
    if tags:
        params["Tags"] = list(tags)
    given = {"RoleArn": role.arn, "RoleSessionName": "work", **params}
    return await Identities(house.house).session(await house.call("sts", "AssumeRole", caller=caller, **given))


def test_transitive_tags_go_down_the_chain(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*"), tags={"user": "ann"}))
        roles = [
            await made.role(
                f"R{n}", allow("sts:*"), trusts=[trust(ACCOUNT, "sts:*")], tags={"Star": "role", "role": f"{n}"}
            )
            for n in (1, 2, 3)
        ]
        first = await assume(house, ann, roles[0], tag("star", "1"), tag("Heart", "1"), TransitiveTagKeys=["STAR"])
        # A session tag takes the place of a role's tag of the same key, in whatever case.
        assert first.tags == {"star": "1", "Heart": "1", "role": "1"}
        second = await assume(house, first, roles[1], tag("Sun", "2"))
        assert second.tags == {"star": "1", "Sun": "2", "role": "2"}
        third = await assume(house, second, roles[2])
        assert third.tags == {"star": "1", "role": "3"}
        assert third.session.transitive_tags == ("star",)
        for keys in (["Star"], []):
            with refused("InvalidParameterValue", CONFLICT):
                await assume(house, second, roles[2], tag("Star", "3"), TransitiveTagKeys=keys)

    in_house(body)


def test_inherited_tags_need_leave_to_tag_and_are_seen_by_conditions(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        first = await made.role("First", allow("sts:*"), trusts=[trust(ACCOUNT, "sts:*")])
        plain = await made.role("Plain", trusts=[trust(ACCOUNT)])
        only_red = {"Condition": {"StringEquals": {"aws:RequestTag/Team": "red"}}}
        red = await made.role("Red", trusts=[trust(ACCOUNT), trust(ACCOUNT, "sts:TagSession", **only_red)])
        keys = {"aws:TagKeys": "Floor", "sts:TransitiveTagKeys": "Floor"}
        closed = [
            await made.role(
                f"C{n}", trusts=[trust(ACCOUNT, "sts:*", Condition={"ForAllValues:StringEquals": {key: value}})]
            )
            for n, (key, value) in enumerate(keys.items())
        ]
        for team, allowed in (("red", True), ("blue", False)):
            session = await assume(house, ann, first, tag("Team", team), TransitiveTagKeys=["Team"])
            for role in (plain, *closed):
                with refused("AccessDenied"):
                    await assume(house, session, role)
            if allowed:
                assert (await assume(house, session, red)).tags == {"Team": "red"}
            else:
                with refused("AccessDenied"):
                    await assume(house, session, red)

    in_house(body)


@pytest.mark.parametrize(
    ("code", "tags", "transitive"),
    [
        ("InvalidParameterValue", [tag("Team"), tag("team")], []),
        ("InvalidParameterValue", [tag("Team")], ["Cost"]),
        ("ValidationError", [tag("aws:team")], []),
        ("ValidationError", [tag("Team<script>")], []),
        ("ValidationError", [tag("Team", "a\x00")], []),
        ("ValidationError", [tag("k" * 129)], []),
        ("ValidationError", [tag("k", "v" * 257)], []),
        ("ValidationError", [tag(f"k{n}") for n in range(51)], []),
    ],
)
def test_tags_that_cannot_be(on_sqlite: InHouse[None], code: str, tags: Any, transitive: list[str]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        role = await made.role("Role", trusts=[trust(ACCOUNT, "sts:*")])
        with refused(code):
            await assume(house, ann, role, *tags, TransitiveTagKeys=transitive)

    on_sqlite(body)


def test_inherited_tags_count(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        role = await made.role("Role", allow("sts:*"), trusts=[trust(ACCOUNT, "sts:*")])
        thirty = [f"a{n}" for n in range(30)]
        session = await assume(house, ann, role, *(tag(key) for key in thirty), TransitiveTagKeys=thirty)
        assert len((await assume(house, session, role, *(tag(f"b{n}") for n in range(20)))).tags) == 50
        with refused("ValidationError"):
            await assume(house, session, role, *(tag(f"b{n}") for n in range(21)))

    in_house(body)


def test_the_tags_of_a_session_decide_what_it_may(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        red_only = {"Condition": {"StringEquals": {"aws:PrincipalTag/Team": "red"}}}
        role = await made.role(
            "Role", allow("kms:ListKeys", **red_only), trusts=[trust(ACCOUNT, "sts:*")], tags={"Team": "red"}
        )
        assert await house.call("kms", "ListKeys", caller=await assume(house, ann, role))
        with refused("AccessDeniedException"):
            await house.call("kms", "ListKeys", caller=await assume(house, ann, role, tag("TEAM", "blue")))

    in_house(body)
