"""The keys that sign digests: RSA, 2,048 bits, one a Region and year, the private ones sealed.

Source: AWS CloudTrail API Reference, ListPublicKeys; AWS CloudTrail User Guide, "CloudTrail digest file structure".
"""

import asyncio
import hashlib
from typing import NamedTuple

from strongroom.base.clock import as_datetime
from strongroom.crypto.rsa import RsaPrivateKey, generate_rsa_private_key
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.services.cloudtrail import errors, tables
from strongroom.services.cloudtrail.access import account_wide
from strongroom.services.cloudtrail.service import CLOUDTRAIL

KEY_BITS = 2_048
VALID_SECONDS = 365 * 86_400.0
EARLIER_SECONDS = 3_600.0
"""How much earlier a key is valid than the digest that it was made for: other trails' digests are late too."""


class DigestKey(NamedTuple):
    """A key that signs, and what a digest calls it."""

    fingerprint: str
    private: RsaPrivateKey

    def sign(self, text: str) -> str:
        """Return the signature (PKCS #1 v1.5, SHA-256) of a text, hexadecimal. Takes a millisecond."""
        return self.private.sign_pkcs1v15(hashlib.sha256(text.encode()).digest(), "sha256").hex()


async def digest_key(house: House, region: str, at: float) -> DigestKey:
    """Return the key that signs a Region's digests that end at some time; it is made when there is none."""
    row = await house.store.read(lambda connection: tables.current_digest_key(connection, region, at))
    if row is None:
        pkcs8 = await asyncio.to_thread(generate_rsa_private_key, KEY_BITS)
        public = RsaPrivateKey(pkcs8, unsafe_skip_check=True).pkcs1
        # CloudTrail calls its keys so; nothing rests on it that somebody could forge.
        fingerprint = hashlib.md5(public, usedforsecurity=False).hexdigest()
        place = tables.DIGEST_KEY_PLACE.format(fingerprint=fingerprint)
        values = {
            "fingerprint": fingerprint,
            "region": region,
            "valid_from": at - EARLIER_SECONDS,
            "valid_until": at - EARLIER_SECONDS + VALID_SECONDS,
            "public_key": public,
            "sealed": house.sealer.seal(pkcs8, place),
        }

        row = await house.store.write(lambda connection: tables.ensure_digest_key(connection, values, at))
    pkcs8 = house.sealer.open(row.sealed, tables.DIGEST_KEY_PLACE.format(fingerprint=row.fingerprint))
    return DigestKey(row.fingerprint, RsaPrivateKey(pkcs8, unsafe_skip_check=True))


@operation(CLOUDTRAIL, "ListPublicKeys", needs=account_wide("cloudtrail:ListPublicKeys"), reads_only=True)
async def list_public_keys(call: Call) -> Answer:
    """List the public keys of this Region's digests that were valid in a time range; without one, in the last day.

    Source: AWS CloudTrail API Reference, ListPublicKeys.
    """
    if call.params.get("NextToken") is not None:
        raise errors.invalid_token()
    start, end = call.params.get("StartTime"), call.params.get("EndTime")
    until = end.timestamp() if end is not None else call.now
    since = start.timestamp() if start is not None else until - 86_400
    if since > until:
        raise errors.invalid_time_range()
    rows = await call.read(lambda connection: tables.list_digest_keys(connection, call.region, since, until))
    return {
        "PublicKeyList": [
            {
                "Value": row.public_key,
                "ValidityStartTime": as_datetime(row.valid_from),
                "ValidityEndTime": as_datetime(row.valid_until),
                "Fingerprint": row.fingerprint,
            }
            for row in rows
        ]
    }
