"""What every blob store does."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.storage.blobs.errors import BlobMissing, BlobsUnavailable, BlobTooShort
from strongroom.storage.blobs.names import is_name, new_name
from strongroom.storage.blobs.object_store import PART_BYTES
from strongroom.storage.blobs.store import BlobInfo, BlobStore

NOT_NAMES = [
    "",
    "..",
    "../../etc/passwd",
    "a" * 31,
    "a" * 33,
    "A" * 32,
    "/" + "a" * 31,
    "a" * 30 + "/.",
    "a" * 31 + "\n",
]


def put(blobs: BlobStore, *chunks: bytes) -> str:
    writer = blobs.create()
    for chunk in chunks:
        writer.append(chunk)
    writer.finish()
    return writer.name


def get(blobs: BlobStore, name: str, offset: int = 0, length: int | None = None) -> bytes:
    reader = blobs.open(name)
    buffer = bytearray(reader.size() - offset if length is None else length)
    reader.read_into(offset, memoryview(buffer))
    reader.close()
    return bytes(buffer)


def listed(blobs: BlobStore) -> dict[str, BlobInfo]:
    return {info.name: info for batch in blobs.batches() for info in batch}


def test_what_is_written_is_read(blobs: BlobStore) -> None:
    name = put(blobs, b"one ", bytearray(b"two "), memoryview(b"three"))
    assert get(blobs, name) == b"one two three"
    reader = blobs.open(name)
    assert reader.size() == 13
    reader.close()
    reader.close()


def test_an_empty_blob(blobs: BlobStore) -> None:
    for name in (put(blobs), put(blobs, b"")):
        assert get(blobs, name) == b""
        assert listed(blobs)[name].stored_bytes == 0


def test_ranges(blobs: BlobStore) -> None:
    content = os.urandom(200_000)
    name = put(blobs, content[:70_000], content[70_000:])
    for start, end in ((0, 1), (0, 200_000), (65_530, 65_540), (199_999, 200_000), (70_000, 190_000), (5, 5)):
        assert get(blobs, name, start, end - start) == content[start:end]


def test_a_buffer_may_change_after_it_was_appended(blobs: BlobStore) -> None:
    buffer = bytearray(b"first")
    writer = blobs.create()
    writer.append(buffer)
    buffer[:] = b"other"
    writer.append(buffer)
    writer.finish()
    assert get(blobs, writer.name) == b"firstother"


def test_a_range_that_ends_behind_the_blob(blobs: BlobStore) -> None:
    name = put(blobs, b"12345")
    for start, length in ((0, 6), (4, 2), (5, 1), (100, 1)):
        with pytest.raises(BlobTooShort):
            get(blobs, name, start, length)


def test_nothing_shows_before_it_is_finished(blobs: BlobStore) -> None:
    writer = blobs.create()
    assert listed(blobs) == {}
    writer.append(bytes(1000))
    assert listed(blobs) == {}
    with pytest.raises(BlobMissing):
        get(blobs, writer.name)
    writer.finish()
    assert list(listed(blobs)) == [writer.name]


@pytest.mark.parametrize("size", [0, 10, 2 * PART_BYTES + 1])
@pytest.mark.parametrize("is_finished", [False, True])
def test_what_is_discarded_is_gone(blobs: BlobStore, size: int, is_finished: bool) -> None:
    writer = blobs.create()
    for start in range(0, size, 2**20):
        writer.append(bytes(min(2**20, size - start)))
    if is_finished:
        writer.finish()
    for _ in range(2):
        writer.discard()
        assert listed(blobs) == {}
        with pytest.raises(BlobMissing):
            get(blobs, writer.name)


def test_deleting(blobs: BlobStore) -> None:
    kept, gone = put(blobs, b"kept"), put(blobs, b"gone")
    for _ in range(2):
        blobs.delete(gone)
    blobs.delete(new_name())
    with pytest.raises(BlobMissing):
        get(blobs, gone)
    assert get(blobs, kept) == b"kept"


def test_listing(blobs: BlobStore) -> None:
    before = time.time()
    sizes = {put(blobs, bytes(size)): size for size in range(30)}
    found = listed(blobs)
    assert {name: info.stored_bytes for name, info in found.items()} == sizes
    assert all(before - 5 <= info.modified_at <= time.time() + 5 for info in found.values())


def test_names_are_random_and_of_one_form(blobs: BlobStore) -> None:
    names = {blobs.create().name for _ in range(100)}
    assert len(names) == 100
    assert all(is_name(name) for name in names)


@pytest.mark.parametrize("name", NOT_NAMES)
def test_nothing_else_is_a_name(blobs: BlobStore, name: str) -> None:
    assert not is_name(name)
    for use in (blobs.open, blobs.delete):
        with pytest.raises(ValueError, match="not the name of a blob"):
            use(name)


def test_many_at_once(blobs: BlobStore) -> None:
    contents = [os.urandom(10_000 + number) for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda content: put(blobs, content), contents))
        assert list(threads.map(lambda name: get(blobs, name), names)) == contents


def test_its_threads(blobs: BlobStore) -> None:
    async def scenario() -> None:
        name = await blobs.run(put, blobs, b"in a thread")
        assert await blobs.start(get, blobs, name) == b"in a thread"
        with pytest.raises(BlobMissing):
            await blobs.run(get, blobs, new_name())

    asyncio.run(scenario())


def test_what_was_asked_for_is_done_though_nobody_waits(blobs: BlobStore) -> None:
    async def scenario() -> None:
        running = asyncio.create_task(blobs.run(put, blobs, b"done"))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scenario())
    blobs.close()
    assert len(listed(blobs)) == 1


def test_a_closed_store_takes_nothing(blobs: BlobStore) -> None:
    async def scenario() -> None:
        with pytest.raises(BlobsUnavailable, match="closed"):
            await blobs.run(put, blobs, b"too late")

    blobs.close()
    blobs.close()
    asyncio.run(scenario())
