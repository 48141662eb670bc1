"""Every archive of functions and layers, read to its end: does each tag hold, is each blob there, is it what came?"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.operations.sealed_blobs.check import NamedBlob, damage_of
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.code import code_place, opened_inline, sha256_of
from strongroom.services.lambda_.environment import encryption_context

CODES_PER_READ = 100


Decrypt = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes | None]]
"""Returns a data key by the ARN of its KMS key, its ciphertext and its encryption context; None if that is gone."""


class CheckedCode(NamedTuple):
    """An archive that was looked at, or could not be (`why_not`); `damage` is what is wrong with it, or empty."""

    name: str
    stored_bytes: int
    damage: str = ""
    why_not: str = ""


async def check_codes(house: House, decrypt: Decrypt) -> AsyncGenerator[CheckedCode, None]:
    """Yield every archive that is stored, checked. Raises BlobsUnavailable and StorageUnavailable.

    A server may run meanwhile: what it deletes is not missed.
    """
    after = ""
    while True:
        rows = await house.store.read(partial(tables.codes_behind, after=after, limit=CODES_PER_READ))
        for row in rows:
            name, damage = f"code {row.code_id} of account {row.account_id}", ""
            try:
                key = await _key_of(house, row, decrypt)
                if key is None:
                    yield CheckedCode(name, row.stored_size, why_not="its KMS key is gone")
                    after = row.code_id
                    continue
                damage = await _damage_of(house, row, key)
            except SealBroken as error:
                damage = str(error)
            if damage and await house.store.read(partial(tables.select_code, code_id=row.code_id)) is None:
                damage = ""
            yield CheckedCode(name, row.stored_size, damage)
            after = row.code_id
        if len(rows) < CODES_PER_READ:
            return


async def _key_of(house: House, row: Any, decrypt: Decrypt) -> bytes | None:
    kept = house.sealer.open(row.sealed_key, tables.CODE_PLACE.format(code_id=row.code_id))
    if row.kms_key_arn is None:
        return kept
    return await decrypt(row.kms_key_arn, kept, encryption_context(row.function_arn))


async def _damage_of(house: House, row: Any, key: bytes) -> str:
    if row.inline is not None:
        return "" if sha256_of(opened_inline(row, key)) == row.sha256 else "it is not what its row says"
    reference = BlobReference(row.blob, row.stored_size, row.size)
    damage = await damage_of(house.blobs, NamedBlob(reference, code_place(row.code_id), (key,)))
    return damage.why if damage is not None else ""
