"""Rotation: new key material that encrypts from now on, while every older one still decrypts.

Source: AWS KMS Developer Guide, "Rotate AWS KMS keys".
"""

from collections.abc import Mapping
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
from strongroom.services.kms.deletion import DAY_SECONDS
from strongroom.services.kms.key_directory import cache_name
from strongroom.services.kms.key_specs import KEY_SPECS, SYMMETRIC_DEFAULT
from strongroom.services.kms.keys import (
    ENABLED,
    FROM_KMS,
    IMPORTED,
    PENDING_DELETION,
    PENDING_REPLICA_DELETION,
    Key,
    MaterialRecord,
    expiration,
    require_enabled,
)
from strongroom.services.kms.material import NewKeyMaterial
from strongroom.services.kms.material_rows import KeyRow, has_expired, insert_material, next_position, regions_of
from strongroom.services.kms.paging import Page
from strongroom.services.kms.quotas import ON_DEMAND_ROTATIONS_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

DEFAULT_PERIOD_DAYS = 365
AUTOMATIC = "AUTOMATIC"
ON_DEMAND = "ON_DEMAND"


def _must_rotate_by_itself(key: Key) -> None:
    """Raise UnsupportedOperationException for a key that AWS never rotates: only what KMS made does."""
    key.must_be_customer_managed()
    if key.spec != SYMMETRIC_DEFAULT:
        raise errors.unsupported()
    if key.origin != FROM_KMS:
        raise errors.invalid_origin(key.arn, key.origin)
    _must_be_primary(key)


def _must_be_primary(key: Key) -> None:
    if key.is_multi_region and not key.is_primary:
        raise errors.not_primary(key.arn)


@operation(
    KMS, "EnableKeyRotation", needs=control_of_key("kms:EnableKeyRotation"), quota=own_quota("EnableKeyRotation")
)
async def enable_key_rotation(call: Call) -> Answer:
    """Rotate a key every 90 to 2,560 days, 365 by default. Source: AWS KMS API Reference, EnableKeyRotation.

    The period counts from now, or, where automatic rotation was on already, from the rotation before.
    """
    key: Key = call.target
    _must_rotate_by_itself(key)
    days = call.params.get("RotationPeriodInDays") or DEFAULT_PERIOD_DAYS

    def change(row: KeyRow) -> dict[str, Any]:
        require_enabled(key.arn, row.state)
        counted_from = call.now
        if row.rotation_enabled:
            counted_from = row.next_rotation_at - row.rotation_period_days * DAY_SECONDS
        return {
            "rotation_enabled": True,
            "rotation_period_days": days,
            "next_rotation_at": max(call.now, counted_from + days * DAY_SECONDS),
        }

    return await change_key(call, key, change, in_every_region=True)


@operation(
    KMS, "DisableKeyRotation", needs=control_of_key("kms:DisableKeyRotation"), quota=own_quota("DisableKeyRotation")
)
async def disable_key_rotation(call: Call) -> Answer:
    """Stop automatic rotation. Source: AWS KMS API Reference, DisableKeyRotation."""
    key: Key = call.target
    _must_rotate_by_itself(key)

    def change(row: KeyRow) -> dict[str, Any]:
        require_enabled(key.arn, row.state)
        return {"rotation_enabled": False, "rotation_period_days": None, "next_rotation_at": None}

    return await change_key(call, key, change, in_every_region=True)


@operation(
    KMS,
    "GetKeyRotationStatus",
    needs=control_of_key("kms:GetKeyRotationStatus", other_accounts_allowed=True),
    quota=own_quota("GetKeyRotationStatus"),
    reads_only=True,
)
async def get_key_rotation_status(call: Call) -> Answer:
    """Tell whether and when a key rotates by itself. Source: AWS KMS API Reference, GetKeyRotationStatus.

    A key that waits for its deletion does not rotate, and says so; saving it brings its rotation back. A key pair that
    was made here says that it does not rotate; a key whose material comes from elsewhere is not even to be asked.
    """
    key: Key = call.target
    if key.origin != FROM_KMS:
        raise errors.invalid_origin(key.arn, key.origin)
    answer: Answer = {"KeyId": key.arn, "KeyRotationEnabled": key.rotation_enabled}
    if key.state in (PENDING_DELETION, PENDING_REPLICA_DELETION):
        answer["KeyRotationEnabled"] = False
    elif key.rotation_enabled and key.next_rotation_at is not None:
        answer["RotationPeriodInDays"] = key.rotation_period_days
        answer["NextRotationDate"] = as_datetime(key.next_rotation_at)
    return answer


