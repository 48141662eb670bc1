"""What sealing costs on the way to a file and back: `python -m benchmarks.sealed_blobs [--directory D] [--rounds N]`.

No HTTP: the bytes come from memory, in chunks as a server gets them, and go nowhere. The ceiling is a loop of write(2)
and the same syncs, or of readv(2), in one thread. CPU time is that of the whole process, its threads included. On a
directory in memory (/dev/shm) the figures are of the processor alone.
"""

import argparse
import asyncio
import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import machine
from strongroom.crypto.checksums import new_checksum
from strongroom.envelope.stream_layout import SEGMENT_BYTES
from strongroom.operations.sealed_blobs.reader import SealedBlobReader
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.writer import SealedBlobWriter, Watcher
from strongroom.storage.blobs.local import LocalBlobs, sync_folder
from strongroom.storage.blobs.store import BlobStore

KEYS = (bytes(range(32)), bytes(range(1, 33)))
PLACE = "arn:aws:s3:::bucket/key version 1"
CHUNK = random.randbytes(256 * 1024)
KIB, MIB, GIB = 2**10, 2**20, 2**30
SEGMENTS = [64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB]

Job = Callable[[], Coroutine[Any, Any, object]]


async def put(
    blobs: BlobStore, size: int, segment: int = SEGMENT_BYTES, layers: int = 1, watchers: Sequence[Watcher] = ()
) -> BlobReference:
    """Write an object of `size` bytes."""
    async with SealedBlobWriter(blobs, KEYS[:layers], PLACE, watchers, segment) as writer:
        for start in range(0, size, len(CHUNK)):
            await writer.write(CHUNK[: size - start])
        return await writer.finish()


async def get(
    blobs: BlobStore, reference: BlobReference, layers: int = 1, offset: int = 0, length: int | None = None
) -> None:
    """Read a range, and throw it away."""
    async with await SealedBlobReader.open(blobs, reference, KEYS[:layers], PLACE, offset, length) as reader:
        async for _ in reader:
            pass


