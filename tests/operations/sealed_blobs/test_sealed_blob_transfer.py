import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.envelope.sealed import SealBroken
from strongroom.envelope.streams import open_object
from strongroom.operations.sealed_blobs import writer as writer_module
from strongroom.operations.sealed_blobs.reader import SealedBlobReader
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.writer import PIECE_BYTES, SealedBlobWriter
from strongroom.storage.blobs.errors import BlobMissing
from strongroom.storage.blobs.local import LocalBlobs
from strongroom.storage.blobs.store import BlobReader, BlobStore, open_blob_store

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
PLACE = "arn:aws:s3:::bucket/key version 1"


@pytest.fixture
def blobs(tmp_path: Path) -> Iterable[LocalBlobs]:
    store = LocalBlobs(tmp_path / "blobs")
    yield store
    store.close()


def files(blobs: LocalBlobs, tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


async def put(
    blobs: BlobStore,
    chunks: Iterable[bytes],
    keys: tuple[bytes, ...] = (ONE,),
    watchers: Iterable[Callable[..., object]] = (),
    segment_bytes: int = 1024,
) -> BlobReference:
    async with SealedBlobWriter(blobs, keys, PLACE, watchers, segment_bytes) as writer:
        for chunk in chunks:
            await writer.write(chunk)
        return await writer.finish()


async def get(
    blobs: BlobStore,
    reference: BlobReference,
    keys: tuple[bytes, ...] = (ONE,),
    offset: int = 0,
    length: int | None = None,
    place: str = PLACE,
) -> bytes:
    async with await SealedBlobReader.open(blobs, reference, keys, place, offset, length) as reader:
        return b"".join([part async for part in reader])


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@given(
    content=st.binary(max_size=300),
    size=st.integers(1, 400),
    piece=st.integers(1, 100),
    segment=st.integers(1, 40),
    keys=st.sampled_from([(ONE,), (ONE, TWO)]),
    data=st.data(),
)
@settings(deadline=None)
def test_any_range_of_anything_in_any_chunks(content, size, piece, segment, keys, data):
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    blobs = open_blob_store("memory:///")
    blobs.read_bytes = piece

    async def scenario() -> None:
        reference = await put(blobs, cut(content, size), keys, segment_bytes=segment)
        assert reference.plaintext_bytes == len(content)
        assert await get(blobs, reference, keys) == content
        assert await get(blobs, reference, keys, start, end - start) == content[start:end]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer_module, "PIECE_BYTES", piece)
        patch.setattr(writer_module, "SMALL_CHUNK_BYTES", 8)
        patch.setattr(writer_module, "SMALL_PIECE_BYTES", 16)
        asyncio.run(scenario())
    blobs.close()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 12_345])
@pytest.mark.parametrize("keys", [(ONE,), (ONE, TWO)])
def test_what_is_stored_is_the_format(blobs: LocalBlobs, tmp_path: Path, size: int, keys: tuple[bytes, ...]) -> None:
    content = os.urandom(size)
    reference = uvloop.run(put(blobs, cut(content, 100_000), keys, segment_bytes=256 * 1024))
    (file,) = files(blobs, tmp_path)
    stored = file.read_bytes()
    assert file.name == reference.name
    assert len(stored) == reference.stored_bytes
    assert open_object(stored, keys, PLACE) == content
    assert uvloop.run(get(blobs, reference, keys)) == content


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""], [b"", b"x", b""]])
def test_empty_chunks_are_nothing(blobs: LocalBlobs, chunks: list[bytes]) -> None:
    reference = uvloop.run(put(blobs, chunks))
    assert reference.plaintext_bytes == len(b"".join(chunks))
    assert uvloop.run(get(blobs, reference)) == b"".join(chunks)


def test_the_plaintext_does_not_show(blobs: LocalBlobs, tmp_path: Path) -> None:
    content = b"a secret that must not show" * 10_000
    uvloop.run(put(blobs, [content]))
    (file,) = files(blobs, tmp_path)
    assert b"secret" not in file.read_bytes()


@pytest.mark.parametrize("size", [10, PIECE_BYTES * 2 + 17])
@pytest.mark.parametrize("chunk_size", [1_000, 70_000, 5 * PIECE_BYTES])
def test_watchers_see_everything_in_order(blobs: LocalBlobs, size: int, chunk_size: int) -> None:
    content = os.urandom(size)
    hashes = [hashlib.sha256(), hashlib.sha1()]
    uvloop.run(put(blobs, cut(content, chunk_size), watchers=[each.update for each in hashes], segment_bytes=4096))
    assert hashes[0].digest() == hashlib.sha256(content).digest()
    assert hashes[1].digest() == hashlib.sha1(content).digest()


