"""Changes to a bucket's configurations: read, decided and written in one transaction with the audit record."""

from collections.abc import Callable
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.buckets import Bucket, bucket_cache_name
from strongroom.storage.connection import Connection

BucketRow = Any
"""A row of `tables.BUCKETS`."""


async def change_bucket(
    call: Call, bucket: Bucket, change: Callable[[BucketRow], dict[str, Any]], answer: Answer | None = None
) -> Answer:
    """Change columns of a bucket as `change` says from its row as it is now, and return `answer` ({} as a rule).

    `change` raises AwsError to refuse. Raises NoSuchBucket when the bucket is gone.
    """

    def write(connection: Connection) -> Answer:
        row = tables.select_bucket(connection, bucket.name)
        if row is None:
            raise errors.no_such_bucket(bucket.name)
        tables.update_bucket(connection, bucket.name, change(row))
        return answer if answer is not None else {}

    return await call.write(write, invalidates=(bucket_cache_name(bucket.name),))


async def put_setting(call: Call, bucket: Bucket, name: str, value: Any) -> Answer:
    """Put one configuration in place of what there was; None takes it away."""

    def change(row: BucketRow) -> dict[str, Any]:
        settings = {key: kept for key, kept in row.settings.items() if key != name}
        if value is not None:
            settings[name] = value
        return {"settings": settings}

    return await change_bucket(call, bucket, change)
