import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from strongroom.operations.sealed_blobs.check import NamedBlob, find_damage, find_orphans, sweep_orphans
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.writer import SealedBlobWriter
from strongroom.storage.blobs.local import LocalBlobs

KEY = bytes(range(32))


async def put(blobs: LocalBlobs, place: str, content: bytes) -> NamedBlob:
    async with SealedBlobWriter(blobs, [KEY], place, segment_bytes=1024) as writer:
        await writer.write(content)
        return NamedBlob(await writer.finish(), place, [KEY])


async def each(named: Sequence[NamedBlob]) -> AsyncIterator[NamedBlob]:
    for blob in named:
        yield blob


def test_every_tag_of_every_blob_is_checked(tmp_path: Path) -> None:
    async def scenario() -> None:
        blobs = LocalBlobs(tmp_path)
        named = [await put(blobs, f"place {number}", bytes(3000)) for number in range(6)]
        assert [damage async for damage in find_damage(blobs, each(named))] == []
        for number, at in ((0, 8), (2, 56), (3, -1)):
            path = next(tmp_path.rglob(named[number].reference.name))
            content = bytearray(path.read_bytes())
            content[at] ^= 0x80
            path.write_bytes(content)
        blobs.delete(named[4].reference.name)
        found = {damage.blob.place: damage.why async for damage in find_damage(blobs, each(named))}
        assert set(found) == {"place 0", "place 2", "place 3", "place 4"}
        assert found["place 2"] == "the seal is broken at place 2: it was altered, damaged or moved"
        assert found["place 4"] == f"there is no blob {named[4].reference.name}"
        blobs.close()

    asyncio.run(scenario())


def test_orphans_are_swept_when_they_are_old_enough(tmp_path: Path) -> None:
    async def scenario() -> None:
        blobs = LocalBlobs(tmp_path)
        named = [await put(blobs, f"place {number}", bytes(10)) for number in range(4)]
        kept = {blob.reference.name for blob in named[:2]}

        async def named_among(names: Sequence[str]) -> set[str]:
            assert names
            return kept.intersection(names)

        assert [info async for info in find_orphans(blobs, named_among, time.time() - 60)] == []
        assert await sweep_orphans(blobs, named_among, time.time() - 60) == (0, 0)
        assert await sweep_orphans(blobs, named_among, time.time() + 60) == (2, 2 * (56 + 10 + 16))
        assert {info.name for batch in blobs.batches() for info in batch} == kept
        blobs.close()

    asyncio.run(scenario())


def test_keys_do_not_show() -> None:
    named = NamedBlob(BlobReference("0" * 32, 82, 10), "place", [KEY])
    assert repr(named) == f"NamedBlob(reference={named.reference!r}, place='place')"
