"""Scheduled deletion: a key waits, can be saved while it waits, and then is gone for good, with all it encrypted."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import AuditRecord
from strongroom.services.kms import errors, events, tables
from strongroom.services.kms.access import control_of_key
from strongroom.services.kms.change import change_key
from strongroom.services.kms.key_directory import cache_name
from strongroom.services.kms.key_stores.store_keys import destroy_deleted
from strongroom.services.kms.keys import (
    DISABLED,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    Key,
    require_not_pending_deletion,
)
from strongroom.services.kms.material_rows import KeyRow, lacks_material
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

DEFAULT_WINDOW_DAYS = 30
SHORTEST_WINDOW_DAYS = 7
LONGEST_WINDOW_DAYS = 30
DAY_SECONDS = 86_400


@operation(
    KMS,
    "ScheduleKeyDeletion",
    needs=control_of_key("kms:ScheduleKeyDeletion"),
    quota=own_quota("ScheduleKeyDeletion"),
)
async def schedule_key_deletion(call: Call) -> Answer:
    """Stop a key now and delete it after 7 to 30 days. Source: AWS KMS API Reference, ScheduleKeyDeletion."""
    key: Key = call.target
    days = call.params.get("PendingWindowInDays")
    days = DEFAULT_WINDOW_DAYS if days is None else days
    if not SHORTEST_WINDOW_DAYS <= days <= LONGEST_WINDOW_DAYS:
        raise errors.validation(
            f"PendingWindowInDays must be between {SHORTEST_WINDOW_DAYS} and {LONGEST_WINDOW_DAYS} (inclusive)."
        )
    key.must_be_customer_managed()
    deletion_at = call.now + days * DAY_SECONDS

    answer: Answer = {"KeyId": key.arn, "PendingWindowInDays": days}

    def write(connection: Connection) -> Answer:
        row = tables.select_key(connection, key.region, key.key_id)
        if row is None:
            raise errors.key_not_found(key.arn)
        require_not_pending_deletion(key.arn, row.state)
        if row.primary_region == row.region and _has_replicas(connection, row):
            # Its own waiting period begins once the last replica is gone.
            shown: Answer = {"KeyState": PENDING_REPLICA_DELETION}
            values = {"state": PENDING_REPLICA_DELETION, "pending_window_days": days}
        else:
            shown = {"KeyState": PENDING_DELETION, "DeletionDate": as_datetime(deletion_at)}
            values = {"state": PENDING_DELETION, "deletion_at": deletion_at, "pending_window_days": days}
        tables.update_key(connection, key.region, key.key_id, values)
        return answer | shown

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))


def _has_replicas(connection: Connection, row: KeyRow) -> bool:
    return len(tables.select_related_keys(connection, row.key_id)) > 1


@operation(
    KMS,
    "CancelKeyDeletion",
    needs=control_of_key("kms:CancelKeyDeletion"),
    quota=own_quota("CancelKeyDeletion"),
)
async def cancel_key_deletion(call: Call) -> Answer:
    """Save a key that waits for its deletion; it is disabled then. Source: AWS KMS API Reference, CancelKeyDeletion."""
    key: Key = call.target

    def change(row: KeyRow) -> dict[str, Any]:
        if row.state not in (PENDING_DELETION, PENDING_REPLICA_DELETION):
            raise errors.invalid_state(key.arn, "not pending deletion")
        if row.deletion_at is not None and row.deletion_at <= call.now:
            raise errors.key_not_found(key.arn)
        return {"state": DISABLED, "deletion_at": None, "pending_window_days": None}

    def ask_for_material(connection: Connection) -> None:
        # Imported key material may have expired, or been deleted, while the key waited.
        if lacks_material(tables.select_materials(connection, key.region, key.key_id), key.origin, call.now):
            tables.update_key(connection, key.region, key.key_id, {"state": PENDING_IMPORT})

    return await change_key(call, key, change, {"KeyId": key.arn}, along=ask_for_material)


@periodic("kms/delete-keys")
async def delete_due_keys(house: House) -> None:
    """Delete the keys whose waiting period has ended: key material, aliases and all."""
    now = house.clock.now()
    for due in await house.store.read(lambda connection: tables.keys_due_for_deletion(connection, now)):
        region, key_id = due.region, due.key_id
        event = events.key_deleted(due.account_id, region, key_id, now)

        def delete_if_still_due(
            connection: Connection, region: str = region, key_id: str = key_id, event: AuditRecord = event
        ) -> KeyRow | None:
            # The deletion may have been cancelled since the list was made.
            row = tables.select_key(connection, region, key_id)
            if row is None or row.deletion_at is None or row.deletion_at > now:
                return None
            tables.delete_key(connection, region, key_id)
            _let_primary_go(connection, row, now)
            house.audit.insert_event(connection, event)
            return row

        deleted = await house.store.write(delete_if_still_due, invalidates=(cache_name(region, key_id),))
        if deleted is not None and deleted.custom_key_store_id is not None:
            await destroy_deleted(house, region, deleted.custom_key_store_id, key_id)


def _let_primary_go(connection: Connection, deleted: KeyRow, now: float) -> None:
    """Begin the waiting period of a primary key that waited for its last replica, which `deleted` was, to go.

    Source: AWS KMS Developer Guide, "Deleting multi-Region keys".
    """
    if deleted.primary_region is None or deleted.primary_region == deleted.region:
        return
    remaining = tables.select_related_keys(connection, deleted.key_id)
    if len(remaining) == 1 and remaining[0].state == PENDING_REPLICA_DELETION:
        primary = remaining[0]
        deletion_at = now + primary.pending_window_days * DAY_SECONDS
        values = {"state": PENDING_DELETION, "deletion_at": deletion_at}
        tables.update_key(connection, primary.region, primary.key_id, values)
