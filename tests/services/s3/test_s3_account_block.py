"""The public access block of an account: it holds for every bucket, whatever that says itself."""

import json
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.s3.kept import Kept

from strongroom.operations.callers import Caller

EVERYTHING = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
PUBLIC = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::rooms/*",
        },
    }
)


async def control(opened: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    return await opened.call("s3control", operation, **{"AccountId": ACCOUNT, **params})


def test_it_is_stored_and_taken_away(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        with refused("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"):
            await control(opened, "GetPublicAccessBlock")
        sent = {"BlockPublicPolicy": True}
        await control(opened, "PutPublicAccessBlock", PublicAccessBlockConfiguration=sent)
        assert await control(opened, "GetPublicAccessBlock") == {
            "PublicAccessBlockConfiguration": {name: name in sent for name in EVERYTHING}
        }
        await control(opened, "DeletePublicAccessBlock")
        with refused("NoSuchPublicAccessBlockConfiguration"):
            await control(opened, "GetPublicAccessBlock")

    in_house(body)


def test_another_account_is_out_of_reach(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        for operation in ("GetPublicAccessBlock", "DeletePublicAccessBlock"):
            with refused("AccessDenied"):
                await control(opened, operation, AccountId="444455556666")

    in_house(body)


def test_no_public_policy_is_taken_and_none_counts(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        await kept.put("a")
        await kept.s3("DeletePublicAccessBlock")
        await kept.s3("PutBucketPolicy", Policy=PUBLIC)
        anybody = Caller.anonymous()
        assert await kept.get("a", caller=anybody) == b"bytes"
        await control(opened, "PutPublicAccessBlock", PublicAccessBlockConfiguration=EVERYTHING)
        with refused("AccessDenied"):
            await kept.get("a", caller=anybody)
        assert await kept.get("a") == b"bytes"
        with refused("AccessDenied"):
            await kept.s3("PutBucketPolicy", Policy=PUBLIC)
        await control(opened, "DeletePublicAccessBlock")
        assert await kept.get("a", caller=anybody) == b"bytes"

    in_house(body)
