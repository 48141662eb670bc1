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
from strongroom.services.kms.change import KeyRow, change_key
from strongroom.services.kms.creation import insert_material
from strongroom.services.kms.deletion import DAY_SECONDS
from strongroom.services.kms.key_directory import cache_name
from strongroom.services.kms.keys import ENABLED, PENDING_DELETION, Key, require_enabled
from strongroom.services.kms.material import NewKeyMaterial
from strongroom.services.kms.paging import Page
from strongroom.services.kms.quotas import ON_DEMAND_ROTATIONS_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

DEFAULT_PERIOD_DAYS = 365
AUTOMATIC = "AUTOMATIC"
ON_DEMAND = "ON_DEMAND"


@operation(
    KMS, "EnableKeyRotation", needs=control_of_key("kms:EnableKeyRotation"), quota=own_quota("EnableKeyRotation")
)
async def enable_key_rotation(call: Call) -> Answer:
    """Rotate a key every 90 to 2,560 days, 365 by default. Source: AWS KMS API Reference, EnableKeyRotation.

    The period counts from now, or, where automatic rotation was on already, from the rotation before.
    """
    key: Key = call.target
    key.must_be_customer_managed()
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

    return await change_key(call, key, change)


@operation(
    KMS, "DisableKeyRotation", needs=control_of_key("kms:DisableKeyRotation"), quota=own_quota("DisableKeyRotation")
)
async def disable_key_rotation(call: Call) -> Answer:
    """Stop automatic rotation. Source: AWS KMS API Reference, DisableKeyRotation."""
    key: Key = call.target
    key.must_be_customer_managed()

    def change(row: KeyRow) -> dict[str, Any]:
        require_enabled(key.arn, row.state)
        return {"rotation_enabled": False, "rotation_period_days": None, "next_rotation_at": None}

    return await change_key(call, key, change)


@operation(
    KMS,
    "GetKeyRotationStatus",
    needs=control_of_key("kms:GetKeyRotationStatus", other_accounts_allowed=True),
    quota=own_quota("GetKeyRotationStatus"),
    reads_only=True,
)
async def get_key_rotation_status(call: Call) -> Answer:
    """Tell whether and when a key rotates by itself. Source: AWS KMS API Reference, GetKeyRotationStatus.

    A key that waits for its deletion does not rotate, and says so; saving it brings its rotation back.
    """
    key: Key = call.target
    answer: Answer = {"KeyId": key.key_id, "KeyRotationEnabled": key.rotation_enabled}
    if key.state == PENDING_DELETION:
        answer["KeyRotationEnabled"] = False
    elif key.rotation_enabled and key.next_rotation_at is not None:
        answer["RotationPeriodInDays"] = key.rotation_period_days
        answer["NextRotationDate"] = as_datetime(key.next_rotation_at)
    return answer


@operation(
    KMS, "RotateKeyOnDemand", needs=control_of_key("kms:RotateKeyOnDemand"), quota=own_quota("RotateKeyOnDemand")
)
async def rotate_key_on_demand(call: Call) -> Answer:
    """Rotate a key now, at most 25 times in its life. Source: AWS KMS API Reference, RotateKeyOnDemand."""
    key: Key = call.target
    key.must_be_customer_managed()
    material = NewKeyMaterial.generate()
    most = call.house.quotas.most(ON_DEMAND_ROTATIONS_QUOTA, key.account_id, key.region)

    def change(row: KeyRow) -> Mapping[str, Any]:
        require_enabled(key.arn, row.state)
        return {}

    def add_material(connection: Connection) -> None:
        materials = tables.select_materials(connection, key.region, key.key_id)
        if sum(each.rotation_type == ON_DEMAND for each in materials) >= most:
            raise errors.limit_exceeded(f"{key.arn} has reached the limit of {most} on-demand rotations.")
        _add_material(call.house, connection, key.region, key.key_id, material, call.now, ON_DEMAND)

    return await change_key(call, key, change, {"KeyId": key.key_id}, along=add_material)


def _add_material(
    house: House,
    connection: Connection,
    region: str,
    key_id: str,
    material: NewKeyMaterial,
    now: float,
    rotation_type: str,
) -> None:
    position = 1 + max(each.position for each in tables.select_materials(connection, region, key_id))
    insert_material(
        house, connection, region, key_id, material, position=position, now=now, rotation_type=rotation_type
    )


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
    page = Page("ListKeyRotations", call.params, default=100)
    everything = call.params.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    entries: list[dict[str, Any]] = [
        {
            "KeyId": key.key_id,
            "KeyMaterialId": rotation.key_material_id,
            "KeyMaterialState": "CURRENT" if rotation.key_material_id == key.current.id else "NON_CURRENT",
            "RotationDate": as_datetime(rotation.at),
            "RotationType": rotation.type,
        }
        for rotation in key.rotations
    ]
    if everything:
        first = next(iter(key.materials))
        state = "CURRENT" if first == key.current.id else "NON_CURRENT"
        entries.insert(0, {"KeyId": key.key_id, "KeyMaterialId": first, "KeyMaterialState": state})
    numbered = [(f"{number:08d}", entry) for number, entry in enumerate(entries)]
    return page.answer("Rotations", [each for each in numbered if each[0] > page.after])


@periodic("kms/rotate-keys")
async def rotate_due_keys(house: House) -> None:
    """Rotate the enabled keys whose time has come. One that was missed, however often, rotates once.

    A key that is enabled again after its time rotates at once, and a whole period later again. Source: AWS KMS API
    Reference, GetKeyRotationStatus.
    """
    now = house.clock.now()
    for due in await house.store.read(lambda connection: tables.keys_due_for_rotation(connection, now)):
        material = NewKeyMaterial.generate()
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
            _add_material(house, connection, region, key_id, material, now, AUTOMATIC)
            # The few seconds that a rotation comes late must not add up over the years.
            was_missed = now - row.next_rotation_at > DAY_SECONDS
            counted_from = now if was_missed else row.next_rotation_at
            next_at = counted_from + row.rotation_period_days * DAY_SECONDS
            tables.update_key(connection, region, key_id, {"next_rotation_at": next_at})
            house.audit.insert_event(connection, event)

        await house.store.write(rotate_if_still_due, invalidates=(cache_name(region, key_id),))
