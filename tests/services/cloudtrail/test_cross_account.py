"""What one account does with the resources of another is told to both, each in its own event."""

import json
from typing import Any

from tests.identities_made import Identities, allow
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.cloudtrail.test_lookup_events import lookup
from tests.services.cloudtrail.trailing import deliver, delivered, make_trail
from tests.services.refusals import refused

from strongroom.base.context import Authentication
from strongroom.operations.callers import Caller

OTHER = "444455556666"
SIGNED = Authentication("REST-HEADER", "AWS4-HMAC-SHA256", 1, "x")


async def stranger(house: OpenedHouse) -> Caller:
    """Return a user of another account who may do everything that others let that account do."""
    user = await Identities(house.house).user("zoe", allow("*"), account_id=OTHER)
    found = await house.house.principals.find(user.access_key_id)
    assert found is not None
    return found.caller


def test_a_key_of_another_account(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        zoe = await stranger(house)
        owner = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
        other = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "kms:Encrypt", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [owner, other]})
        key = (await house.kms("CreateKey", Policy=policy))["KeyMetadata"]["Arn"]
        await house.kms("Encrypt", caller=zoe, KeyId=key, Plaintext=b"x")
        with refused("AccessDeniedException"):
            await house.kms("DescribeKey", caller=zoe, KeyId=key)
        (seen,) = await lookup(house, "EventName", "Encrypt")
        (own,) = (await house.call("cloudtrail", "LookupEvents", caller=zoe, LookupAttributes=by("Encrypt")))["Events"]
        theirs, ours = json.loads(own["CloudTrailEvent"]), json.loads(seen["CloudTrailEvent"])
        assert theirs["sharedEventID"] == ours["sharedEventID"]
        assert len({theirs["eventID"], ours["eventID"], ours["sharedEventID"]}) == 3
        assert (theirs["recipientAccountId"], ours["recipientAccountId"]) == (OTHER, ACCOUNT)
        assert theirs["userIdentity"]["userName"] == "zoe"
        assert ours["userIdentity"] == {
            "type": "AWSAccount",
            "principalId": zoe.user_id,
            "accountId": OTHER,
        }
        assert (await lookup(house, "EventId", ours["eventID"])) == [seen]
        # Who was refused is told so; the owner of what may not even be there is not.
        assert await lookup(house, "EventName", "DescribeKey") == []

    in_house(body)


def by(name: str) -> list[dict[str, str]]:
    return [{"AttributeKey": "EventName", "AttributeValue": name}]


async def chunks(body: bytes) -> Any:
    yield body


def test_objects_and_what_is_told_of_them(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        selector = {
            "IncludeManagementEvents": False,
            "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::shared/"]}],
        }
        await house.call("cloudtrail", "PutEventSelectors", TrailName="management", EventSelectors=[selector])
        await house.call("s3", "CreateBucket", Bucket="shared")
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": OTHER},
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": "arn:aws:s3:::shared/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        await house.call("s3", "PutBucketPolicy", Bucket="shared", Policy=policy)
        zoe = await stranger(house)
        sent: dict[str, Any] = {"Bucket": "shared", "Key": "k"}
        await house.call(
            "s3",
            "PutObject",
            caller=zoe,
            authentication=SIGNED,
            Body=chunks(b"hello"),
            ContentType="text/plain",
            **sent,
        )
        await house.call("s3", "GetObject", caller=zoe, authentication=SIGNED, **sent)
        await house.call("s3", "GetObject", authentication=SIGNED, **sent)
        await deliver(house)
        put, got, own = await delivered(house)
        assert put["userIdentity"] == {"type": "AWSAccount", "principalId": zoe.user_id, "accountId": OTHER}
        assert put["recipientAccountId"] == ACCOUNT
        assert put["sharedEventID"]
        assert put["requestParameters"] == {"bucketName": "shared", "key": "k", "Content-Type": "text/plain"}
        assert put["additionalEventData"] == {
            "SignatureVersion": "SigV4",
            "AuthenticationMethod": "AuthHeader",
            "bytesTransferredIn": 5,
            "bytesTransferredOut": 0,
            "SSEApplied": "Default_SSE_S3",
        }
        assert got["additionalEventData"]["bytesTransferredOut"] == 5
        assert got["additionalEventData"]["SSEApplied"] == "SSE_S3"
        assert own["userIdentity"]["type"] == "Root"
        assert "sharedEventID" not in own

    in_house(body)
