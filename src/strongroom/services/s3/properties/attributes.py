"""GetObjectAttributes. Source: Amazon S3 API Reference."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3.access import on_object
from strongroom.services.s3.customer_keys import customer_key_of
from strongroom.services.s3.encryption_choice import SSE_C
from strongroom.services.s3.get_object import Found, found_version, of_version
from strongroom.services.s3.multipart import tables as multipart_tables
from strongroom.services.s3.object_keys import keys_of
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version, wrapped_keys

PARTS_PER_PAGE_MAX = 1_000


async def _needs(call: Call) -> Sequence[Requirement]:
    needed = list(await of_version("s3:GetObject", "s3:GetObjectVersion")(call))
    found: Found = call.target
    action = "s3:GetObjectAttributes" if call.params.get("VersionId") is None else "s3:GetObjectVersionAttributes"
    tags = found.version.tags if found.version is not None else None
    return [*needed, on_object(call, found.bucket, call.params["Key"], action, tags)]


@operation(S3, "GetObjectAttributes", needs=_needs, reads_only=True)
async def get_object_attributes(call: Call) -> Answer:
    """Tell what a request asks of an object: ETag, checksums, parts, class, size. Source: GetObjectAttributes."""
    bucket, version = found_version(call, "GET")
    if version.encryption.algorithm == SSE_C:
        wrapped, key = wrapped_keys(call.house, version), customer_key_of(call)
        await keys_of(call, bucket, version.key, version.content_id or "", version.encryption, wrapped, key)
    asked = call.params["ObjectAttributes"]
    details = version.details
    answer: Answer = {"LastModified": version.last_modified_at}
    if bucket.versioning:
        answer["VersionId"] = version.version_id
    if "ETag" in asked:
        answer["ETag"] = version.etag
    if "Checksum" in asked and details.get("checksums"):
        answer["Checksum"] = details["checksums"]
    if "StorageClass" in asked:
        answer["StorageClass"] = details.get("StorageClass", "STANDARD")
    if "ObjectSize" in asked:
        answer["ObjectSize"] = version.size
    if "ObjectParts" in asked and "parts_count" in details:
        answer["ObjectParts"] = await _parts(call, version)
    return answer


async def _parts(call: Call, version: Version) -> Mapping[str, Any]:
    params = call.params
    limit = min(params.get("MaxParts") or PARTS_PER_PAGE_MAX, PARTS_PER_PAGE_MAX)
    after, content_id = int(params.get("PartNumberMarker") or 0), version.content_id or ""
    rows = await call.read(lambda connection: multipart_tables.list_parts(connection, content_id, after, limit + 1))
    shown = [{"PartNumber": row.number, "Size": row.size, **row.details.get("checksums", {})} for row in rows[:limit]]
    parts: dict[str, Any] = {
        "TotalPartsCount": version.details["parts_count"],
        "PartNumberMarker": after,
        "MaxParts": limit,
        "IsTruncated": len(rows) > limit,
        "Parts": shown,
    }
    if shown:
        parts["NextPartNumberMarker"] = shown[-1]["PartNumber"]
    return parts
