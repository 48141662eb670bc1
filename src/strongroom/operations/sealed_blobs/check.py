"""Whether the blobs are what the rows say: which are damaged or missing, and which no row names."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from strongroom.envelope.sealed import SealBroken
from strongroom.operations.sealed_blobs.reader import SealedBlobReader
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.storage.blobs.errors import BlobMissing
from strongroom.storage.blobs.store import BlobInfo, BlobStore


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A blob that a row names, the place that it was sealed for, and the keys of its layers, the inner one first."""

    reference: BlobReference
    place: str
    keys: Sequence[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob that does not give back what was stored, and why not."""

    blob: NamedBlob
    why: str


async def find_damage(blobs: BlobStore, named: AsyncIterable[NamedBlob]) -> AsyncGenerator[Damage, None]:
    """Read every blob that `named` yields to its end, and yield those of which a tag does not hold or that are missing.

    Raises BlobsUnavailable.
    """
    async for blob in named:
        damage = await damage_of(blobs, blob)
        if damage is not None:
            yield damage


async def damage_of(blobs: BlobStore, blob: NamedBlob) -> Damage | None:
    """Read a blob to its end, and return what is wrong with it, or None. Raises BlobsUnavailable."""
    try:
        async with await SealedBlobReader.open(blobs, blob.reference, blob.keys, blob.place) as reader:
            async for _ in reader:
                pass
    except (SealBroken, BlobMissing) as error:
        return Damage(blob, str(error))
    return None


async def find_orphans(
    blobs: BlobStore, named_among: Callable[[Sequence[str]], Awaitable[Collection[str]]], written_before: float
) -> AsyncGenerator[BlobInfo, None]:
    """Yield the blobs that no row names. `named_among` says which of some names are in rows.

    A blob comes before its row. So only those are looked at that were written before `written_before` (in seconds since
    the epoch, by the real clock), which must be longer ago than any request can take. Raises BlobsUnavailable.
    """
    batches = blobs.batches()
    while (batch := await blobs.run(next, batches, None)) is not None:
        old = [info for info in batch if info.modified_at < written_before]
        named = await named_among([info.name for info in old]) if old else ()
        for info in old:
            if info.name not in named:
                yield info


async def sweep_orphans(
    blobs: BlobStore, named_among: Callable[[Sequence[str]], Awaitable[Collection[str]]], written_before: float
) -> tuple[int, int]:
    """Delete what `find_orphans` finds, and return how many blobs and how many bytes that was."""
    count, size = 0, 0
    async with contextlib.aclosing(find_orphans(blobs, named_among, written_before)) as orphans:
        async for info in orphans:
            await blobs.run(blobs.delete, info.name)
            count, size = count + 1, size + info.stored_bytes
    return count, size
