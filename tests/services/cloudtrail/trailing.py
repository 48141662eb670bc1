"""Trails for tests: a bucket with AWS's own policy for CloudTrail, a key, and what arrives."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse

from strongroom.services.cloudtrail.delivery import DELIVERY_SECONDS

BUCKET = "trail-bucket"
TRAIL_ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/management"


def bucket_policy(bucket: str = BUCKET, prefix: str = "", source: str = TRAIL_ARN) -> str:
    """Return the policy that the AWS CloudTrail User Guide gives for a trail's bucket."""
    service = {"Service": "cloudtrail.amazonaws.com"}
    from_trail = {"aws:SourceArn": source}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AWSCloudTrailAclCheck",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:GetBucketAcl",
                    "Resource": f"arn:aws:s3:::{bucket}",
                    "Condition": {"StringEquals": from_trail},
                },
                {
                    "Sid": "AWSCloudTrailWrite",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{bucket}/{prefix}AWSLogs/{ACCOUNT}/*",
                    "Condition": {"StringEquals": from_trail | {"s3:x-amz-acl": "bucket-owner-full-control"}},
                },
            ],
        }
    )


def key_policy(source: str = TRAIL_ARN, account_id: str = ACCOUNT) -> str:
    """Return the policy that the AWS CloudTrail User Guide gives for a trail's key."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Sid": "Allow CloudTrail to encrypt logs",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudtrail.amazonaws.com"},
                    "Action": "kms:GenerateDataKey*",
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {"aws:SourceArn": source},
                        "StringLike": {
                            "kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account_id}:trail/*"
                        },
                    },
                },
            ],
        }
    )


async def make_bucket(house: OpenedHouse, bucket: str = BUCKET, **policy: str) -> None:
    """Make a bucket that lets CloudTrail in."""
    await house.call("s3", "CreateBucket", Bucket=bucket)
    await house.call("s3", "PutBucketPolicy", Bucket=bucket, Policy=bucket_policy(bucket, **policy))


async def make_trail(house: OpenedHouse, **params: Any) -> dict[str, Any]:
    """Make a bucket and a trail that logs."""
    await make_bucket(house)
    made = await house.call("cloudtrail", "CreateTrail", Name="management", S3BucketName=BUCKET, **params)
    await house.call("cloudtrail", "StartLogging", Name="management")
    return made


async def body_of(answer: dict[str, Any]) -> bytes:
    """Return the body of a GetObject."""
    body: AsyncIterator[bytes] = answer["Body"]
    return b"".join([chunk async for chunk in body])


async def files(house: OpenedHouse, kind: str = "CloudTrail", bucket: str = BUCKET) -> dict[str, Any]:
    """Return the JSON of every log file, or of every digest (`CloudTrail-Digest`), by its key."""
    listed = await house.call("s3", "ListObjectsV2", Bucket=bucket)
    found = {}
    for each in listed.get("Contents", ()):
        if f"/{kind}/" in each["Key"] and each["Key"].endswith(".gz"):
            answer = await house.call("s3", "GetObject", Bucket=bucket, Key=each["Key"])
            found[each["Key"]] = json.loads(gzip.decompress(await body_of(answer)))
    return found


async def delivered(house: OpenedHouse, bucket: str = BUCKET) -> list[dict[str, Any]]:
    """Return every event that was delivered."""
    return [event for content in (await files(house, bucket=bucket)).values() for event in content["Records"]]


async def deliver(house: OpenedHouse) -> None:
    """Let the time of the next delivery come, and deliver."""
    house.clock.advance(timedelta(seconds=DELIVERY_SECONDS + 1))
    await house.run_periodic_work()


async def status(house: OpenedHouse, name: str = "management") -> dict[str, Any]:
    """Return a trail's status."""
    return await house.call("cloudtrail", "GetTrailStatus", Name=name)
