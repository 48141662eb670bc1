"""Every byte that a trail delivers, decrypted, and all of the event history, searched for secrets; and the disk."""

import contextlib
import gzip
import json
import secrets
from pathlib import Path
from typing import Any

from tests.clients.test_cloudtrail_cli import policy_for
from tests.faults.secrets_on_disk import search, secret_parts
from tests.faults.test_canary import long, public_files, split, unsealed
from tests.faults.told_secrets import is_reference, use
from tests.running_server import RunningServer
from tests.services.cloudtrail.trailing import key_policy

ACCOUNT = "000000000000"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/canary"
BUCKET = "canary-bucket"


def begin_to_log(server: RunningServer) -> None:
    """Make a trail under a key that logs everything."""
    s3, cloudtrail = server.client("s3"), server.client("cloudtrail")
    policy = key_policy(TRAIL, ACCOUNT)
    key_id = server.client("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy_for(BUCKET, "canary"))
    settings = {"IsMultiRegionTrail": True, "EnableLogFileValidation": True, "KmsKeyId": key_id}
    cloudtrail.create_trail(Name="canary", S3BucketName=BUCKET, **settings)
    everything = {"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
    cloudtrail.put_event_selectors(TrailName="canary", EventSelectors=[everything])
    cloudtrail.start_logging(Name="canary")


def logged(server: RunningServer) -> dict[str, bytes]:
    """Return all that was delivered, in clear, and all that the event history tells, by its name."""
    s3, cloudtrail = server.client("s3"), server.client("cloudtrail")
    cloudtrail.stop_logging(Name="canary")
    found = {}
    for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        if each["Key"].endswith(".gz"):
            got = s3.get_object(Bucket=BUCKET, Key=each["Key"])
            found[each["Key"]] = gzip.decompress(got["Body"].read()) + json.dumps(got["Metadata"]).encode()
            assert got["ServerSideEncryption"] == ("AES256" if "Digest" in each["Key"] else "aws:kms")
    pages = cloudtrail.get_paginator("lookup_events").paginate()
    history = [event["CloudTrailEvent"] for page in pages for event in page["Events"]]
    found["the event history"] = "\n".join(history).encode()
    return found


def test_no_secret_is_delivered(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    server = RunningServer(tmp_path / "home", options=("--log-level", "debug", "--request-quotas", "off"))
    try:
        begin_to_log(server)
        told = use(server, secrets.token_bytes(32))
        found = logged(server)
        assert server.stop() == 0
        asked = [each for each in long(told).items() if not is_reference(each[0])]
        assert search(found, asked) == []
        delivered = b"".join(found.values())
        for operation in (b"ImportKeyMaterial", b"GetSessionToken", b"CreateAccessKey", b"Encrypt", b"StopLogging"):
            assert operation in delivered
        kept, _ = split(unsealed(server.home))
        keys = signing_keys(kept)
        assert keys
        others = {place: value for place, value in kept.items() if not place.startswith("cloudtrail_digest_keys/")}
        # What a trail delivers is made of the audit trail; no key of any level may have come with it.
        assert search(found, [*others.items(), *keys.items()]) == []
        assert search(public_files(server.home), keys.items()) == []
    finally:
        server.kill()


def signing_keys(kept: dict[str, Any]) -> dict[str, bytes]:
    """Return what is secret of the keys that sign digests."""
    parts = {}
    for place, opened in kept.items():
        if place.startswith("cloudtrail_digest_keys/"):
            with contextlib.suppress(ValueError):
                parts |= {f"{place}: {part}": value for part, value in secret_parts(opened).items()}
    return parts
