"""ListParts and ListMultipartUploads. Source: Amazon S3 API Reference."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.bucket_lifecycle import owner_id
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.listings.object_listing import common_prefix
from strongroom.services.s3.multipart import tables
from strongroom.services.s3.multipart.uploads import find_upload, on_upload
from strongroom.services.s3.service import S3
from strongroom.storage.connection import Connection

ENTRIES_PER_PAGE_MAX = 1_000


@operation(S3, "ListParts", needs=on_upload("s3:ListMultipartUploadParts"), reads_only=True)
async def list_parts(call: Call) -> Answer:
    """List the parts that an upload has. Source: Amazon S3 API Reference, ListParts."""
    params = call.params
    upload = await find_upload(call, call.target)
    asked = params.get("MaxParts")
    limit = min(asked, ENTRIES_PER_PAGE_MAX) if asked is not None else ENTRIES_PER_PAGE_MAX
    after = int(params.get("PartNumberMarker") or 0)
    rows = await call.read(lambda connection: tables.list_parts(connection, upload.content_id, after, limit + 1))
    owner = {"ID": owner_id(upload.bucket.account_id)}
    answer: Answer = {
        "Bucket": upload.bucket.name,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": after,
        "MaxParts": limit,
        "IsTruncated": len(rows) > limit,
        "Parts": [_part(row, with_checksums=upload.checksum_was_asked) for row in rows[:limit]],
        "Initiator": owner,
        "Owner": owner,
        "StorageClass": upload.details.get("StorageClass", "STANDARD"),
    }
    if upload.checksum_was_asked:
        answer |= {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type}
    if rows[:limit]:
        answer["NextPartNumberMarker"] = rows[:limit][-1].number
    return answer


def _part(row: Any, *, with_checksums: bool) -> dict[str, Any]:
    details = row.details
    return {
        "PartNumber": row.number,
        "LastModified": as_datetime(int(details["last_modified"])),
        "ETag": f'"{details["etag"]}"',
        "Size": row.size,
        **(details["checksums"] if with_checksums else {}),
    }


@operation(S3, "ListMultipartUploads", needs=control_of_bucket("s3:ListBucketMultipartUploads"), reads_only=True)
async def list_multipart_uploads(call: Call) -> Answer:
    """List the uploads under way in a bucket. Source: Amazon S3 API Reference, ListMultipartUploads."""
    bucket: Bucket = call.target
    params = call.params
    prefix, delimiter = params.get("Prefix") or "", params.get("Delimiter") or ""
    key_marker, upload_marker = params.get("KeyMarker") or "", params.get("UploadIdMarker")
    asked = params.get("MaxUploads")
    limit = min(asked, ENTRIES_PER_PAGE_MAX) if asked is not None else ENTRIES_PER_PAGE_MAX
    uploads: list[Any] = []
    prefixes: list[str] = []

    def read(connection: Connection) -> bool:
        """Fill the page; whether more follows."""
        after_key, after_upload = key_marker, upload_marker if key_marker else None
        while True:
            rows = tables.list_uploads(connection, bucket.name, prefix, after_key, after_upload, limit + 1)
            for row in rows:
                common = common_prefix(prefix, delimiter, row.key)
                after_key, after_upload = row.key, row.upload_id
                if common is not None and (common in prefixes or key_marker.startswith(common)):
                    continue
                if len(uploads) + len(prefixes) == limit:
                    return True
                if common is not None:
                    prefixes.append(common)
                else:
                    uploads.append(row)
            if len(rows) <= limit:
                return False

    is_truncated = bool(limit) and "\x00" not in prefix + key_marker and await call.read(read)
    answer: Answer = {
        "Bucket": bucket.name,
        "KeyMarker": key_marker,
        "UploadIdMarker": upload_marker or "",
        "Prefix": prefix,
        "MaxUploads": limit,
        "IsTruncated": is_truncated,
        "Uploads": [_upload(bucket, row, params) for row in uploads],
        "CommonPrefixes": [{"Prefix": each} for each in prefixes],
    }
    if delimiter:
        answer["Delimiter"] = delimiter
    if params.get("EncodingType"):
        answer["EncodingType"] = params["EncodingType"]
    if is_truncated:
        last_upload = uploads[-1] if uploads else None
        if prefixes and (last_upload is None or prefixes[-1] > last_upload.key):
            answer["NextKeyMarker"] = prefixes[-1]
        elif last_upload is not None:
            answer |= {"NextKeyMarker": last_upload.key, "NextUploadIdMarker": last_upload.upload_id}
    return answer


def _upload(bucket: Bucket, row: Any, params: dict[str, Any]) -> dict[str, Any]:
    owner = {"ID": owner_id(bucket.account_id)}
    shown: dict[str, Any] = {
        "UploadId": row.upload_id,
        "Key": row.key,
        "Initiated": as_datetime(int(row.initiated_at)),
        "StorageClass": row.details.get("StorageClass", "STANDARD"),
        "Owner": owner,
        "Initiator": owner,
    }
    if row.checksum.get("asked"):
        shown |= {"ChecksumAlgorithm": row.checksum["algorithm"], "ChecksumType": row.checksum["type"]}
    return shown
