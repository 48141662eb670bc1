"""Digests: once an hour, signed, what each log file's hash is; and each tells the signature of the one before it.

So a log file that was changed, deleted or made up is found out, and a digest too. Source: AWS CloudTrail User Guide,
"CloudTrail digest file structure", "Custom implementations of CloudTrail log file integrity validation".
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isal import igzip

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.cloudtrail import tables
from strongroom.services.cloudtrail.destinations import folder_of
from strongroom.services.cloudtrail.digest_keys import DigestKey, digest_key
from strongroom.services.cloudtrail.log_files import time_text
from strongroom.services.cloudtrail.own_calls import OwnCalls
from strongroom.services.cloudtrail.trails import Trail
from strongroom.storage.connection import Connection

DIGEST_SECONDS = 3_600.0
SIGNATURE_ALGORITHM = "SHA256withRSA"


def begin_chains(connection: Connection, key: tables.TrailKey, regions: Iterable[str], now: float) -> None:
    """Begin the chains of digests that there are not yet; all of a trail's begin with the first one."""
    chains = tables.list_chains(connection, key)
    began_at = min((chain["began_at"] for chain in chains.values()), default=float(int(now)))
    for region in regions:
        if region not in chains:
            tables.replace_chain(connection, key, region, {"began_at": began_at, "previous": None})


async def deliver_digests(house: House, trail: Trail, *, is_last: bool) -> None:
    """Deliver the digests of a trail that are due, of every Region; the last ones are due, and end the chains.

    Raises AwsError as S3 does.
    """
    chains = await house.store.read(lambda connection: tables.list_chains(connection, trail.key))
    now = float(int(house.clock.now()))
    for region, chain in chains.items():
        hours = (now - chain["began_at"]) // DIGEST_SECONDS
        ends_at = max(now, chain["began_at"] + 1) if is_last else chain["began_at"] + hours * DIGEST_SECONDS
        if ends_at > chain["began_at"]:
            await _deliver(house, trail, region, chain, ends_at)
    if is_last and chains:
        await house.store.write(lambda connection: tables.delete_chains(connection, trail.key))


async def _deliver(house: House, trail: Trail, region: str, chain: Mapping[str, Any], ends_at: float) -> None:
    rows = await house.store.read(lambda connection: tables.list_log_files(connection, trail.key, region))
    key = await digest_key(house, region, ends_at)
    digest = _Digest(trail, region, chain, ends_at, [row.file for row in rows], key)
    await OwnCalls(house, trail.key).put_object(
        trail.settings["S3BucketName"],
        digest.key,
        igzip.compress(digest.content),
        metadata={"signature": digest.signature, "signature-algorithm": SIGNATURE_ALGORITHM},
    )
    last = rows[-1].number if rows else 0

    def write(connection: Connection) -> None:
        tables.replace_chain(connection, trail.key, region, {"began_at": ends_at, "previous": digest.told()})
        tables.delete_log_files(connection, trail.key, region, last)

    await house.store.write(write)


class _Digest:
    """One digest: its key, its content, its signature."""

    def __init__(
        self,
        trail: Trail,
        region: str,
        chain: Mapping[str, Any],
        ends_at: float,
        files: Sequence[Mapping[str, Any]],
        key: DigestKey,
    ) -> None:
        account_id, moment = trail.key.account_id, as_datetime(ends_at)
        whose = f"{region}_{trail.key.name}_{trail.key.region}"
        name = f"{account_id}_CloudTrail-Digest_{whose}_{moment:%Y%m%dT%H%M%SZ}.json.gz"
        folder = folder_of(trail.settings, account_id, "CloudTrail-Digest")
        self.bucket: str = trail.settings["S3BucketName"]
        self.key = f"{folder}{region}/{moment:%Y/%m/%d}/{name}"
        previous: Mapping[str, Any] = chain["previous"] or {}
        told = {
            "awsAccountId": account_id,
            "digestStartTime": time_text(chain["began_at"]),
            "digestEndTime": time_text(ends_at),
            "digestS3Bucket": self.bucket,
            "digestS3Object": self.key,
            "digestPublicKeyFingerprint": key.fingerprint,
            "digestSignatureAlgorithm": SIGNATURE_ALGORITHM,
            "newestEventTime": max((file["newestEventTime"] for file in files), default=None),
            "oldestEventTime": min((file["oldestEventTime"] for file in files), default=None),
            "previousDigestS3Bucket": previous.get("bucket"),
            "previousDigestS3Object": previous.get("key"),
            "previousDigestHashValue": previous.get("hash"),
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": previous.get("signature"),
            "logFiles": list(files),
        }
        self.content = json.dumps(told, separators=(",", ":")).encode()
        self.hash = hashlib.sha256(self.content).hexdigest()
        to_sign = (told["digestEndTime"], f"{self.bucket}/{self.key}", self.hash, previous.get("signature") or "null")
        self.signature = key.sign("\n".join(to_sign))

    def told(self) -> dict[str, str]:
        """Return what the next digest tells of this one."""
        return {"bucket": self.bucket, "key": self.key, "hash": self.hash, "signature": self.signature}


async def deliver_and_note(house: House, trail: Trail, *, is_last: bool = False) -> None:
    """Deliver what digests are due, and note in the trail's status how that went."""
    try:
        await deliver_digests(house, trail, is_last=is_last)
    except AwsError as error:
        noted: dict[str, Any] = {"LatestDigestDeliveryError": error.code}
    else:
        noted = {"LatestDigestDeliveryError": None, "LatestDigestDeliveryTime": house.clock.now()}

    def write(connection: Connection) -> None:
        row = tables.select_trail(connection, trail.key)
        if row is not None:
            tables.update_trail(connection, trail.key, {"status": dict(row.status) | noted})

    await house.store.write(write)
