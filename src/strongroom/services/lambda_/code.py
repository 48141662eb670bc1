"""The archives of functions and layers at rest: each sealed under a key of its own, small ones in the row.

Source: AWS Lambda Developer Guide, "Data encryption at rest for AWS Lambda".
"""

import asyncio
import base64
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from strongroom.envelope.streams import open_object, seal_object
from strongroom.operations.house import House
from strongroom.operations.sealed_blobs.reader import SealedBlobReader
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.sweeper import names_blobs
from strongroom.operations.sealed_blobs.writer import SealedBlobWriter
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.code_keys import CodeOwner, new_code_key, open_code_key
from strongroom.services.lambda_.function_version import Code, FunctionVersion
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.zip_archives import unzipped_size
from strongroom.storage.blobs.errors import BlobsUnavailable
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

INLINE_BYTES_MAX = 16 * 1024
"""Up to this size an archive stays in its row: a file of its own would cost more than its bytes."""


class StoredCode(NamedTuple):
    """An archive that is sealed and stored, but for its row; `code` is how versions refer to it."""

    code: Code
    row: dict[str, Any]

    @property
    def blobs(self) -> Sequence[str]:
        """The blob that holds it, or nothing."""
        return [self.row["blob"]] if self.row["blob"] is not None else []


def code_place(code_id: str) -> str:
    """Return the place that an archive is sealed for."""
    return f"lambda code {code_id}"


def sha256_of(data: bytes) -> str:
    """Return the hash that AWS tells of an archive: SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


async def checked_code(data: bytes) -> Code:
    """Return what there is to tell of an archive, without an id: it is not stored.

    Raises InvalidParameterValueException for what cannot be unpacked.
    """
    size, digest = await asyncio.to_thread(lambda: (unzipped_size(data), sha256_of(data)))
    return Code("", digest, len(data), size)


async def store_code(house: House, owner: CodeOwner, data: bytes) -> StoredCode:
    """Seal and store an archive; it is somebody's once `StoredCode.row` is inserted.

    Raises as `checked_code` and `new_code_key` do.
    """
    checked = await checked_code(data)
    code_id = uuid.uuid4().hex
    made, place = await new_code_key(house, owner, code_id), code_place(code_id)
    key = made.plaintext
    code = checked._replace(code_id=code_id, kms_key_arn=made.columns["kms_key_arn"])
    row: dict[str, Any] = {
        "code_id": code.code_id,
        "account_id": owner.account_id,
        "region": owner.region,
        "sha256": code.sha256,
        "size": code.size,
        "unzipped_size": code.unzipped_size,
        "blob": None,
        "inline": None,
        **made.columns,
    }
    if len(data) <= INLINE_BYTES_MAX:
        sealed = seal_object(data, (key,), place)
        return StoredCode(code, row | {"inline": sealed, "stored_size": len(sealed)})
    async with SealedBlobWriter(house.blobs, (key,), place) as writer:
        await writer.write(data)
        reference = await writer.finish()
    return StoredCode(code, row | {"blob": reference.name, "stored_size": reference.stored_bytes})


def insert_code(connection: Connection, stored: StoredCode, storage_bytes_max: float) -> None:
    """Insert the row of an archive. Raises CodeStorageExceededException when it is one too many."""
    used = tables.stored_bytes(connection, stored.row["account_id"], stored.row["region"])
    if used + stored.code.size > storage_bytes_max:
        raise errors.code_storage_exceeded()
    tables.insert_code(connection, stored.row)


@contextlib.asynccontextmanager
async def unless_committed(house: House, stored: StoredCode) -> AsyncIterator[None]:
    """Remove a stored archive when the transaction in this context, which makes it somebody's, was refused.

    When its caller is cancelled, or the database fails meanwhile, nobody knows whether it was committed: the blob stays
    then, and the sweeper removes it if no row leads to it.
    """
    try:
        yield
    except StorageUnavailable:
        raise
    except Exception:
        await discard(house, stored.blobs)
        raise


async def discard(house: House, blobs: Iterable[str]) -> None:
    """Remove blobs that no row names any more. What cannot be removed now, the sweeper finds later."""
    for name in blobs:
        with contextlib.suppress(BlobsUnavailable):
            await house.blobs.run(house.blobs.delete, name)


def opened_inline(row: Any, key: bytes) -> bytes:
    """Return an archive that is in its row. Raises SealBroken for a damaged one."""
    return open_object(row.inline, (key,), code_place(row.code_id))


async def read_archive(house: House, code_id: str) -> bytes:
    """Return an archive.

    Raises ResourceNotFoundException when it is gone, SealBroken for a damaged one, and as `open_code_key` does.
    """
    row = await house.store.read(lambda connection: tables.select_code(connection, code_id))
    if row is None:
        raise errors.not_found("The code of the function was deleted.")
    key = await open_code_key(house, row)
    if row.inline is not None:
        return opened_inline(row, key)
    reference = BlobReference(row.blob, row.stored_size, row.size)
    async with await SealedBlobReader.open(house.blobs, reference, (key,), code_place(code_id)) as reader:
        return b"".join([chunk async for chunk in reader])


async def read_code(house: House, version: FunctionVersion) -> bytes:
    """Return the archive of a version of a function: a zip, checked when it came. Raises as `read_archive` does."""
    return await read_archive(house, version.code.code_id)


async def read_layers(house: House, version: FunctionVersion) -> list[bytes]:
    """Return the archives of a version's layers, in the order in which they are laid upon each other."""
    return [await read_archive(house, layer.code.code_id) for layer in version.layers]


@names_blobs(LAMBDA.name)
def named_among(connection: Connection, names: Sequence[str]) -> Collection[str]:
    """Return which of some blobs hold an archive."""
    return tables.blobs_among(connection, names)