async def refuses(attempt: Awaitable[object], error: type[BaseException], match: str | None = None) -> None:
    with pytest.raises(error, match=match):
        await attempt


def test_what_was_altered_moved_or_is_of_another_key_is_refused(blobs: LocalBlobs, tmp_path: Path) -> None:
    content = os.urandom(5_000)

    async def scenario() -> None:
        reference = await put(blobs, [content])
        other = await put(blobs, [content])
        await refuses(get(blobs, reference, (TWO,)), SealBroken)
        await refuses(get(blobs, reference, place=PLACE + "0"), SealBroken)
        await refuses(get(blobs, reference._replace(name="0" * 32)), BlobMissing)
        await refuses(get(blobs, reference._replace(plaintext_bytes=4_999)), SealBroken, "cut short or added to")
        await refuses(get(blobs, reference._replace(stored_bytes=1)), SealBroken, "cut short or added to")
        first, second = (next(tmp_path.rglob(each.name)) for each in (reference, other))
        sealed, elsewhere = first.read_bytes(), second.read_bytes()
        for damaged in (
            sealed[:-1],
            sealed[: -(5_000 % 1024) - 16],
            sealed[:20],
            b"",
            sealed + b"\0",
            sealed[:3_000] + bytes([sealed[3_000] ^ 1]) + sealed[3_001:],
            elsewhere[:56] + sealed[56:],
            sealed[:56] + elsewhere[56:],
            sealed[:56] + sealed[56 + 1040 : 56 + 2080] + sealed[56 : 56 + 1040] + sealed[56 + 2080 :],
        ):
            first.write_bytes(damaged)
            await refuses(get(blobs, reference), SealBroken)
        first.write_bytes(sealed)
        assert await get(blobs, reference) == content

    uvloop.run(scenario())


