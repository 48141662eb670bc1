"""Tags of objects. Source: Amazon S3 API Reference, PutObjectTagging."""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3.get_object import found_version, of_version
from strongroom.services.s3.properties.change import change_version
from strongroom.services.s3.service import S3
from strongroom.services.s3.tagging import TAGS_PER_OBJECT_MAX, checked_set, shown_tags
from strongroom.services.s3.versions import Version


@operation(S3, "PutObjectTagging", needs=of_version("s3:PutObjectTagging", "s3:PutObjectVersionTagging"))
async def put_object_tagging(call: Call) -> Answer:
    """Put tags in place of those there were. Source: Amazon S3 API Reference, PutObjectTagging."""
    _, version = found_version(call, "PUT")
    tags = checked_set(call.params["Tagging"]["TagSet"], TAGS_PER_OBJECT_MAX)
    return await change_version(call, version, lambda now: {"details": {**now.details, "tags": tags}})


@operation(
    S3, "GetObjectTagging", needs=of_version("s3:GetObjectTagging", "s3:GetObjectVersionTagging"), reads_only=True
)
async def get_object_tagging(call: Call) -> Answer:
    """Return an object's tags. Source: Amazon S3 API Reference, GetObjectTagging."""
    _, version = found_version(call, "GET")
    answer: Answer = {"TagSet": shown_tags(version.tags)}
    if version.version_id != "null":
        answer["VersionId"] = version.version_id
    return answer


@operation(S3, "DeleteObjectTagging", needs=of_version("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"))
async def delete_object_tagging(call: Call) -> Answer:
    """Take an object's tags away. Source: Amazon S3 API Reference, DeleteObjectTagging."""
    _, version = found_version(call, "DELETE")

    def without_tags(now: Version) -> dict[str, Any]:
        return {"details": {name: value for name, value in now.details.items() if name != "tags"}}

    return await change_version(call, version, without_tags)
