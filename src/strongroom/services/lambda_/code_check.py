"""Every archive of functions and layers, read to its end: does each tag hold, is each blob there, is it what came?"""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, NamedTuple

from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.operations.sealed_blobs.check import NamedBlob, damage_of
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.code import code_place, opened_inline, sha256_of

CODES_PER_READ = 100


class CheckedCode(NamedTuple):
    """An archive that was looked at; `damage` is what is wrong with it, empty for nothing."""

    name: str
    stored_bytes: int
    damage: str


async def check_codes(house: House) -> AsyncGenerator[CheckedCode, None]:
    """Yield every archive that is stored, checked. Raises BlobsUnavailable and StorageUnavailable.

    A server may run meanwhile: what it deletes is not missed.
    """
    after = ""
    while True:
        rows = await house.store.read(partial(tables.codes_behind, after=after, limit=CODES_PER_READ))
        for row in rows:
            damage = await _damage_of(house, row)
            if damage and await house.store.read(partial(tables.select_code, code_id=row.code_id)) is None:
                damage = ""
            yield CheckedCode(f"code {row.code_id} of account {row.account_id}", row.stored_size, damage)
            after = row.code_id
        if len(rows) < CODES_PER_READ:
            return


async def _damage_of(house: House, row: Any) -> str:
    try:
        key = house.sealer.open(row.sealed_key, tables.CODE_PLACE.format(code_id=row.code_id))
        if row.inline is not None:
            matches = sha256_of(opened_inline(row, key)) == row.sha256
            return "" if matches else "it is not what its row says"
    except SealBroken as error:
        return str(error)
    reference = BlobReference(row.blob, row.stored_size, row.size)
    damage = await damage_of(house.blobs, NamedBlob(reference, code_place(row.code_id), (key,)))
    return damage.why if damage is not None else ""
