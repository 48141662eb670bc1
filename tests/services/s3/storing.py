"""Buckets and objects through the house's door: what a test puts, and reads back whole."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.opened_house import OpenedHouse, opened_house
from tests.services.kms.made_identities import document, make_identity, user

from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller

T = TypeVar("T")
PIECE_BYTES_MIN = 5 * 1024**2


async def sent(content: bytes, chunk_bytes: int = 100_000) -> AsyncIterator[bytes]:
    """A body as it arrives: in chunks."""
    for start in range(0, len(content), chunk_bytes):
        yield content[start : start + chunk_bytes]


async def read(answer: dict[str, Any]) -> bytes:
    """Return the whole body of an answer."""
    return b"".join([chunk async for chunk in answer["Body"]])


def _declared(params: dict[str, Any]) -> dict[str, Any]:
    return {"ChecksumAlgorithm": "CRC32", **params} if any(name.startswith("ObjectLock") for name in params) else params


class Storing:
    """A bucket of a house, and short ways to what is done with it most."""

    def __init__(self, house: OpenedHouse, bucket: str = "a-bucket") -> None:
        self.house = house
        self.bucket = bucket
        self._blobs_before = len(self.blobs())

    async def s3(self, operation: str, **params: Any) -> dict[str, Any]:
        """Perform one operation on the bucket."""
        return await self.house.call("s3", operation, **{"Bucket": self.bucket, **params})

    async def put(self, key: str, content: bytes = b"content", **params: Any) -> dict[str, Any]:
        """Store an object, and name an algorithm for its checksum with a lock, as clients do."""
        return await self.s3("PutObject", Key=key, Body=sent(content), **_declared(params))

    async def get(self, key: str, **params: Any) -> bytes:
        """Return the bytes of an object."""
        return await read(await self.s3("GetObject", Key=key, **params))

    async def refused(self, code: str, operation: str, **params: Any) -> AwsError:
        """Perform an operation that has to be refused with `code`; return the refusal."""
        with pytest.raises(AwsError) as caught:
            await self.s3(operation, **params)
        assert caught.value.code == code, caught.value
        return caught.value

    async def put_refused(self, code: str, key: str, content: bytes = b"content", **params: Any) -> AwsError:
        """Store an object, which has to be refused."""
        return await self.refused(code, "PutObject", Key=key, Body=sent(content), **_declared(params))

    async def keep_versions(self, status: str = "Enabled") -> None:
        """Switch versioning."""
        await self.s3("PutBucketVersioning", VersioningConfiguration={"Status": status})

    async def upload(self, key: str, *parts: bytes, **params: Any) -> dict[str, Any]:
        """Store an object in parts; the members are those of CreateMultipartUpload."""
        upload_id = (await self.s3("CreateMultipartUpload", Key=key, **params))["UploadId"]
        customer = {name: value for name, value in params.items() if name.startswith("SSECustomer")}
        listed = []
        for number, content in enumerate(parts, 1):
            told = await self.part(key, upload_id, number, content, **customer)
            listed.append(told)
        return await self.s3("CompleteMultipartUpload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed})

    async def part(self, key: str, upload_id: str, number: int, content: bytes, **params: Any) -> dict[str, Any]:
        """Store a part; return it as a completing request lists it."""
        answer = await self.s3(
            "UploadPart", Key=key, UploadId=upload_id, PartNumber=number, Body=sent(content), **params
        )
        checksums = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": answer["ETag"], **checksums}

    def blobs(self) -> list[Path]:
        """Return the files that hold bytes of objects, finished or not."""
        folder = self.house.house.configuration.data / "blobs"
        return [path for path in folder.rglob("*") if path.is_file()]

    def new_blobs(self) -> int:
        """Return how many such files there are more than when the bucket was made."""
        return len(self.blobs()) - self._blobs_before

    async def user(self, name: str, *statements: Mapping[str, Any]) -> Caller:
        """Return a new user of the account, with one policy of these statements."""
        name = f"{name}-{self.bucket}"
        return await user(self.house, await make_identity(self.house, "user", name, document(*statements)))


InBucket = Callable[[Callable[[Storing], Awaitable[T]]], T]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def in_house_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, OpenedHouse]]:
    """A house that the tests of one module share, each with a bucket of its own."""
    with asyncio.Runner() as runner:
        opening = opened_house(tmp_path_factory.mktemp("house"))
        opened = runner.run(opening.__aenter__())
        yield runner, opened
        runner.run(opening.__aexit__(None, None, None))


@pytest.fixture
def in_bucket(in_house_of_module: tuple[asyncio.Runner, OpenedHouse]) -> InBucket[Any]:
    """Run a coroutine function of a fresh bucket."""
    runner, opened = in_house_of_module

    def run(body: Callable[[Storing], Awaitable[T]]) -> T:
        async def main() -> T:
            storing = Storing(opened, f"bucket-{next(_numbers)}")
            await storing.s3("CreateBucket")
            return await body(storing)

        return runner.run(main())

    return run


__all__ = ["InBucket", "Storing", "in_bucket", "in_house_of_module", "read", "sent"]
