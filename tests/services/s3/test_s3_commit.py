"""The row is the commit: who hangs up, reads along or comes at the same time finds an object whole, old or new."""

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import opened_house
from tests.services.s3.storing import PIECE_BYTES_MIN, InBucket, Storing, in_bucket, in_house_of_module, sent

from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes

__all__ = ["in_bucket", "in_house_of_module"]
CANARY = b"THE-CANARY-SINGS-IN-THE-CLEAR!! "


async def _hung_up_at_the_commit(storing: Storing, operation: str, **params: Any) -> None:
    """Perform an operation whose client goes away while its transaction is under way."""
    store = storing.house.house.store
    write, committed = store.write, asyncio.Event()

    async def write_and_hang(*arguments: Any, **options: Any) -> Any:
        result = await write(*arguments, **options)
        committed.set()
        await asyncio.sleep(60)
        return result

    store.write = write_and_hang  # type: ignore[method-assign]
    try:
        task = asyncio.create_task(storing.s3(operation, **params))
        await committed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        del store.write  # type: ignore[method-assign]


def test_who_hangs_up_at_the_commit_undoes_nothing(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = random_bytes(200_000)
        await _hung_up_at_the_commit(storing, "PutObject", Key="key", Body=sent(content))
        assert await storing.get("key") == content
        upload_id = (await storing.s3("CreateMultipartUpload", Key="parts"))["UploadId"]
        named: dict[str, Any] = {"Key": "parts", "UploadId": upload_id}
        await _hung_up_at_the_commit(storing, "UploadPart", PartNumber=1, Body=sent(content), **named)
        part = (await storing.s3("ListParts", **named))["Parts"][0]
        listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        await _hung_up_at_the_commit(storing, "CompleteMultipartUpload", MultipartUpload=listed, **named)
        assert await storing.get("parts") == content

    in_bucket(body)


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_reader_keeps_the_object_that_it_began_with(in_bucket: InBucket[None], *, in_parts: bool) -> None:
    async def body(storing: Storing) -> None:
        contents = [random_bytes(PIECE_BYTES_MIN), random_bytes(PIECE_BYTES_MIN)]
        if in_parts:
            await storing.upload("key", *contents)
        else:
            await storing.put("key", b"".join(contents))
        stream = (await storing.s3("GetObject", Key="key"))["Body"]
        got = [await anext(stream)]
        await storing.put("key", b"new")
        try:
            got += [chunk async for chunk in stream]
        except Exception as error:
            pytest.fail(f"the reader lost the object: {error!r}")
        assert b"".join(got) == b"".join(contents)

    in_bucket(body)


def test_one_of_many_conditional_writes_wins(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        async def put(number: int) -> int | None:
            try:
                await storing.put("key", str(number).encode() * 20_000, IfNoneMatch="*")
            except AwsError as error:
                if error.code != "PreconditionFailed":
                    raise
                return None
            return number

        won = [each for each in await asyncio.gather(*(put(number) for number in range(10, 20))) if each is not None]
        assert len(won) == 1
        assert await storing.get("key") == str(won[0]).encode() * 20_000
        assert storing.new_blobs() == 1

    in_bucket(body)


def test_writes_at_the_same_time_keep_one_newest(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        await asyncio.gather(*(storing.put("key", bytes([number]) * 20_000) for number in range(10)))
        listed = (await storing.s3("ListObjectVersions"))["Versions"]
        assert [each["IsLatest"] for each in listed] == [True] + [False] * 9
        newest = await storing.get("key")
        assert await storing.get("key", VersionId=listed[0]["VersionId"]) == newest

    in_bucket(body)


def _customer_key() -> dict[str, str]:
    secret = b"k" * 32
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(secret).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode(),
    }


def test_nothing_of_any_object_is_in_the_clear(tmp_path: Path) -> None:
    encryptions: dict[str, dict[str, Any]] = {
        "sse-s3": {},
        "sse-kms": {"ServerSideEncryption": "aws:kms"},
        "bucket-key": {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": True},
        "dsse-kms": {"ServerSideEncryption": "aws:kms:dsse"},
        "sse-c": _customer_key(),
    }
    small, large = CANARY * 10, CANARY + random_bytes(100_000) + CANARY

    async def main() -> None:
        async with opened_house(tmp_path) as house:
            storing = Storing(house)
            await storing.s3("CreateBucket")
            rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
            await storing.s3("PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
            for name, headers in encryptions.items():
                await storing.put(f"{name}/small", small, **headers)
                await storing.put(f"{name}/large", large, **headers)
                await storing.upload(f"{name}/parts", CANARY * (PIECE_BYTES_MIN // 32), large, **headers)
                await storing.put_refused("BadDigest", f"{name}/refused", large, ContentMD5="A" * 22 + "==", **headers)
                customer = headers if name == "sse-c" else {}
                assert await storing.get(f"{name}/large", **customer) == large

    asyncio.run(main())
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert len(files) > 3 * len(encryptions)
    secret_key = b"k" * 32
    for path in files:
        stored = path.read_bytes()
        for wanted in (
            CANARY[:16],
            CANARY[:16].hex().encode(),
            base64.b64encode(CANARY[:15]),
            secret_key,
            base64.b64encode(secret_key),
        ):
            assert wanted not in stored, path
