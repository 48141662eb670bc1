"""kill -9 while a trail logs: every acknowledged change is delivered, once the server is back."""

import gzip
import json
from pathlib import Path

from tests.clients.test_cloudtrail_cli import policy_for
from tests.running_server import RunningServer

BUCKET = "killed-bucket"
LIVES = 3
CHANGES = 15


def test_every_acknowledged_change_is_delivered(tmp_path: Path) -> None:
    server = RunningServer(tmp_path, options=("--request-quotas", "off"))
    try:
        s3, cloudtrail = server.client("s3"), server.client("cloudtrail")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy_for(BUCKET, "killed"))
        cloudtrail.create_trail(Name="killed", S3BucketName=BUCKET, EnableLogFileValidation=True)
        cloudtrail.start_logging(Name="killed")
        made = []
        for life in range(LIVES):
            kms = server.client("kms")
            for number in range(CHANGES):
                made.append(kms.create_key(Description=f"{life}/{number}")["KeyMetadata"]["KeyId"])
            server.kill()
            server.start()
        server.client("cloudtrail").stop_logging(Name="killed")
        s3 = server.client("s3")
        told = []
        for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
            if "/CloudTrail/" in each["Key"] and each["Key"].endswith(".gz"):
                body = s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
                told += json.loads(gzip.decompress(body))["Records"]
        keys = [
            event["responseElements"]["keyMetadata"]["keyId"] for event in told if event["eventName"] == "CreateKey"
        ]
        assert set(keys) == set(made)
        # At each start of a server, what is due is delivered, and it may have been killed between file and position.
        assert len(keys) < len(made) + LIVES * CHANGES
        assert {event["eventName"] for event in told} >= {"StartLogging", "StopLogging"}
    finally:
        server.kill()