def test_a_damaged_end_does_not_keep_the_beginning_from_being_read(blobs: LocalBlobs, tmp_path: Path) -> None:
    content = os.urandom(3 * PIECE_BYTES)

    async def scenario() -> None:
        reference = await put(blobs, [content])
        file = next(tmp_path.rglob(reference.name))
        sealed = bytearray(file.read_bytes())
        sealed[-1] ^= 1
        file.write_bytes(sealed)
        assert await get(blobs, reference, length=2 * PIECE_BYTES) == content[: 2 * PIECE_BYTES]
        reader = await SealedBlobReader.open(blobs, reference, (ONE,), PLACE)
        got = [await anext(reader) for _ in range(2 * PIECE_BYTES // 1024)]
        assert content.startswith(b"".join(got))
        with pytest.raises(SealBroken):
            await anext(reader)
        assert [part async for part in reader] == []

    uvloop.run(scenario())


@pytest.mark.parametrize("range_", [(-1, 1), (0, 11), (11, 0), (5, -1)])
def test_a_range_that_is_not_there(blobs: LocalBlobs, range_: tuple[int, int]) -> None:
    async def scenario() -> None:
        reference = await put(blobs, [b"0123456789"])
        await refuses(get(blobs, reference, (ONE,), *range_), ValueError, "has no range")

    uvloop.run(scenario())


def test_what_is_not_finished_leaves_nothing(blobs: LocalBlobs, tmp_path: Path) -> None:
    async def scenario() -> None:
        for size in (0, 10, 3 * PIECE_BYTES):
            with contextlib.suppress(ZeroDivisionError):
                async with SealedBlobWriter(blobs, [ONE], PLACE) as writer:
                    await writer.write(bytes(size))
                    raise ZeroDivisionError
            assert files(blobs, tmp_path) == []
            await refuses(writer.write(b"x"), ValueError, "finished, discarded or broken")

    uvloop.run(scenario())


def test_leaving_the_context_keeps_what_is_finished_and_discarding_does_not(blobs: LocalBlobs, tmp_path: Path) -> None:
    async def scenario() -> None:
        with contextlib.suppress(ZeroDivisionError):
            async with SealedBlobWriter(blobs, [ONE], PLACE) as writer:
                await writer.finish()
                raise ZeroDivisionError
        assert len(files(blobs, tmp_path)) == 1
        await refuses(writer.finish(), ValueError, "finished, discarded or broken")
        await writer.discard()
        assert files(blobs, tmp_path) == []

    uvloop.run(scenario())


@pytest.mark.parametrize("size", [10, 3 * PIECE_BYTES])
def test_a_watcher_that_fails_breaks_the_object(blobs: LocalBlobs, tmp_path: Path, size: int) -> None:
    def watcher(data: object) -> None:
        raise ZeroDivisionError

    async def scenario() -> None:
        await refuses(put(blobs, cut(bytes(size), 100_000), watchers=[watcher]), ZeroDivisionError)
        assert files(blobs, tmp_path) == []

    uvloop.run(scenario())


@pytest.mark.parametrize("size", [0, 10, PIECE_BYTES, 3 * PIECE_BYTES])
def test_what_does_not_verify_is_not_there(blobs: LocalBlobs, tmp_path: Path, size: int) -> None:
    digest = hashlib.sha256()
    seen: list[object] = []

    def verify() -> None:
        seen.append(digest.digest())
        seen.append([info for batch in blobs.batches() for info in batch])
        if len(seen) == 2:
            raise ZeroDivisionError

    async def scenario() -> None:
        nonlocal digest
        for attempt in range(2):
            digest = hashlib.sha256()
            async with SealedBlobWriter(blobs, [ONE], PLACE, [digest.update]) as writer:
                await writer.write(bytes(size))
                if attempt == 0:
                    await refuses(writer.finish(verify), ZeroDivisionError)
                    await refuses(writer.write(b"x"), ValueError, "broken")
                else:
                    await writer.finish(verify)
            assert len(files(blobs, tmp_path)) == attempt

    uvloop.run(scenario())
    assert seen == [hashlib.sha256(bytes(size)).digest(), []] * 2


@pytest.mark.parametrize("after_seconds", [0.0, 0.001, 0.005, 0.02])
def test_a_cancelled_writer_leaves_nothing(blobs: LocalBlobs, tmp_path: Path, after_seconds: float) -> None:
    async def scenario() -> None:
        running = asyncio.create_task(put(blobs, [bytes(PIECE_BYTES)] * 8, segment_bytes=64 * 1024))
        await asyncio.sleep(after_seconds)
        if running.cancel():
            await refuses(running, asyncio.CancelledError)
            assert files(blobs, tmp_path) == []

    uvloop.run(scenario())


def test_a_reader_that_is_left_or_cancelled_closes_its_file(blobs: LocalBlobs, tmp_path: Path) -> None:
    def open_files() -> int:
        links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
        return sum(str(tmp_path) in os.readlink(link) for link in links if link.is_symlink())

    async def scenario() -> None:
        reference = await put(blobs, [bytes(5 * PIECE_BYTES)], segment_bytes=64 * 1024)
        before = open_files()
        async with await SealedBlobReader.open(blobs, reference, (ONE,), PLACE) as reader:
            assert len(await anext(reader)) == 64 * 1024
            assert open_files() == before + 1
        assert open_files() == before
        assert [part async for part in reader] == []
        for delay in (0.0, 0.001, 0.003):
            running = asyncio.create_task(get(blobs, reference))
            await asyncio.sleep(delay)
            if running.cancel():
                await refuses(running, asyncio.CancelledError)
            assert open_files() == before

    uvloop.run(scenario())


class CountingBlobs(LocalBlobs):
    """Counts the bytes that are read."""

    counted_bytes = 0

    def open(self, name: str) -> BlobReader:
        return CountingReader(super().open(name), self)


class CountingReader(BlobReader):
    def __init__(self, reader: BlobReader, blobs: CountingBlobs) -> None:
        self.name = reader.name
        self._reader, self._blobs = reader, blobs

    def size(self) -> int:
        return self._reader.size()

    def close(self) -> None:
        self._reader.close()

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self._blobs.counted_bytes += len(buffer)
        self._reader.read_into(offset, buffer)


@pytest.mark.parametrize("segments", [40, 400])
def test_a_range_costs_the_same_however_large_the_object_is(tmp_path: Path, segments: int) -> None:
    blobs = CountingBlobs(tmp_path)

    async def scenario() -> None:
        reference = await put(blobs, [bytes(1024)] * segments)
        blobs.counted_bytes = 0
        await get(blobs, reference, offset=segments * 512 + 500, length=4 * 1024)
        assert blobs.counted_bytes == 56 + 5 * (1024 + 16)

    uvloop.run(scenario())


async def endless(size: int) -> AsyncIterator[bytes]:
    chunk = bytes(256 * 1024)
    for _ in range(size // len(chunk)):
        yield chunk


def test_memory_does_not_grow_with_the_object(blobs: LocalBlobs) -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def move(size: int) -> None:
        async with SealedBlobWriter(blobs, [ONE, TWO], PLACE) as writer:
            async for chunk in endless(size):
                await writer.write(chunk)
            reference = await writer.finish()
        async with await SealedBlobReader.open(blobs, reference, [ONE, TWO], PLACE) as reader:
            assert sum([len(part) async for part in reader]) == size
        await writer.discard()

    uvloop.run(move(4 * 2**20))
    before = resident_bytes()
    uvloop.run(move(96 * 2**20))
    assert resident_bytes() - before < 24 * 2**20