@operation(
    KMS, "RotateKeyOnDemand", needs=control_of_key("kms:RotateKeyOnDemand"), quota=own_quota("RotateKeyOnDemand")
)
async def rotate_key_on_demand(call: Call) -> Answer:
    """Rotate a key now, at most 25 times in its life. Source: AWS KMS API Reference, RotateKeyOnDemand.

    A key whose material is imported rotates to the material that was imported for that.
    """
    key: Key = call.target
    key.must_be_customer_managed()
    if key.spec != SYMMETRIC_DEFAULT or key.custom_key_store_id is not None:
        raise errors.unsupported()
    _must_be_primary(key)
    # Its row does not tell that imported material has expired, until that is erased.
    require_enabled(key.arn, key.state)
    material = await NewKeyMaterial.generate(key.kind) if key.origin == FROM_KMS else None
    most = call.house.quotas.most(ON_DEMAND_ROTATIONS_QUOTA, key.account_id, key.region)

    def change(row: KeyRow) -> Mapping[str, Any]:
        require_enabled(key.arn, row.state)
        return {}

    def rotate(connection: Connection) -> None:
        materials = tables.select_materials(connection, key.region, key.key_id)
        if sum(each.rotation_type == ON_DEMAND for each in materials) >= most:
            raise errors.limit_exceeded(f"{key.arn} has reached the limit of {most} on-demand rotations.")
        row = tables.select_key(connection, key.region, key.key_id)
        if material is not None:
            _add_material(call.house, connection, row, material, call.now, ON_DEMAND)
        else:
            _take_imported_material(connection, row, call.now)

    return await change_key(call, key, change, {"KeyId": key.arn}, along=rotate)


def _add_material(
    house: House, connection: Connection, row: KeyRow, material: NewKeyMaterial, now: float, rotation_type: str
) -> None:
    position = next_position(connection, row.region, row.key_id)
    for region in regions_of(connection, row):
        insert_material(
            house, connection, region, row.key_id, material, position=position, now=now, rotation_type=rotation_type
        )


def _take_imported_material(connection: Connection, row: KeyRow, now: float) -> None:
    """Make the imported material that waits for it the current one, in every Region of the key.

    Raises KMSInvalidStateException when none waits, or when a Region does not have it yet.
    """
    position = next_position(connection, row.region, row.key_id)
    regions = regions_of(connection, row)
    waiting = [
        material
        for region in regions
        for material in tables.select_materials(connection, region, row.key_id)
        if material.position is None and material.sealed is not None and not has_expired(material, now)
    ]
    if len(waiting) != len(regions):
        raise errors.no_material_waits(row.key_id)
    for material in waiting:
        values = {"position": position, "created_at": now, "rotation_type": ON_DEMAND}
        tables.update_material(connection, material.region, material.key_id, material.key_material_id, values)


@operation(
    KMS,
    "ListKeyRotations",
    needs=control_of_key("kms:ListKeyRotations"),
    quota=own_quota("ListKeyRotations"),
    reads_only=True,
)
async def list_key_rotations(call: Call) -> Answer:
    """List a key's past rotations, or all of its key materials. Source: AWS KMS API Reference, ListKeyRotations."""
    key: Key = call.target
    if key.spec != SYMMETRIC_DEFAULT or key.custom_key_store_id is not None:
        raise errors.unsupported()
    page = Page("ListKeyRotations", call.params, default=100)
    everything = call.params.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    records = [record for record in key.records if everything or record.rotation_type is not None]
    numbered = [(f"{number:08d}", _entry(key, record)) for number, record in enumerate(records)]
    return page.answer("Rotations", [each for each in numbered if each[0] > page.after])


def _entry(key: Key, record: MaterialRecord) -> dict[str, Any]:
    current = key.current_record
    state = "CURRENT" if current is not None and record.id == current.id else "NON_CURRENT"
    if record.waits:
        state = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION" if key.lacks_material_elsewhere else "PENDING_ROTATION"
    entry: dict[str, Any] = {"KeyId": key.key_id, "KeyMaterialId": record.id, "KeyMaterialState": state}
    if record.rotation_type is not None:
        entry |= {"RotationDate": as_datetime(record.at), "RotationType": record.rotation_type}
    if key.origin == IMPORTED:
        entry["ImportState"] = "IMPORTED" if record.is_present else "PENDING_IMPORT"
        if record.description is not None:
            entry["KeyMaterialDescription"] = record.description
        if record.is_present:
            entry |= expiration(record)
    return entry


@periodic("kms/rotate-keys")
async def rotate_due_keys(house: House) -> None:
    """Rotate the enabled keys whose time has come. One that was missed, however often, rotates once.

    A key that is enabled again after its time rotates at once, and a whole period later again. Source: AWS KMS API
    Reference, GetKeyRotationStatus.
    """
    now = house.clock.now()
    for due in await house.store.read(lambda connection: tables.keys_due_for_rotation(connection, now)):
        material = await NewKeyMaterial.generate(KEY_SPECS[SYMMETRIC_DEFAULT])
        region, key_id = due.region, due.key_id
        event = events.key_rotated(due.account_id, region, key_id, now)

        def rotate_if_still_due(
            connection: Connection,
            region: str = region,
            key_id: str = key_id,
            material: NewKeyMaterial = material,
            event: AuditRecord = event,
        ) -> None:
            row = tables.select_key(connection, region, key_id)
            if row is None or row.state != ENABLED or row.next_rotation_at is None or row.next_rotation_at > now:
                return
            _add_material(house, connection, row, material, now, AUTOMATIC)
            # The few seconds that a rotation comes late must not add up over the years.
            was_missed = now - row.next_rotation_at > DAY_SECONDS
            counted_from = now if was_missed else row.next_rotation_at
            next_at = counted_from + row.rotation_period_days * DAY_SECONDS
            for each in regions_of(connection, row):
                tables.update_key(connection, each, key_id, {"next_rotation_at": next_at})
            house.audit.insert_event(connection, event)

        await house.store.write(rotate_if_still_due, invalidates=(cache_name(region, key_id),))
