"""Exports to S3: as the service, past the bucket's policy, in AWS's layout."""

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import document, make_identity
from tests.services.kms.made_identities import user as as_user
from tests.services.logs.asking import GROUP, GROUP_ARN, ask, key_for_logs, make_group, now_ms, put
from tests.services.refusals import refused

from strongroom.services.logs.exports import runs

BUCKET = "exports"
DENIED = "Access Denied. Please check if CloudWatch Logs has been granted permission to perform this operation."


async def s3(house: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    return await house.call("s3", operation, Bucket=BUCKET, **params)


def bucket_policy(source: str = GROUP_ARN) -> str:
    """The policy of AWS's manual."""
    service = {"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}}
    own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": f"{source}*"}}
    acl = {"StringEquals": {"aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control"}}
    statements = [
        {**service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{BUCKET}", "Condition": own},
        {**service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*", "Condition": own | acl},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


async def objects(house: OpenedHouse) -> dict[str, bytes]:
    found = {}
    for each in (await s3(house, "ListObjectsV2")).get("Contents", []):
        answer = await s3(house, "GetObject", Key=each["Key"])
        found[each["Key"]] = b"".join([chunk async for chunk in answer["Body"]])
    return found


async def start(house: OpenedHouse, **params: Any) -> str:
    times = {"from": now_ms(house) - 3_600_000, "to": now_ms(house) + 3_600_000}
    named = {"logGroupName": GROUP, "destination": BUCKET}
    return str((await ask(house, "CreateExportTask", **(named | times | params)))["taskId"])


async def status(house: OpenedHouse, task_id: str) -> str:
    answer = await ask(house, "DescribeExportTasks", taskId=task_id)
    return str(answer["exportTasks"][0]["status"]["code"])


def test_events_are_exported_stream_by_stream(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "EVENTS_PER_PART", 3)

    async def body(house: OpenedHouse) -> None:
        await make_group(house, streams=("a", "b/c", "other"), kmsKeyId=await key_for_logs(house))
        at = now_ms(house) - 10_000
        for number in range(5):
            await put(house, f"a {number}", stream="a", at=at + number)
        await put(house, "in b: Straße", stream="b/c")
        await s3(house, "CreateBucket")
        with refused("InvalidParameterException", DENIED):
            await start(house)
        with refused("InvalidParameterException"):
            await start(house, destination="no-such-bucket")
        await s3(house, "PutBucketPolicy", Policy=bucket_policy(GROUP_ARN + "-other"))
        with refused("InvalidParameterException", DENIED):
            await start(house)
        await s3(house, "PutBucketPolicy", Policy=bucket_policy())
        text = document({"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
        without_bucket = await as_user(house, await make_identity(house, "user", "without", text))
        with refused("InvalidParameterException", DENIED):
            await start(house, caller=without_bucket, destinationPrefix="p/q")
        task_id = await start(house, taskName="t", destinationPrefix="p/q", to=now_ms(house))
        assert await status(house, task_id) == "PENDING"
        with refused("LimitExceededException", "Resource limit exceeded."):
            await start(house)
        await house.run_periodic_work()
        assert await status(house, task_id) == "COMPLETED"
        found = await objects(house)
        folder = f"p/q/{task_id}"
        parts = {f"{folder}/a/000000.gz", f"{folder}/a/000001.gz", f"{folder}/b-c/000000.gz"}
        assert set(found) == parts | {"p/q/aws-logs-write-test"}
        lines = b"".join(gzip.decompress(found[f"{folder}/a/00000{part}.gz"]) for part in (0, 1)).decode().splitlines()
        assert [line.partition(" ")[2] for line in lines] == [f"a {number}" for number in range(5)]
        assert lines[0][:4] == "20" + lines[0][2:4]
        assert lines[0][23] == "Z"
        assert gzip.decompress(found[f"{folder}/b-c/000000.gz"]).decode().endswith("in b: Straße\n")
        task = (await ask(house, "DescribeExportTasks", statusCode="COMPLETED"))["exportTasks"][0]
        assert (task["taskName"], task["destination"], task["destinationPrefix"]) == ("t", BUCKET, "p/q")
        assert task["executionInfo"]["completionTime"] >= task["executionInfo"]["creationTime"]

    in_house(body)


def test_an_export_is_cancelled_or_fails(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        await put(house, "x")
        await s3(house, "CreateBucket")
        await s3(house, "PutBucketPolicy", Policy=bucket_policy())
        task_id = await start(house)
        await ask(house, "CancelExportTask", taskId=task_id)
        assert await status(house, task_id) == "CANCELLED"
        with refused("InvalidOperationException"):
            await ask(house, "CancelExportTask", taskId=task_id)
        with refused("ResourceNotFoundException"):
            await ask(house, "CancelExportTask", taskId="no")
        failing = await start(house)
        await s3(house, "DeleteBucketPolicy")
        await house.run_periodic_work()
        assert await status(house, failing) == "FAILED"
        for times in ({"from": 5, "to": 5}, {"from": 1, "to": 2}):
            with refused("InvalidParameterException"):
                await start(house, **times)
        assert await ask(house, "DescribeExportTasks", taskId="no") == {"exportTasks": []}
        house.clock.advance(timedelta(seconds=1))

    in_house(body)
