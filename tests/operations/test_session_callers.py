"""Callers made of sessions: what they may is looked up at every request, so that it can be taken away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, Made, allow, document, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.operations.session_callers import tags_under


class Reader:
    """The user `ann` with a session of the role `Reader`, of her own and of a federated user; each may list keys."""

    def __init__(self, house: OpenedHouse) -> None:
        self.house = house
        self.made = Identities(house.house)

    async def make(self) -> "Reader":
        self.ann = await self.made.user("ann", allow(["sts:*", "kms:ListKeys"]))
        self.role = await self.made.role("Reader", allow("kms:ListKeys"), trusts=[trust(ACCOUNT)])
        ann = await self.made.caller(self.ann)
        call = self.house.call
        policy = document(allow("*"))
        self.answers = {
            "role": await call("sts", "AssumeRole", caller=ann, RoleArn=self.role.arn, RoleSessionName="work"),
            "user": await call("sts", "GetSessionToken", caller=ann),
            "federated": await call("sts", "GetFederationToken", caller=ann, Name="fed", Policy=policy),
        }
        for kind in self.answers:
            assert await self.may_list_keys(kind)
        return self

    async def credential(self, kind: str) -> Any:
        given = self.answers[kind]["Credentials"]
        return await self.house.house.principals.find(given["AccessKeyId"], given["SessionToken"])

    async def may_list_keys(self, kind: str) -> bool:
        credential = await self.credential(kind)
        try:
            await self.house.call("kms", "ListKeys", caller=credential.caller)
        except AwsError as error:
            if error.code != "AccessDeniedException":
                raise
            return False
        return True

    def behind(self, kind: str) -> Made:
        return self.role if kind == "role" else self.ann


@pytest.fixture(params=["role", "user", "federated"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_policy_taken_away_is_gone_at_the_next_request(in_house: InHouse[None], kind: str) -> None:
    async def body(house: OpenedHouse) -> None:
        reader = await Reader(house).make()
        await reader.made.delete_policy(reader.behind(kind))
        assert not await reader.may_list_keys(kind)

    in_house(body)


def test_sessions_end_with_the_identity_behind_them(in_house: InHouse[None], kind: str) -> None:
    async def body(house: OpenedHouse) -> None:
        reader = await Reader(house).make()
        await reader.made.delete(reader.behind(kind))
        assert await reader.credential(kind) is None
        # An identity of the same name is another one.
        if kind == "role":
            await reader.made.role("Reader", allow("*"), trusts=[trust(ACCOUNT)])
        else:
            await reader.made.user("ann", allow("*"))
        assert await reader.credential(kind) is None

    in_house(body)


def test_sessions_from_before_a_moment_can_be_denied_everything(in_house: InHouse[None], kind: str) -> None:
    async def body(house: OpenedHouse) -> None:
        reader = await Reader(house).make()
        behind = reader.behind(kind)
        for shift, allowed in ((timedelta(seconds=-10), True), (timedelta(seconds=1), False)):
            moment = (datetime.fromtimestamp(house.clock.wall(), UTC) + shift).isoformat().replace("+00:00", "Z")
            older = {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}},
            }
            await reader.made.put_policy(behind, "AWSRevokeOlderSessions", document(older))
            assert await reader.may_list_keys(kind) is allowed
            await reader.made.delete_policy(behind, "AWSRevokeOlderSessions")

    in_house(body)


def test_a_trust_policy_is_asked_when_a_role_is_assumed_and_not_later(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        reader = await Reader(house).make()
        await reader.made.trust(reader.role, trust("444455556666"))
        assert await reader.may_list_keys("role")
        ann = await reader.made.caller(reader.ann)
        with refused("AccessDenied"):
            await house.call("sts", "AssumeRole", caller=ann, RoleArn=reader.role.arn, RoleSessionName="work")

    in_house(body)


def test_what_conditions_see_of_a_session(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        role = await made.role("Role", trusts=[trust(ACCOUNT, "sts:*")], path="/teams/")
        wanted = {
            "StringEquals": {
                "aws:userid": f"{role.unique_id}:work",
                "aws:PrincipalArn": role.arn,
                "aws:PrincipalType": "AssumedRole",
                "aws:PrincipalAccount": ACCOUNT,
                "aws:SourceIdentity": "ann",
                "aws:PrincipalTag/team": "red",
            },
            "Null": {"aws:username": "true", "aws:TokenIssueTime": "false", "aws:FederatedProvider": "true"},
            "Bool": {"aws:MultiFactorAuthPresent": "false"},
        }
        await made.put_policy(role, "inline", document(allow("kms:ListKeys", Condition=wanted)))
        answer = await house.call(
            "sts",
            "AssumeRole",
            caller=ann,
            RoleArn=role.arn,
            RoleSessionName="work",
            SourceIdentity="ann",
            Tags=[{"Key": "Team", "Value": "red"}],
        )
        assert await house.call("kms", "ListKeys", caller=await made.session(answer))

    in_house(body)


def test_session_tags_take_the_place_of_tags_in_any_case() -> None:
    assert tags_under({"Team": "red", "Floor": "2"}, {"TEAM": "blue", "New": "1"}) == {
        "Floor": "2",
        "TEAM": "blue",
        "New": "1",
    }
    assert tags_under({"Team": "red"}, {}) == {"Team": "red"}
