"""AssumeRole: who may, under which conditions, for how long, and what is recorded."""

from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, allow, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.operations.denials import ENCODED_MESSAGE_LEAD, reference_in
from strongroom.operations.trail import as_cloudtrail

OTHER = "444455556666"


async def assume(house: OpenedHouse, caller: Any, role_arn: str, **params: Any) -> dict[str, Any]:
    return await house.call(
        "sts", "AssumeRole", caller=caller, RoleArn=role_arn, **{"RoleSessionName": "work", **params}
    )


async def refusal_of(house: OpenedHouse, caller: Any, role_arn: str, **params: Any) -> tuple[str, str, str]:
    """Return code, message and encoded message of a refusal."""
    with pytest.raises(AwsError) as caught:
        await assume(house, caller, role_arn, **params)
    message, _, encoded = caught.value.message.partition(ENCODED_MESSAGE_LEAD)
    return caught.value.code, message, encoded


def denied(caller: Any, role_arn: str, action: str = "sts:AssumeRole") -> tuple[str, str]:
    return "AccessDenied", f"User: {caller.arn} is not authorized to perform: {action} on resource: {role_arn}"


def test_a_user_that_both_sides_allow_becomes_the_role(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann", allow("sts:AssumeRole"))
        role = await made.role("Builder", allow("kms:ListKeys"), trusts=[trust(ACCOUNT)], path="/teams/")
        answer = await assume(house, await made.caller(ann), role.arn)
        assert answer["AssumedRoleUser"] == {
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Builder/work",
            "AssumedRoleId": f"{role.unique_id}:work",
        }
        given = answer["Credentials"]
        assert given["AccessKeyId"].startswith("ASIA")
        assert abs(given["Expiration"].timestamp() - house.clock.wall() - 3600) < 5
        assert "PackedPolicySize" not in answer
        session = await made.session(answer)
        told = await house.call("sts", "GetCallerIdentity", caller=session)
        assert told == {"UserId": f"{role.unique_id}:work", "Account": ACCOUNT, "Arn": answer["AssumedRoleUser"]["Arn"]}
        await house.call("kms", "ListKeys", caller=session)
        with refused("AccessDeniedException"):
            await house.call("kms", "ListAliases", caller=session)

    in_house(body)


def test_a_role_that_is_not_there_is_refused_like_one_that_says_no(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:AssumeRole")))
        role = await made.role("Closed", trusts=[trust(OTHER)], path="/teams/")
        arns = [role.arn, f"arn:aws:iam::{ACCOUNT}:role/Closed", f"arn:aws:iam::{ACCOUNT}:role/None"]
        for arn in [*arns, f"arn:aws:iam::{OTHER}:role/Closed", f"arn:aws-cn:iam::{ACCOUNT}:role/teams/Closed"]:
            code, message, encoded = await refusal_of(house, ann, arn)
            assert (code, message) == denied(ann, arn)
            # What leads to the explanation is for refusals within the caller's account.
            assert (reference_in(encoded, house.house.sealer) is not None) == (f"::{ACCOUNT}:" in arn)

    in_house(body)


def test_both_sides_have_to_allow(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann")
        bob = await made.user("bob", allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Other"))
        eve = await made.user("eve", allow("*"), {**allow("sts:*"), "Effect": "Deny"})
        account = await made.role("ToAccount", trusts=[trust(f"arn:aws:iam::{ACCOUNT}:root")])
        named = await made.role("ToAnn", trusts=[trust([ann.arn, eve.arn])])
        callers = [await made.caller(each) for each in (ann, bob, eve)]
        for caller in callers:
            assert (await refusal_of(house, caller, account.arn))[:2] == denied(caller, account.arn)
        # A trust policy that names the user itself needs no other policy in its own account, and overrules no Deny.
        assert await assume(house, callers[0], named.arn)
        assert (await refusal_of(house, callers[1], named.arn))[:2] == denied(callers[1], named.arn)
        assert (await refusal_of(house, callers[2], named.arn))[:2] == denied(callers[2], named.arn)

    in_house(body)


def test_across_accounts_the_callers_own_policy_has_to_allow_too(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann, bob = await made.user("ann"), await made.user("bob", allow("sts:AssumeRole"))
        role = await made.role("Theirs", trusts=[trust([ann.arn, bob.arn])], account_id=OTHER)
        closed = await made.role("Closed", trusts=[trust(OTHER)], account_id=OTHER)
        caller = await made.caller(ann)
        assert await refusal_of(house, caller, role.arn) == (*denied(caller, role.arn), "")
        caller = await made.caller(bob)
        answer = await assume(house, caller, role.arn)
        assert (await made.session(answer)).account_id == OTHER
        assert await refusal_of(house, caller, closed.arn) == (*denied(caller, closed.arn), "")

    in_house(body)


def test_root_users_and_federated_users_assume_no_role(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        role = await made.role("Open", trusts=[trust("*")])
        with refused("AccessDenied", "Roles may not be assumed by root accounts."):
            await assume(house, house.caller, role.arn)
        federated = await made.session(await house.call("sts", "GetFederationToken", Name="fed"))
        with refused("AccessDenied", "Cannot call AssumeRole with session credentials"):
            await assume(house, federated, role.arn)
        root_session = await made.session(await house.call("sts", "GetSessionToken"))
        with refused("AccessDenied", "Roles may not be assumed by root accounts."):
            await assume(house, root_session, role.arn)

    in_house(body)


@pytest.mark.parametrize(
    "arn", ["arn:aws:iam::111122223333:user/ann", "not-an-arn-but-long-enough", "arn:aws:s3:::role/long"]
)
def test_what_is_no_role_arn_is_invalid(on_sqlite: InHouse[None], arn: str) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("*")))
        with refused("ValidationError", f"{arn} is invalid"):
            await assume(house, ann, arn)
        with refused("ValidationError"):
            contexts = [{"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "abcd"}]
            await assume(house, ann, f"arn:aws:iam::{ACCOUNT}:role/Any", ProvidedContexts=contexts)

    on_sqlite(body)


@pytest.mark.parametrize(
    ("operator", "key", "value", "right", "wrong"),
    [
        ("StringEquals", "sts:ExternalId", "blue-42", {"ExternalId": "blue-42"}, {"ExternalId": "red"}),
        ("StringLike", "sts:RoleSessionName", "${aws:username}-*", {"RoleSessionName": "ann-1"}, {}),
        ("StringEquals", "sts:SourceIdentity", "ann", {"SourceIdentity": "ann"}, {"SourceIdentity": "bob"}),
        ("NumericLessThanEquals", "sts:DurationSeconds", "900", {"DurationSeconds": 900}, {}),
        (
            "StringEquals",
            "aws:RequestTag/Team",
            "${aws:PrincipalTag/Team}",
            {"Tags": [{"Key": "Team", "Value": "red"}]},
            {"Tags": [{"Key": "Team", "Value": "blue"}]},
        ),
        (
            "ForAllValues:StringEquals",
            "aws:TagKeys",
            "Team",
            {"Tags": [{"Key": "Team", "Value": "x"}]},
            {"Tags": [{"Key": "Team", "Value": "x"}, {"Key": "Cost", "Value": "x"}]},
        ),
        (
            "ForAllValues:StringEquals",
            "sts:TransitiveTagKeys",
            "Team",
            {"Tags": [{"Key": "Team", "Value": "x"}], "TransitiveTagKeys": ["Team"]},
            {
                "Tags": [{"Key": "Team", "Value": "x"}, {"Key": "Cost", "Value": "x"}],
                "TransitiveTagKeys": ["Cost", "Team"],
            },
        ),
        ("StringEquals", "aws:PrincipalTag/Team", "red", {}, None),
        ("StringEquals", "aws:PrincipalTag/Team", "blue", None, {}),
        ("StringEquals", "iam:ResourceTag/Stage", "test", {}, None),
        ("StringEquals", "aws:ResourceTag/stage", "live", None, {}),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/ann", {}, None),
    ],
)
def test_conditions_of_the_trust_policy(
    on_sqlite: InHouse[None], operator: str, key: str, value: str, right: Any, wrong: Any
) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*"), tags={"Team": "red"}))
        actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        condition = {"Condition": {operator: {key: value}}}
        role = await made.role("Role", trusts=[trust(ACCOUNT, actions, **condition)], tags={"Stage": "test"})
        if right is not None:
            assert await assume(house, ann, role.arn, **right)
        if wrong is not None:
            assert (await refusal_of(house, ann, role.arn, **wrong))[:2] == denied(ann, role.arn)

    on_sqlite(body)


def test_tagging_and_a_source_identity_need_permissions_of_their_own(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        bob = await made.caller(await made.user("bob", allow("sts:AssumeRole")))
        plain = await made.role("Plain", trusts=[trust(ACCOUNT)])
        full = await made.role("Full", trusts=[trust(ACCOUNT, "sts:*")])
        wishes: list[tuple[str, dict[str, Any]]] = [
            ("sts:TagSession", {"Tags": [{"Key": "a", "Value": "b"}]}),
            ("sts:SetSourceIdentity", {"SourceIdentity": "ann"}),
        ]
        for action, params in wishes:
            for caller, role in ((ann, plain), (bob, full)):
                assert (await refusal_of(house, caller, role.arn, **params))[:2] == denied(caller, role.arn, action)
            assert await assume(house, ann, full.arn, **params)

    in_house(body)


def test_how_long_a_session_may_be(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        long = await made.role("Long", allow("sts:*"), trusts=[trust(ACCOUNT)], max_session_seconds=43_200)
        short = await made.role("Short", trusts=[trust(ACCOUNT)])
        answer = await assume(house, ann, long.arn, DurationSeconds=43_200)
        assert abs(answer["Credentials"]["Expiration"].timestamp() - house.clock.wall() - 43_200) < 5
        with refused(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        ):
            await assume(house, ann, short.arn, DurationSeconds=3601)
        with refused("ValidationError"):
            await assume(house, ann, long.arn, DurationSeconds=899)
        session = await made.session(answer)
        assert await assume(house, session, long.arn, DurationSeconds=3600)
        with refused(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ):
            await assume(house, session, long.arn, DurationSeconds=3601)
        # How long the role allows is told to those only who may assume it.
        stranger = await made.caller(await made.user("bob"))
        assert (await refusal_of(house, stranger, short.arn, DurationSeconds=43_200))[:2] == denied(stranger, short.arn)

    in_house(body)


def test_a_source_identity_stays_along_a_chain(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        first = await made.role("First", allow("sts:*"), trusts=[trust(ACCOUNT, "sts:*")])
        second = await made.role("Second", trusts=[trust(ACCOUNT, "sts:*")])
        closed = await made.role("Closed", trusts=[trust(ACCOUNT)])
        answer = await assume(house, ann, first.arn, SourceIdentity="ann")
        assert answer["SourceIdentity"] == "ann"
        session = await made.session(answer)
        assert (await assume(house, session, second.arn))["SourceIdentity"] == "ann"
        assert (await assume(house, session, second.arn, SourceIdentity="ann"))["SourceIdentity"] == "ann"
        with refused("InvalidParameterValue", "The source identity of the calling session cannot be changed."):
            await assume(house, session, second.arn, SourceIdentity="bob")
        with refused("ValidationError"):
            await assume(house, ann, first.arn, SourceIdentity="AWS:ann")
        # Every role of the chain has to allow that the sessions of it have one.
        expected = denied(session, closed.arn, "sts:SetSourceIdentity")
        assert (await refusal_of(house, session, closed.arn))[:2] == expected

    in_house(body)


def test_a_role_trusts_a_role_or_one_session_of_it(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        first = await made.role("First", trusts=[trust(ACCOUNT)])
        to_role = await made.role("ToRole", trusts=[trust(first.arn)])
        to_session = await made.role("ToSession", trusts=[trust(f"arn:aws:sts::{ACCOUNT}:assumed-role/First/work")])
        session = await made.session(await assume(house, ann, first.arn))
        other = await made.session(await assume(house, ann, first.arn, RoleSessionName="play"))
        # The role has no policies of its own: the trust policies name it, and that is enough within the account.
        assert await assume(house, session, to_role.arn)
        assert await assume(house, other, to_role.arn)
        assert await assume(house, session, to_session.arn)
        assert (await refusal_of(house, other, to_session.arn))[:2] == denied(other, to_session.arn)
        # A role does not trust itself unless it says so.
        assert (await refusal_of(house, session, first.arn))[:2] == denied(session, first.arn)

    in_house(body)


def test_what_is_recorded(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:*")))
        role = await made.role("Role", trusts=[trust(ACCOUNT)])
        answer = await assume(house, ann, role.arn)
        now = house.clock.now()
        (record,) = await house.house.audit.records(now - 60, now + 1)
        event = as_cloudtrail(record)
        assert (event["eventName"], event["readOnly"]) == ("AssumeRole", True)
        assert event["requestParameters"] == {"roleArn": role.arn, "roleSessionName": "work"}
        assert event["resources"] == [{"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": role.arn}]
        told = event["responseElements"]
        # Later events of the session carry its access key id: this one tells whose it is, and holds no secret.
        assert told["credentials"].keys() == {"accessKeyId", "expiration"}
        assert told["credentials"]["accessKeyId"] == answer["Credentials"]["AccessKeyId"]
        assert told["assumedRoleUser"]["arn"] == answer["AssumedRoleUser"]["Arn"]
        session = await made.session(answer)
        await house.call("sts", "GetCallerIdentity", caller=session)
        record = (await house.house.audit.records(now - 60, house.clock.now() + 1))[-1]
        who = as_cloudtrail(record)["userIdentity"]
        assert (who["type"], who["accessKeyId"]) == ("AssumedRole", answer["Credentials"]["AccessKeyId"])
        assert who["sessionContext"]["sessionIssuer"]["arn"] == role.arn

    in_house(body)
