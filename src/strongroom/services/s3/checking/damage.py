"""Every piece of everything stored, read to its end: does each tag hold, is each blob there?"""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, NamedTuple

from strongroom.envelope.sealed import SealBroken
from strongroom.envelope.streams import open_object
from strongroom.operations.house import House
from strongroom.operations.sealed_blobs.check import NamedBlob, damage_of
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.services.s3.checking import tables
from strongroom.services.s3.checking.stored_content import Decrypt, StoredContent, everything_stored
from strongroom.services.s3.content import keys_in_order, piece_place
from strongroom.services.s3.object_keys import ContentKeys

PIECES_PER_READ = 100


class CheckedPiece(NamedTuple):
    """A piece that was looked at, or could not be (`why_not`); `damage` is what is wrong with it, empty for nothing."""

    name: str
    number: int
    stored_bytes: int
    damage: str = ""
    why_not: str = ""


async def check_everything(house: House, decrypt: Decrypt) -> AsyncGenerator[CheckedPiece, None]:
    """Yield every piece that is stored, checked. Raises BlobsUnavailable and StorageUnavailable.

    A server may run meanwhile: what it deletes is not missed.
    """
    async for content in everything_stored(house, decrypt):
        async for piece in _check(house, content):
            yield piece


async def _check(house: House, content: StoredContent) -> AsyncGenerator[CheckedPiece, None]:
    content_id, after = content.content_id, -1
    while True:
        query = partial(tables.pieces_behind, content_id=content_id, after=after, limit=PIECES_PER_READ)
        rows = await house.store.read(query)
        for row in rows:
            damage = content.damage
            if content.keys is not None:
                damage = await _damage_of(house, row, content.keys)
                if damage and not await house.store.read(partial(tables.is_still_there, piece=row)):
                    damage = ""
            yield CheckedPiece(content.name, row.number, row.stored_size, damage, content.why_not)
            after = row.number
        if len(rows) < PIECES_PER_READ:
            return


async def _damage_of(house: House, row: Any, keys: ContentKeys) -> str:
    place, layers = piece_place(row.content_id, row.number), keys_in_order(keys)
    if row.inline is None:
        reference = BlobReference(row.blob, row.stored_size, row.size)
        damage = await damage_of(house.blobs, NamedBlob(reference, place, layers))
        return damage.why if damage is not None else ""
    try:
        opened = open_object(row.inline, layers, place)
    except SealBroken as error:
        return str(error)
    return "" if len(opened) == row.size else "it has another length than its row says"
