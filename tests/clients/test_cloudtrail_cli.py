"""`aws cloudtrail`, unmodified: trails, event history, and validate-logs, which trusts nobody."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.clients.shell import Shell
from tests.identities_made import house_to_be_served, served_options
from tests.opened_house import OpenedHouse
from tests.running_server import RunningServer, running_server
from tests.services.cloudtrail.trailing import bucket_policy, make_bucket

from strongroom.base.clock import Clock

ACCOUNT = "000000000000"
HOURS = 3


def policy_for(bucket: str, trail: str) -> str:
    """Return a bucket policy for a trail of the server's first account."""
    source = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{trail}"
    return bucket_policy(bucket, source=source).replace("AWSLogs/111122223333", f"AWSLogs/{ACCOUNT}")


def test_a_trail_from_the_command_line(shell: Shell) -> None:
    (shell.home / "policy.json").write_text(policy_for("cli-trail-bucket", "cli-trail"))
    script = """
        aws s3api create-bucket --bucket cli-trail-bucket > /dev/null
        aws s3api put-bucket-policy --bucket cli-trail-bucket --policy file://policy.json
        aws cloudtrail create-trail --name cli-trail --s3-bucket-name cli-trail-bucket \
            --enable-log-file-validation > /dev/null
        aws cloudtrail start-logging --name cli-trail
        aws kms create-key > /dev/null
        aws cloudtrail stop-logging --name cli-trail
        aws cloudtrail get-trail-status --name cli-trail
    """
    status = shell.answer(script)
    assert status["IsLogging"] is False
    assert "LatestDeliveryError" not in status
    assert status["LatestDigestDeliveryTime"]
    validate = f"aws cloudtrail validate-logs --start-time 2020-01-01T00:00:00Z --verbose --trail-arn \
        arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/cli-trail"
    done = shell.run(validate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1/1 digest files valid" in done.stdout
    assert "1/1 log files valid" in done.stdout
    history = shell.answer(
        "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=CreateTrail"
    )
    (event,) = [each for each in history["Events"] if "cli-trail" in each["CloudTrailEvent"]]
    assert event["Username"] == "root"
    assert json.loads(event["CloudTrailEvent"])["requestParameters"]["enableLogFileValidation"] is True


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    """A server whose trail has logged for three hours, and the ARN of the trail."""
    home = tmp_path_factory.mktemp("past")
    arns: list[str] = []

    async def log_for_hours() -> None:
        house = await house_to_be_served(home, Clock(-HOURS * 3_600 - 60))
        opened = OpenedHouse(house, house.clock)
        account = house.configuration.account_id
        opened.caller = type(opened.caller).root(account, "AKIATESTROOTKEY00001")
        try:
            arn = f"arn:aws:cloudtrail:us-east-1:{account}:trail/past"
            await make_bucket(opened, "past-bucket", source=arn)
            text = bucket_policy("past-bucket", source=arn).replace("111122223333", account)
            await opened.call("s3", "PutBucketPolicy", Bucket="past-bucket", Policy=text)
            asked = {"Name": "past", "S3BucketName": "past-bucket", "EnableLogFileValidation": True}
            made = await opened.call("cloudtrail", "CreateTrail", IsMultiRegionTrail=True, **asked)
            arns.append(made["TrailARN"])
            await opened.call("cloudtrail", "StartLogging", Name="past")
            for _ in range(HOURS):
                await opened.kms("ListKeys")
                await opened.kms("ListKeys", region="eu-west-1")
                house.clock.advance(timedelta(hours=1))
                await opened.run_periodic_work()
        finally:
            await house.close()

    asyncio.run(log_for_hours())
    with running_server(home, options=served_options(home)) as server:
        yield server, arns[0]


def validated(server: RunningServer, arn: str, home: Path, region: str = "us-east-1") -> tuple[int, str, str]:
    """Run validate-logs over everything; return its exit status and what it said."""
    shell = Shell(server, home)
    done = shell.run(
        f"aws cloudtrail validate-logs --start-time 2020-01-01T00:00:00Z --trail-arn {arn} --region {region}"
    )
    return done.returncode, done.stdout, done.stderr


def stored(server: RunningServer, kind: str) -> tuple[Any, list[str]]:
    """Return an S3 client, and the keys of log files (`CloudTrail`) or digests (`CloudTrail-Digest`)."""
    s3 = server.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="past-bucket")
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return s3, [key for key in keys if f"/{kind}/us-east-1/" in key]


def test_validate_logs_accepts_and_finds_what_was_changed(past: tuple[RunningServer, str], tmp_path: Path) -> None:
    server, arn = past
    for region in ("us-east-1", "eu-west-1"):
        status, said, complaint = validated(server, arn, tmp_path, region)
        assert status == 0, said + complaint
        assert f"{HOURS}/{HOURS} digest files valid" in said
        assert f"{HOURS}/{HOURS} log files valid" in said
    s3, logs = stored(server, "CloudTrail")
    _, digests = stored(server, "CloudTrail-Digest")
    assert len(logs) == len(digests) == HOURS
    body = gzip.decompress(s3.get_object(Bucket="past-bucket", Key=logs[0])["Body"].read())
    s3.put_object(Bucket="past-bucket", Key=logs[0], Body=gzip.compress(body.replace(b"Keys", b"Kyes")))
    digest = s3.get_object(Bucket="past-bucket", Key=digests[1])
    forged = gzip.compress(gzip.decompress(digest["Body"].read()).replace(logs[1].encode(), logs[2].encode()))
    s3.put_object(Bucket="past-bucket", Key=digests[1], Body=forged, Metadata=digest["Metadata"])
    status, said, complaint = validated(server, arn, tmp_path)
    assert status == 1
    assert f"{logs[0]}\tINVALID: hash value doesn't match" in complaint
    assert f"{digests[1]}\tINVALID: signature verification failed" in complaint
    assert "1/2 log files INVALID" in said
    s3.delete_object(Bucket="past-bucket", Key=logs[0])
    s3.delete_object(Bucket="past-bucket", Key=digests[1])
    status, _, complaint = validated(server, arn, tmp_path)
    assert status == 1
    assert f"{logs[0]}\tINVALID: not found" in complaint
    assert f"{digests[1]}\tINVALID: not found" in complaint
