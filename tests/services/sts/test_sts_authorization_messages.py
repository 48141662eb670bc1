"""DecodeAuthorizationMessage and GetAccessKeyInfo."""

import json
from typing import Any

import pytest
from tests.identities_made import ACCOUNT, Identities, allow, trust
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.denials import ENCODED_MESSAGE_LEAD, with_encoded_message
from strongroom.operations.registry import find_operation

OTHER = "444455556666"


async def encoded_message(house: OpenedHouse, caller: Any, service: str, operation: str, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await house.call(service, operation, caller=caller, **params)
    return caught.value.message.partition(ENCODED_MESSAGE_LEAD)[2]


async def decoded(house: OpenedHouse, message: str, caller: Any = None) -> Any:
    answer = await house.call("sts", "DecodeAuthorizationMessage", caller=caller, EncodedMessage=message)
    return json.loads(answer["DecodedMessage"])


def test_an_implicit_deny_is_told(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        near = {"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}
        ann = await made.user("ann", allow("kms:ListKeys", **near))
        caller = await made.caller(ann)
        message = await encoded_message(house, caller, "kms", "ListKeys")
        region = {"key": "aws:requestedregion", "values": {"items": [{"value": "us-east-1"}]}}
        assert await decoded(house, message) == {
            "allowed": False,
            "explicitDeny": False,
            "matchedStatements": {"items": []},
            "failures": {"items": []},
            "context": {
                "principal": {"id": ann.unique_id, "name": "ann", "arn": ann.arn},
                "action": "kms:ListKeys",
                "resource": "*",
                "conditions": {"items": [region]},
            },
        }

    in_house(body)


def test_an_explicit_deny_names_the_statement(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        deny = {**allow(["kms:List*", "kms:Get*"]), "Effect": "Deny", "Sid": "NoLooking"}
        caller = await made.caller(await made.user("ann", allow("*"), deny))
        told = await decoded(house, await encoded_message(house, caller, "kms", "ListKeys"))
        assert told["explicitDeny"] is True
        (statement,) = told["matchedStatements"]["items"]
        assert (statement["statementId"], statement["effect"]) == ("NoLooking", "DENY")
        assert statement["actions"] == {"items": [{"value": "kms:List*"}, {"value": "kms:Get*"}]}
        assert statement["resources"] == {"items": [{"value": "*"}]}
        assert "user/ann" in statement["policy"]

    in_house(body)


def test_why_a_role_may_not_be_assumed_is_told_in_its_own_account(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:AssumeRole")))
        no_ann = {"Effect": "Deny", "Principal": {"AWS": ann.arn}, "Action": "sts:AssumeRole", "Sid": "NotAnn"}
        role = await made.role("Role", trusts=[trust(ACCOUNT), no_ann])
        params = {"RoleArn": role.arn, "RoleSessionName": "work"}
        told = await decoded(house, await encoded_message(house, ann, "sts", "AssumeRole", **params))
        assert (told["context"]["action"], told["context"]["resource"]) == ("sts:AssumeRole", role.arn)
        (statement,) = told["matchedStatements"]["items"]
        assert (statement["statementId"], statement["principals"]) == ("NotAnn", {"items": [{"value": ann.arn}]})

    in_house(body)


def test_another_accounts_policies_are_not_told(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann", allow("sts:AssumeRole")))
        no_ann = {"Effect": "Deny", "Principal": {"AWS": ann.arn}, "Action": "sts:AssumeRole"}
        role = await made.role("Role", trusts=[trust(ACCOUNT), no_ann], account_id=OTHER)
        params = {"RoleArn": role.arn, "RoleSessionName": "work"}
        assert await encoded_message(house, ann, "sts", "AssumeRole", **params) == ""
        # Nobody is given a message that leads there; should anybody ever be, it would not tell more.
        now = house.clock.now()
        (record,) = await house.house.audit.records(now - 60, now + 1)
        origin = Origin(record.request_id, now, "127.0.0.1", True)
        assume_role = find_operation("sts", "AssumeRole")
        assert assume_role is not None
        call = Call(house.house, assume_role, params, ann, origin, "us-east-1")
        told = await decoded(house, with_encoded_message(call, "").partition(ENCODED_MESSAGE_LEAD)[2])
        assert told["explicitDeny"] is True
        assert told["matchedStatements"] == {"items": []}

    in_house(body)


def test_messages_are_for_those_who_may_read_them(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.caller(await made.user("ann"))
        admin = await made.caller(await made.user("admin", allow("sts:DecodeAuthorizationMessage")))
        stranger = await made.caller(await made.user("admin", allow("*"), account_id=OTHER))
        message = await encoded_message(house, ann, "kms", "ListKeys")
        assert (await decoded(house, message, admin))["context"]["principal"]["arn"] == ann.arn
        with refused("AccessDenied"):
            await decoded(house, message, ann)
        flipped = message[:40] + ("A" if message[40] != "A" else "B") + message[41:]
        for text in (flipped, message[:-4], "not base64!", "AAAA"):
            with refused("InvalidAuthorizationMessageException"):
                await decoded(house, text, admin)
        with refused("InvalidAuthorizationMessageException"):
            await decoded(house, message, stranger)

    in_house(body)


def test_the_account_of_an_access_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        ann = await made.user("ann", allow("sts:*"))
        theirs = await made.user("bob", account_id=OTHER)
        caller = await made.caller(ann)
        for key_id, account in ((ann.access_key_id, ACCOUNT), (theirs.access_key_id, OTHER)):
            assert await house.call("sts", "GetAccessKeyInfo", caller=caller, AccessKeyId=key_id) == {
                "Account": account
            }
        for unknown in ("AKIAUNKNOWNUNKNOWN01", "ASIAUNKNOWNUNKNOWN01"):
            with refused("ValidationError"):
                await house.call("sts", "GetAccessKeyInfo", caller=caller, AccessKeyId=unknown)
        role = await made.role("Role", allow("sts:GetAccessKeyInfo"), trusts=[trust(ann.arn)])
        answer = await house.call("sts", "AssumeRole", caller=caller, RoleArn=role.arn, RoleSessionName="work")
        session, own = await made.session(answer), answer["Credentials"]["AccessKeyId"]
        assert await house.call("sts", "GetAccessKeyInfo", caller=session, AccessKeyId=own) == {"Account": ACCOUNT}
        with refused("AccessDenied"):
            bob = await made.caller(theirs)
            await house.call("sts", "GetAccessKeyInfo", caller=bob, AccessKeyId=ann.access_key_id)

    in_house(body)
