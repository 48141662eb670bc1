"""Key material on its way into its rows: sealed for their places, in every Region that has the key."""

import hashlib
from collections.abc import Sequence
from typing import Any

from strongroom.crypto.mac import equal
from strongroom.operations.house import House
from strongroom.services.kms import tables
from strongroom.services.kms.keys import IMPORTED
from strongroom.services.kms.material import NewKeyMaterial
from strongroom.storage.connection import Connection

KeyRow = Any
"""A row of `tables.KEYS`."""

MaterialRow = Any
"""A row of `tables.MATERIALS`."""


def material_place(region: str, key_id: str, key_material_id: str) -> str:
    """Return the place that a key material is sealed for."""
    return tables.MATERIAL_PLACE.format(region=region, key_id=key_id, key_material_id=key_material_id)


def _fingerprint_place(region: str, key_id: str, key_material_id: str) -> str:
    return tables.FINGERPRINT_PLACE.format(region=region, key_id=key_id, key_material_id=key_material_id)


def fingerprint_of(secret: bytes) -> bytes:
    """Return what imported key material is known again by, when it is gone and comes back. It is kept sealed."""
    return hashlib.sha256(secret).digest()


def is_same_material(house: House, row: MaterialRow, secret: bytes) -> bool:
    """Whether `secret` is the material that was imported into this row."""
    if row.sealed_fingerprint is None:
        return False
    place = _fingerprint_place(row.region, row.key_id, row.key_material_id)
    return equal(house.sealer.open(row.sealed_fingerprint, place), fingerprint_of(secret))


def has_expired(row: MaterialRow, now: float) -> bool:
    """Whether imported key material is of no use any more, though it is still to be erased."""
    return row.sealed is not None and row.expires_at is not None and row.expires_at <= now


def lacks_material(rows: Sequence[MaterialRow], origin: str, now: float) -> bool:
    """Whether a key waits for an import: it has no key material yet, or one of those in use is not here any more."""
    if origin != IMPORTED:
        return False
    in_use = [row for row in rows if row.position is not None]
    return not in_use or any(row.sealed is None or has_expired(row, now) for row in in_use)


def sealed_values(house: House, region: str, key_id: str, new: NewKeyMaterial, *, is_imported: bool) -> dict[str, Any]:
    """Return the sealed columns of a key material."""
    values = {"sealed": house.sealer.seal(new.secret, material_place(region, key_id, new.id))}
    if is_imported:
        place = _fingerprint_place(region, key_id, new.id)
        values["sealed_fingerprint"] = house.sealer.seal(fingerprint_of(new.secret), place)
    return values


def insert_material(
    house: House,
    connection: Connection,
    region: str,
    key_id: str,
    new: NewKeyMaterial,
    *,
    position: int,
    now: float,
    rotation_type: str | None = None,
) -> None:
    """Seal key material that was made here, and insert it; the highest position is the one that encrypts."""
    values = {
        "region": region,
        "key_id": key_id,
        "key_material_id": new.id,
        "position": position,
        "created_at": now,
        "rotation_type": rotation_type,
        **sealed_values(house, region, key_id, new, is_imported=False),
    }
    tables.insert_material(connection, values)


def regions_of(connection: Connection, row: KeyRow) -> list[str]:
    """Return the Regions that a key's material is in: those of all its multi-Region keys, or its own alone."""
    if row.primary_region is None:
        return [row.region]
    return [related.region for related in tables.select_related_keys(connection, row.key_id)]


def next_position(connection: Connection, region: str, key_id: str) -> int:
    """Return the position of the key material that is current next."""
    positions = (each.position for each in tables.select_materials(connection, region, key_id))
    return 1 + max((position for position in positions if position is not None), default=-1)


def copy_materials(house: House, connection: Connection, source: KeyRow, region: str, *, with_secrets: bool) -> None:
    """Insert the key materials of `source` for the key of the same id in another Region.

    Without their secrets they wait to be imported there too.
    """
    for row in tables.select_materials(connection, source.region, source.key_id):
        values = dict(row._mapping) | {"region": region, "expires_at": None}
        names = (("sealed", material_place), ("sealed_fingerprint", _fingerprint_place))
        for column, place_of in names:
            if values[column] is not None:
                place = place_of(source.region, source.key_id, row.key_material_id)
                opened = house.sealer.open(values[column], place)
                values[column] = house.sealer.seal(opened, place_of(region, source.key_id, row.key_material_id))
        if not with_secrets:
            values["sealed"] = None
        tables.insert_material(connection, values)
