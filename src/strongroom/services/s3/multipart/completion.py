"""CompleteMultipartUpload: the parts become an object, in one transaction; no byte of them moves."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.crypto.checksums import combine, new_checksum
from strongroom.crypto.random import random_bytes
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3 import tables as s3_tables
from strongroom.services.s3.buckets import as_bucket
from strongroom.services.s3.content import Content
from strongroom.services.s3.encryption_choice import SSE_S3
from strongroom.services.s3.multipart import tables
from strongroom.services.s3.multipart.uploads import COMPOSITE, Upload, find_upload, on_upload
from strongroom.services.s3.object_details import PARTS_MAX
from strongroom.services.s3.received import CHECKSUM_MEMBERS
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import new_version_id, object_place, put_version, require_preconditions
from strongroom.storage.connection import Connection

PART_BYTES_MIN = 5 * 1024**2
"""All parts but the last are at least this long. Source: User Guide, "Amazon S3 multipart upload limits"."""
OBJECT_BYTES_MAX = 50 * 1024**4

PartRow = Any
"""A row of `tables.list_parts`."""


class _Whole(NamedTuple):
    """What the listed parts make: their rows in order, the size, the ETag and the checksums."""

    parts: Sequence[PartRow]
    size: int
    etag: str
    checksums: Mapping[str, str]


def _listed_parts(connection: Connection, upload: Upload, listed: Sequence[Mapping[str, Any]]) -> list[PartRow]:
    """Return the rows of the parts that a request lists. Raises InvalidPart, InvalidPartOrder or EntityTooSmall."""
    there = {row.number: row for row in tables.list_parts(connection, upload.content_id, 0, PARTS_MAX)}
    rows: list[PartRow] = []
    for each in listed:
        number, etag = each["PartNumber"], str(each.get("ETag") or "").strip('"')
        if rows and number <= rows[-1].number:
            raise AwsError(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
                members={"UploadId": upload.upload_id},
            )
        row = there.get(number)
        if row is None or row.details["etag"] != etag:
            raise errors.invalid_part(upload.upload_id, number, etag)
        _require_checksums(upload, row, each)
        rows.append(row)
    for row in rows[:-1]:
        if row.size < PART_BYTES_MIN:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                members={
                    "ProposedSize": str(row.size),
                    "MinSizeAllowed": str(PART_BYTES_MIN),
                    "PartNumber": str(row.number),
                    "ETag": row.details["etag"],
                },
            )
    return rows


def _require_checksums(upload: Upload, row: PartRow, told: Mapping[str, Any]) -> None:
    """Raise BadDigest for a part whose checksum is told wrong, InvalidRequest where it has to be told and is not."""
    known = row.details["checksums"]
    for name, member in CHECKSUM_MEMBERS.items():
        if told.get(member) is not None and member in known and known[member] != told[member]:
            raise errors.bad_part_digest(name.lower(), row.number)
    algorithm = upload.checksum_algorithm
    if upload.checksum_was_asked and upload.checksum_type == COMPOSITE and not told.get(CHECKSUM_MEMBERS[algorithm]):
        raise errors.invalid_request(
            f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
            f"checksum for each part. It was missing for part {row.number} in the request."
        )


def _whole(upload: Upload, rows: Sequence[PartRow]) -> _Whole:
    size = sum(row.size for row in rows)
    if size > OBJECT_BYTES_MAX:
        raise errors.entity_too_large(size, OBJECT_BYTES_MAX)
    if upload.encryption.algorithm == SSE_S3:
        digests = b"".join(bytes.fromhex(row.details["etag"]) for row in rows)
        digest = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    else:
        digest = random_bytes(16).hex()
    return _Whole(rows, size, f"{digest}-{len(rows)}", _checksums(upload, rows))


def _checksums(upload: Upload, rows: Sequence[PartRow]) -> dict[str, str]:
    """Return the checksum of the whole, found from those of its parts."""
    algorithm, kind = upload.checksum_algorithm, upload.checksum_type
    member = CHECKSUM_MEMBERS[algorithm]
    digests = [base64.b64decode(row.details["checksums"][member]) for row in rows]
    if kind == "FULL_OBJECT":
        whole = combine(algorithm.lower(), list(zip(digests, (row.size for row in rows), strict=True)))
        return {member: base64.b64encode(whole).decode(), "ChecksumType": kind}
    checksum = new_checksum(algorithm.lower())
    checksum.update(b"".join(digests))
    return {member: f"{base64.b64encode(checksum.digest()).decode()}-{len(rows)}", "ChecksumType": kind}


def _must_be_as_told(params: Mapping[str, Any], upload: Upload, whole: _Whole) -> None:
    kind = params.get("ChecksumType")
    if kind is not None and kind != upload.checksum_type:
        raise errors.invalid_request(
            f"The upload was created using the {upload.checksum_type} checksum mode. The complete request must use the "
            "same checksum mode."
        )
    size = params.get("MpuObjectSize")
    if size is not None and size != whole.size:
        raise errors.invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {whole.size}"
        )
    for name, member in CHECKSUM_MEMBERS.items():
        told = params.get(member)
        if told is not None and told != whole.checksums.get(member):
            raise errors.bad_digest(name.lower())


@operation(S3, "CompleteMultipartUpload", needs=on_upload("s3:PutObject"))
async def complete_multipart_upload(call: Call) -> Answer:
    """Make an object of the parts of an upload. Source: Amazon S3 API Reference, CompleteMultipartUpload."""
    params = call.params
    upload = await find_upload(call, call.target)
    bucket, key = upload.bucket, upload.key
    listed = (params.get("MultipartUpload") or {}).get("Parts") or []
    if not listed or len(listed) > PARTS_MAX:
        raise errors.malformed_xml()
    version_id, sealer = new_version_id(bucket), call.house.sealer
    sealed_key = sealer.seal(sealer.open(upload.sealed_key, upload.place), object_place(bucket.name, key, version_id))
    stale: list[str] = []

    def write(connection: Connection) -> Answer:
        if tables.select_upload(connection, bucket.name, key, upload.upload_id) is None:
            raise errors.no_such_upload(upload.upload_id)
        row = s3_tables.select_bucket(connection, bucket.name)
        if row is None or as_bucket(row).keeps_versions != bucket.keeps_versions:
            raise errors.conditional_conflict("versioning", key)
        require_preconditions(connection, bucket, key, params.get("IfMatch"), params.get("IfNoneMatch"))
        whole = _whole(upload, _listed_parts(connection, upload, listed))
        _must_be_as_told(params, upload, whole)
        _keep_only(connection, upload, whole.parts, stale)
        details = {**upload.details, "checksums": dict(whole.checksums), "parts_count": len(whole.parts)}
        values = {
            "bucket": bucket.name,
            "key": key,
            "version_id": version_id,
            "is_delete_marker": False,
            "last_modified": call.now,
            "size": whole.size,
            "etag": whole.etag,
            "owner": bucket.account_id,
            "content_id": upload.content_id,
            "encryption": upload.encryption.stored(),
            "sealed_key": sealed_key,
            "details": details,
        }
        stale.extend(put_version(connection, bucket, values))
        tables.delete_upload(connection, upload.upload_id)
        answer: Answer = {"Bucket": bucket.name, "Key": key, "ETag": f'"{whole.etag}"', **whole.checksums}
        answer |= upload.encryption.shown()
        if bucket.keeps_versions:
            answer["VersionId"] = version_id
        return answer

    answer = await call.write(write)
    await call.house.part(Content).delete(stale)
    return {**answer, "Location": _location(call, bucket.name, key)}


def _keep_only(connection: Connection, upload: Upload, rows: Sequence[PartRow], stale: list[str]) -> None:
    """Put the listed parts in their places, and remove those that are not listed."""
    kept = {row.number for row in rows}
    others = [
        row.number for row in tables.list_parts(connection, upload.content_id, 0, PARTS_MAX) if row.number not in kept
    ]
    stale[:] = tables.delete_parts(connection, upload.content_id, others)
    starts: list[tuple[int, int]] = []
    starts_at = 0
    for row in rows:
        starts.append((row.number, starts_at))
        starts_at += row.size
    tables.place_parts(connection, upload.content_id, starts)


def _location(call: Call, bucket: str, key: str) -> str:
    scheme = "https" if call.origin.secure else "http"
    return f"{scheme}://{call.origin.host}/{bucket}/{key}"
