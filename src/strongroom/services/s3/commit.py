"""The row is the commit: bytes are written and durable before it, and nothing shows without it."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.buckets import Bucket, as_bucket
from strongroom.services.s3.content import Content, Piece
from strongroom.services.s3.object_keys import NewKeys
from strongroom.services.s3.versions import Version, object_place, put_version, require_preconditions
from strongroom.storage.connection import Connection


async def commit_object(
    call: Call,
    bucket: Bucket,
    key: str,
    *,
    version_id: str,
    content_id: str,
    pieces: Sequence[Piece],
    size: int,
    etag: str,
    new: NewKeys,
    details: Mapping[str, Any],
) -> Version:
    """Make what was received the newest version of an object, in one transaction with the audit record.

    Raises PreconditionFailed and the like when a conditional write lost; the bytes are discarded then.
    """
    content = call.house.part(Content)
    if_match, if_none_match = call.params.get("IfMatch"), call.params.get("IfNoneMatch")
    values = {
        "bucket": bucket.name,
        "key": key,
        "version_id": version_id,
        "is_delete_marker": False,
        "last_modified": call.now,
        "size": size,
        "etag": etag,
        "owner": bucket.account_id,
        "content_id": content_id,
        "encryption": new.encryption.stored(),
        "sealed_key": call.house.sealer.seal(new.wrapped, object_place(bucket.name, key, version_id)),
        "details": details,
    }
    stale: list[str] = []

    def write(connection: Connection) -> Answer:
        row = tables.select_bucket(connection, bucket.name)
        if row is None:
            raise errors.no_such_bucket(bucket.name)
        # Versioning may have been switched since the bytes began to arrive.
        if as_bucket(row).keeps_versions != bucket.keeps_versions:
            raise errors.conditional_conflict("versioning", key)
        require_preconditions(connection, bucket, key, if_match, if_none_match)
        stale[:] = put_version(connection, bucket, values)
        for piece in pieces:
            tables.insert_piece(connection, piece.values(content_id))
        return {"ETag": f'"{etag}"'}

    async with content.unless_committed([piece.blob for piece in pieces if piece.blob is not None]):
        await call.write(write)
    await content.delete(stale)
    return Version(
        bucket=bucket.name,
        key=key,
        version_id=version_id,
        is_latest=True,
        is_delete_marker=False,
        last_modified=call.now,
        size=size,
        etag=etag,
        owner=bucket.account_id,
        content_id=content_id,
        encryption=new.encryption,
        sealed_key=None,
        details=details,
    )
