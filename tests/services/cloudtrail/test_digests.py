"""Digests: one an hour, each signed, each telling of the one before; and the keys that sign them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tests.opened_house import InHouse, OpenedHouse
from tests.services.cloudtrail.trailing import BUCKET, bucket_policy, deliver, files, make_trail, status
from tests.services.refusals import refused


async def digests(house: OpenedHouse) -> list[dict[str, Any]]:
    """Return the digests, oldest first."""
    found = (await files(house, "CloudTrail-Digest")).values()
    return sorted(found, key=lambda digest: str(digest["digestEndTime"]))


async def verify(house: OpenedHouse, digest: dict[str, Any]) -> None:
    """Raise unless the signature of a digest holds, by the key that ListPublicKeys tells."""
    key = digest["digestS3Object"]
    metadata = (await house.call("s3", "HeadObject", Bucket=BUCKET, Key=key))["Metadata"]
    assert metadata["signature-algorithm"] == "SHA256withRSA"
    at = datetime.fromisoformat(digest["digestEndTime"])
    listed = await house.call("cloudtrail", "ListPublicKeys", StartTime=at, EndTime=at)
    (public,) = [
        each for each in listed["PublicKeyList"] if each["Fingerprint"] == digest["digestPublicKeyFingerprint"]
    ]
    assert hashlib.md5(public["Value"], usedforsecurity=False).hexdigest() == public["Fingerprint"]
    content = json.dumps(digest, separators=(",", ":")).encode()
    signed = [
        digest["digestEndTime"],
        f"{BUCKET}/{key}",
        hashlib.sha256(content).hexdigest(),
        digest["previousDigestSignature"] or "null",
    ]
    loaded: Any = load_der_public_key(public["Value"])
    loaded.verify(bytes.fromhex(metadata["signature"]), "\n".join(signed).encode(), PKCS1v15(), SHA256())


def test_a_chain(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house, EnableLogFileValidation=True)
        await deliver(house)
        assert await digests(house) == []
        for hours in (1, 1, 3):
            await house.kms("ListKeys")
            house.clock.advance(timedelta(hours=hours))
            await house.run_periodic_work()
        first, second, third = await digests(house)
        for digest in (first, second, third):
            await verify(house, digest)
        assert first["previousDigestS3Object"] is first["previousDigestSignature"] is None
        for before, after in ((first, second), (second, third)):
            assert after["previousDigestS3Object"] == before["digestS3Object"]
            assert after["digestStartTime"] == before["digestEndTime"]
        told = [file["s3Object"] for digest in (first, second, third) for file in digest["logFiles"]]
        assert sorted(told) == sorted(await files(house))
        assert (await status(house))["LatestDigestDeliveryTime"]
        # Who stops logging ends the chain.
        await house.call("cloudtrail", "StopLogging", Name="management")
        assert len(await digests(house)) == 4
        await house.call("cloudtrail", "StartLogging", Name="management")
        house.clock.advance(timedelta(hours=1, minutes=1))
        await house.run_periodic_work()
        newest = (await digests(house))[-1]
        assert newest["previousDigestSignature"] is None
        await verify(house, newest)

    in_house(body)


def test_a_digest_that_cannot_be_delivered(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house, EnableLogFileValidation=True)
        closed = json.loads(bucket_policy())
        closed["Statement"].append(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{BUCKET}/*/CloudTrail-Digest/*",
            }
        )
        await house.call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=json.dumps(closed))
        house.clock.advance(timedelta(hours=2))
        await house.run_periodic_work()
        told = await status(house)
        assert told["LatestDigestDeliveryError"] == "AccessDenied"
        assert "LatestDeliveryError" not in told
        await house.call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=bucket_policy())
        await deliver(house)
        (digest,) = await digests(house)
        assert digest["logFiles"]
        await verify(house, digest)
        assert "LatestDigestDeliveryError" not in await status(house)

    in_house(body)


def test_public_keys(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house, EnableLogFileValidation=True)
        await house.call("cloudtrail", "StopLogging", Name="management")
        (key,) = (await house.call("cloudtrail", "ListPublicKeys"))["PublicKeyList"]
        assert key["ValidityEndTime"] - key["ValidityStartTime"] == timedelta(days=365)
        assert (await house.call("cloudtrail", "ListPublicKeys", region="eu-west-1"))["PublicKeyList"] == []
        now = datetime.fromtimestamp(house.clock.now(), UTC)
        before = await house.call("cloudtrail", "ListPublicKeys", EndTime=now - timedelta(days=1))
        assert before["PublicKeyList"] == []
        with refused("InvalidTimeRangeException"):
            await house.call("cloudtrail", "ListPublicKeys", StartTime=now, EndTime=now - timedelta(days=1))
        house.clock.advance(timedelta(days=366))
        await house.call("cloudtrail", "StartLogging", Name="management")
        await house.call("cloudtrail", "StopLogging", Name="management")
        (new,) = (await house.call("cloudtrail", "ListPublicKeys"))["PublicKeyList"]
        assert new["Fingerprint"] != key["Fingerprint"]

    in_house(body)
