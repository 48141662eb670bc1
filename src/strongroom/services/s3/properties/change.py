"""Changes to one version in place: read, decided and written in one transaction with the audit record."""

from collections.abc import Callable
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.versions import Version
from strongroom.storage.connection import Connection


async def change_version(
    call: Call, version: Version, change: Callable[[Version], dict[str, Any]], answer: Answer | None = None
) -> Answer:
    """Change columns of a version as `change` says from what it is now; return `answer`, with the version's id.

    `change` raises AwsError to refuse. Raises NoSuchKey when the version is gone.
    """
    given: Answer = dict(answer or {})
    if version.version_id != "null":
        given["VersionId"] = version.version_id

    def write(connection: Connection) -> Answer:
        row = tables.select_version(connection, version.bucket, version.key, version.version_id)
        # An unversioned object that was overwritten meanwhile is another one under the same id.
        if row is None or row.content_id != version.content_id:
            raise errors.no_such_key(version.key)
        values = change(Version.of(row))
        tables.update_version(connection, version.bucket, version.key, version.version_id, values)
        return given

    return await call.write(write)