def put_plainly(folder: Path, size: int) -> None:
    """Write a file of `size` bytes as a blob is written, without sealing it."""
    path = folder / "plain"
    descriptor = os.open(folder / "draft", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    data = memoryview(CHUNK * 4)
    for start in range(0, size, len(data)):
        os.write(descriptor, data[: size - start])
    os.fdatasync(descriptor)
    os.close(descriptor)
    (folder / "draft").rename(path)
    sync_folder(folder)


def get_plainly(folder: Path) -> None:
    """Read the file that `put_plainly` wrote, into one buffer."""
    descriptor = os.open(folder / "plain", os.O_RDONLY)
    buffer = bytearray(MIB)
    while os.readv(descriptor, [buffer]):
        pass
    os.close(descriptor)


async def measure(jobs: dict[str, Job], rounds: int, size: int) -> None:
    """Run all jobs in turn, `rounds` times, and print the best and (the median) of each."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            await job()
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    for name, times in taken.items():
        walls, cpus = zip(*times, strict=True)
        print(
            f"  {name:<34} GB/s {size / min(walls) / 1e9:5.2f} ({size / statistics.median(walls) / 1e9:.2f})"
            f"   CPU s/GiB {min(cpus) * GIB / size:5.3f} ({statistics.median(cpus) * GIB / size:.3f})"
        )


async def measure_large(blobs: BlobStore, folder: Path, size: int, rounds: int) -> None:
    """Objects of `size` bytes: segments, layers and watchers, beside the ceilings."""

    async def plain() -> None:
        await asyncio.to_thread(put_plainly, folder, size)

    async def plain_read() -> None:
        await asyncio.to_thread(get_plainly, folder)

    def writing(segment: int = SEGMENT_BYTES, layers: int = 1, watcher: str = "") -> Job:
        async def job() -> None:
            watchers = [new_checksum(watcher).update] if watcher else []
            reference = await put(blobs, size, segment, layers, watchers)
            blobs.delete(reference.name)

        return job

    def reading(reference: BlobReference, layers: int) -> Job:
        return lambda: get(blobs, reference, layers)

    async def md5() -> None:
        digest = hashlib.md5(usedforsecurity=False)
        for _ in range(0, size, len(CHUNK)):
            digest.update(CHUNK)

    print(f"Writing {size // MIB} MiB:")
    jobs: dict[str, Job] = {"ceiling: write, fdatasync, rename": plain}
    jobs |= {f"sealed, segments of {segment // KIB} KiB": writing(segment) for segment in SEGMENTS}
    jobs |= {
        "sealed in two layers": writing(layers=2),
        "sealed, with CRC-64/NVME": writing(watcher="crc64nvme"),
        "sealed, with MD5": writing(watcher="md5"),
        "ceiling of the last: MD5 alone": md5,
    }
    await measure(jobs, rounds, size)
    print(f"Reading {size // MIB} MiB from the page cache:")
    jobs = {"ceiling: readv": plain_read}
    for segment in SEGMENTS:
        jobs[f"sealed, segments of {segment // KIB} KiB"] = reading(await put(blobs, size, segment), 1)
    jobs["sealed in two layers"] = reading(await put(blobs, size, SEGMENT_BYTES, 2), 2)
    await measure(jobs, rounds, size)


async def measure_ranges(blobs: BlobStore, large: int, times: int) -> None:
    """Ranges of 4 KiB and 1 MiB at random places, by segment size and out of a small and a large object."""
    print("Ranges at random places, microseconds at best (median):")
    kinds = [(64 * MIB, segment) for segment in SEGMENTS] + [(10 * MIB, SEGMENT_BYTES), (large, SEGMENT_BYTES)]
    references = [await put(blobs, size, segment) for size, segment in kinds]
    taken: dict[tuple[int, int], list[float]] = {}
    for _ in range(times):
        for length in (4 * KIB, MIB):
            for number, reference in enumerate(references):
                offset = random.randrange(reference.plaintext_bytes - length)
                start = time.perf_counter()
                await get(blobs, reference, offset=offset, length=length)
                taken.setdefault((number, length), []).append(time.perf_counter() - start)
    for number, (size, segment) in enumerate(kinds):
        name = f"segments of {segment // KIB} KiB, object of {size // MIB} MiB"
        of_length = [taken[number, length] for length in (4 * KIB, MIB)]
        figures = [f"{min(times) * 1e6:5.0f} ({statistics.median(times) * 1e6:.0f})" for times in of_length]
        print(f"  {name:<44} 4 KiB {figures[0]:<14} 1 MiB {figures[1]}")
        blobs.delete(references[number].name)


async def measure_small(blobs: BlobStore, folder: Path, times: int) -> None:
    """Small objects, one after the other."""
    print("One after the other, microseconds (median; CPU mean):")
    for size in (KIB, 64 * KIB, MIB):
        references: list[BlobReference] = []

        async def write(size: int = size, into: list[BlobReference] = references) -> None:
            into.append(await put(blobs, size))

        async def read(out_of: list[BlobReference] = references) -> None:
            await get(blobs, out_of.pop())

        async def plain(size: int = size) -> None:
            await asyncio.to_thread(put_plainly, folder, size)

        for name, job in (("ceiling", plain), ("write", write), ("read", read)):
            taken, cpu = [], time.process_time()
            for _ in range(times):
                start = time.perf_counter()
                await job()
                taken.append(time.perf_counter() - start)
            cpu = (time.process_time() - cpu) / times
            print(f"  {size // KIB:5d} KiB {name:<8} {statistics.median(taken) * 1e6:8.0f}   CPU {cpu * 1e6:6.0f}")


async def measure_all(directory: Path, size: int, large: int, rounds: int) -> None:
    """Measure everything in a folder of its own inside `directory`. No size leaves out what is measured with it."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        blobs = LocalBlobs(Path(folder) / "blobs")
        if size:
            await measure_large(blobs, Path(folder), size, rounds)
        if large:
            await measure_ranges(blobs, large, 40 * rounds)
        await measure_small(blobs, Path(folder), 40 * rounds)
        blobs.close()


def main() -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sealed_blobs", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"), help="where to write (default: in memory)")
    parser.add_argument("--mebibytes", type=int, default=256, help="size of the objects (default: 256)")
    parser.add_argument(
        "--large-mebibytes", type=int, default=5120, help="size of the object for ranges (default: 5120)"
    )
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    print(machine.describe())
    uvloop.run(measure_all(given.directory, given.mebibytes * MIB, given.large_mebibytes * MIB, given.rounds))


if __name__ == "__main__":
    main()
