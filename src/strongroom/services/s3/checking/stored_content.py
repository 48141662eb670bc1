"""Everything that has bytes, versions and uploads under way, with the keys that open it as far as the operator can."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from strongroom.base.arn import partition_of
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.data_keys import DATA_KEY_BYTES
from strongroom.operations.house import House
from strongroom.services.s3.bucket_keys.bucket_keys import BucketKey
from strongroom.services.s3.bucket_keys.tables import BUCKET_KEY_PLACE, select_bucket_key
from strongroom.services.s3.checking import tables
from strongroom.services.s3.encryption_choice import CONTEXT_ARN, DSSE_KMS, SSE_C, SSE_S3
from strongroom.services.s3.multipart.tables import UPLOAD_PLACE
from strongroom.services.s3.object_keys import ContentKeys, Encryption, content_place
from strongroom.services.s3.tables import OBJECT_PLACE

ROWS_PER_READ = 200

Decrypt = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes | None]]
"""Given a KMS key's ARN, a ciphertext and its encryption context: the plaintext, or None when the key is gone."""

CUSTOMER_HAS_KEY = "the client keeps its key"
KEY_IS_GONE = "its KMS key is gone"


class StoredContent(NamedTuple):
    """The bytes of a version or of an upload.

    `name` tells people which. Without `keys` it cannot be looked at: because of `why_not`, when nothing is wrong with
    it, or of `damage`, when something is.
    """

    name: str
    content_id: str
    keys: ContentKeys | None
    why_not: str = ""
    damage: str = ""


class _NotOpenableError(Exception):
    """There is nothing wrong, but nothing to check with either."""


async def everything_stored(house: House, decrypt: Decrypt) -> AsyncGenerator[StoredContent, None]:
    """Yield every version that has bytes, then every upload under way."""
    place: tuple[str, str, int] | None = ("", "", 0)
    while place is not None:
        rows = await house.store.read(partial(tables.versions_behind, after=place, limit=ROWS_PER_READ))
        for row in rows:
            name = f"s3://{row.bucket}/{row.key}"
            if row.version_id != "null":
                name += f" (version {row.version_id})"
            sealed_for = OBJECT_PLACE.format(bucket=row.bucket, key=row.key, version_id=row.version_id)
            yield await _content(house, decrypt, row, name, sealed_for)
        place = (rows[-1].bucket, rows[-1].key, rows[-1].sequence) if len(rows) == ROWS_PER_READ else None
    after: str | None = ""
    while after is not None:
        uploads = await house.store.read(partial(tables.uploads_behind, after=after, limit=ROWS_PER_READ))
        for row in uploads:
            name = f"s3://{row.bucket}/{row.key} (upload {row.upload_id})"
            yield await _content(house, decrypt, row, name, UPLOAD_PLACE.format(upload_id=row.upload_id))
        after = uploads[-1].upload_id if len(uploads) == ROWS_PER_READ else None


async def _content(house: House, decrypt: Decrypt, row: Any, name: str, sealed_for: str) -> StoredContent:
    encryption = Encryption(**(row.encryption or {"algorithm": ""}))
    try:
        keys = await _keys(house, decrypt, row, encryption, house.sealer.open(row.sealed_key, sealed_for))
    except _NotOpenableError as why_not:
        return StoredContent(name, row.content_id, None, why_not=str(why_not))
    except (SealBroken, AuthenticationFailed) as error:
        return StoredContent(name, row.content_id, None, damage=f"its keys do not open: {error}")
    return StoredContent(name, row.content_id, keys)


async def _keys(house: House, decrypt: Decrypt, row: Any, encryption: Encryption, wrapped: bytes) -> ContentKeys:
    """Return the keys of a content, as `object_keys` made them."""
    if encryption.algorithm == SSE_C:
        raise _NotOpenableError(CUSTOMER_HAS_KEY)
    if encryption.algorithm == SSE_S3:
        return ContentKeys(wrapped)
    bucket_arn = f"arn:{partition_of(row.region)}:s3:::{row.bucket}"
    if encryption.bucket_key_id:
        bucket_key = await _bucket_key(house, decrypt, row, encryption, bucket_arn)
        return ContentKeys(bucket_key.unwrap(wrapped, content_place(row.content_id)))
    inner, ciphertext = None, wrapped
    if encryption.algorithm == DSSE_KMS:
        inner, ciphertext = wrapped[:DATA_KEY_BYTES], wrapped[DATA_KEY_BYTES:]
    context = {**encryption.context, CONTEXT_ARN: f"{bucket_arn}/{row.key}"}
    data_key = await decrypt(encryption.key_arn, ciphertext, context)
    if data_key is None:
        raise _NotOpenableError(KEY_IS_GONE)
    return ContentKeys(data_key) if inner is None else ContentKeys(inner, data_key)


async def _bucket_key(house: House, decrypt: Decrypt, row: Any, encryption: Encryption, bucket_arn: str) -> BucketKey:
    bucket_key_id = encryption.bucket_key_id
    found = await house.store.read(lambda connection: select_bucket_key(connection, bucket_key_id))
    if found is None:
        raise SealBroken(bucket_arn, "its bucket key is missing")
    place = BUCKET_KEY_PLACE.format(bucket=row.bucket, bucket_key_id=bucket_key_id)
    context = {**encryption.context, CONTEXT_ARN: bucket_arn}
    secret = await decrypt(found.key_arn, house.sealer.open(found.sealed, place), context)
    if secret is None:
        raise _NotOpenableError(KEY_IS_GONE)
    return BucketKey(bucket_key_id, found.key_arn, secret, 0.0)
