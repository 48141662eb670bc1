"""Changes to one key: what it is now is read, checked and changed in one transaction, with the audit record."""

from collections.abc import Callable, Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.kms import errors, tables
from strongroom.services.kms.key_directory import cache_name
from strongroom.services.kms.keys import Key
from strongroom.services.kms.material_rows import KeyRow, regions_of
from strongroom.storage.connection import Connection


async def change_key(
    call: Call,
    key: Key,
    change: Callable[[KeyRow], Mapping[str, Any]],
    answer: Answer | None = None,
    along: Callable[[Connection], None] | None = None,
    in_every_region: bool = False,
) -> Answer:
    """Change columns of a key, as `change` says from its row as it is now, and return `answer` ({} as a rule).

    `change` raises AwsError to refuse: the call's snapshot of the key may be older than the row. `along` makes further
    changes in the same transaction. `in_every_region` changes the columns of all multi-Region keys that share the key's
    material. Raises NotFoundException when the key is gone.
    """
    given = answer if answer is not None else {}

    def write(connection: Connection) -> Answer:
        row = tables.select_key(connection, key.region, key.key_id)
        if row is None:
            raise errors.key_not_found(key.arn)
        columns = change(row)
        if columns:
            for region in regions_of(connection, row) if in_every_region else (key.region,):
                tables.update_key(connection, region, key.key_id, columns)
        if along is not None:
            along(connection)
        return given

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))
