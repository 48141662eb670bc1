"""Changes to secrets: made on the rows as they are now, followed by the replicas, recorded in the same transaction."""

from collections.abc import Callable
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.mirroring import ReplicaValue, mirror
from strongroom.services.secretsmanager.secret import Secret
from strongroom.services.secretsmanager.secret_directory import cache_name
from strongroom.storage.connection import Connection


async def change_secret(
    call: Call,
    secret: Secret,
    change: Callable[[Connection, Any], Answer],
    replica_values: tuple[ReplicaValue, ...] = (),
    *,
    deleted_allowed: bool = False,
) -> Answer:
    """Change a secret, as `change` does from its row as it is now, and return what that returns.

    Raises ResourceNotFoundException when the secret is gone, InvalidRequestException when it is marked for deletion:
    the call's snapshot may be older than the row. `replica_values` are those of a new version, for the replicas.
    """

    def write(connection: Connection) -> Answer:
        row = tables.select_secret(connection, secret.arn)
        if row is None or (row.deletion_at is not None and row.deletion_at <= call.now):
            raise errors.no_such_secret()
        if row.deletion_at is not None and not deleted_allowed:
            raise errors.marked_for_deletion()
        answer = change(connection, row)
        mirror(connection, call, secret.arn, replica_values)
        return answer

    return await call.write(write, invalidates=(cache_name(secret.account_id, secret.name),))
