"""The bucket keys in use: which one wraps the next object's data key, and which ones have been unwrapped lately.

A bucket key in plaintext is kept for one caller, for a limited time and number of uses. KMS is asked again, as the
caller, once either is over; and at once after any change to a KMS key or to anybody's permissions, so that a disabled
key or a withdrawn permission counts at the next request. Source: Amazon S3 User Guide, "Reducing the cost of SSE-KMS
with Amazon S3 Bucket Keys".
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from strongroom.crypto.aead import DerivedKeyAead
from strongroom.operations.call import Call
from strongroom.operations.data_keys import decrypt_data_key, generate_data_key
from strongroom.operations.house import House
from strongroom.services.s3.bucket_keys import tables
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.kms_refusals import kms_refusals_as_s3
from strongroom.storage.connection import Connection

SECONDS_MAX = 300.0
"""How long a bucket key wraps and unwraps for one caller before KMS is asked again."""
USES_MAX = 10_000
CACHED_MAX = 1_000
_PERMISSIONS = ("kms/", "kms-grants/", "iam/")
"""What the names of changes begin with that may take the use of a KMS key away from somebody."""


class BucketKey:
    """A bucket key in plaintext, for one caller. It wraps data keys, each under a key of its own."""

    __slots__ = ("_aead", "expires_at", "id", "key_arn", "uses")

    def __init__(self, bucket_key_id: str, key_arn: str, secret: bytes, expires_at: float) -> None:
        self.id = bucket_key_id
        self.key_arn = key_arn
        self.expires_at = expires_at
        self.uses = 0
        self._aead = DerivedKeyAead(secret)

    def __repr__(self) -> str:
        return f"BucketKey({self.id!r}, hidden)"

    def wrap(self, data_key: bytes, place: str) -> bytes:
        """Return a data key, encrypted for its place."""
        return self._aead.encrypt(data_key, place.encode())

    def unwrap(self, wrapped: bytes, place: str) -> bytes:
        """Return the data key. Raises AuthenticationFailed."""
        return self._aead.decrypt(wrapped, place.encode())


_Who = tuple[str, str]
"""A caller, and the credentials it calls with: sessions of one role and name may be limited in different ways."""


def _who(call: Call) -> _Who:
    return call.caller.user_id, call.caller.identity.access_key_id


class _Use(NamedTuple):
    """For whom a bucket key wraps what: bucket, KMS key as it was named, caller, and encryption context."""

    bucket: str
    key_id: str
    caller: _Who
    context: frozenset[tuple[str, str]]


class BucketKeys:
    """The bucket keys in use of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._wrapping: dict[_Use, BucketKey] = {}
        self._unwrapped: dict[tuple[_Who, str], BucketKey] = {}
        self._making: dict[_Use, asyncio.Lock] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names or any(name.startswith(_PERMISSIONS) for name in names):
            self._wrapping.clear()
            self._unwrapped.clear()
            self._changes_seen += 1

    def _usable(self, key: BucketKey | None) -> BucketKey | None:
        is_usable = key is not None and key.uses < USES_MAX and self._house.clock.now() < key.expires_at
        return key if is_usable else None

    async def for_writing(self, call: Call, bucket: Bucket, key_id: str, context: dict[str, str]) -> BucketKey:
        """Return the bucket key that wraps the caller's next data key, a fresh one when there is none.

        `context` is the encryption context of the bucket key itself. Raises AwsError as S3 does when KMS refuses.
        """
        use = _Use(bucket.name, key_id, _who(call), frozenset(context.items()))
        key = self._usable(self._wrapping.get(use))
        if key is None:
            # Many uploads that begin at once wait for one key, they do not make one each.
            lock = self._making.setdefault(use, asyncio.Lock())
            try:
                async with lock:
                    key = self._usable(self._wrapping.get(use)) or await self._made(call, bucket, use, context)
            finally:
                if not lock.locked():
                    self._making.pop(use, None)
        key.uses += 1
        return key

    async def _made(self, call: Call, bucket: Bucket, use: _Use, context: dict[str, str]) -> BucketKey:
        """Return a fresh bucket key, and remember it unless a permission may have changed meanwhile."""
        changes_seen = self._changes_seen
        key = await self._make(call, bucket, use.key_id, context)
        if changes_seen == self._changes_seen:
            self._remember(use, key)
        return key

    async def _make(self, call: Call, bucket: Bucket, key_id: str, context: dict[str, str]) -> BucketKey:
        with kms_refusals_as_s3():
            made = await generate_data_key(call, key_id, context)
        bucket_key_id, now = uuid.uuid4().hex, call.now
        place = tables.BUCKET_KEY_PLACE.format(bucket=bucket.name, bucket_key_id=bucket_key_id)
        values = {
            "bucket_key_id": bucket_key_id,
            "bucket": bucket.name,
            "key_arn": made.key_arn,
            "created_at": now,
            "sealed": self._house.sealer.seal(made.ciphertext, place),
        }

        def write(connection: Connection) -> None:
            tables.insert_bucket_key(connection, values)

        # It is durable before anything is wrapped with it: what it wraps must open again after a crash.
        await self._house.store.write(write)
        return BucketKey(bucket_key_id, made.key_arn, made.plaintext, now + SECONDS_MAX)

    def _remember(self, use: _Use, key: BucketKey) -> None:
        if len(self._wrapping) >= CACHED_MAX:
            self._wrapping.clear()
        self._wrapping[use] = key
        self._remember_unwrapped(use.caller, key)

    def _remember_unwrapped(self, caller: _Who, key: BucketKey) -> None:
        if len(self._unwrapped) >= CACHED_MAX:
            self._unwrapped.clear()
        self._unwrapped[caller, key.id] = key

    async def for_reading(
        self, call: Call, bucket: Bucket, bucket_key_id: str, context: dict[str, str]
    ) -> BucketKey | None:
        """Return a bucket key by its id, unwrapped by KMS as the caller when it is not at hand; None when it is gone.

        Raises AwsError as S3 does when KMS refuses.
        """
        caller = _who(call)
        key = self._usable(self._unwrapped.get((caller, bucket_key_id)))
        if key is None:
            changes_seen = self._changes_seen
            row = await call.read(lambda connection: tables.select_bucket_key(connection, bucket_key_id))
            if row is None or row.bucket != bucket.name:
                return None
            place = tables.BUCKET_KEY_PLACE.format(bucket=row.bucket, bucket_key_id=bucket_key_id)
            ciphertext = self._house.sealer.open(row.sealed, place)
            with kms_refusals_as_s3():
                secret = await decrypt_data_key(call, ciphertext, row.key_arn, context)
            key = BucketKey(bucket_key_id, row.key_arn, secret, call.now + SECONDS_MAX)
            if changes_seen == self._changes_seen:
                self._remember_unwrapped(caller, key)
        key.uses += 1
        return key
