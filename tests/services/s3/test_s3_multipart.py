"""Multipart uploads, checksums by every algorithm, and copies."""

import base64
import hashlib
from typing import Any

import pytest
from tests.services.s3.storing import PIECE_BYTES_MIN, InBucket, Storing, in_bucket, in_house_of_module, sent

from strongroom.crypto.checksums import ALGORITHMS, new_checksum
from strongroom.crypto.random import random_bytes

__all__ = ["in_bucket", "in_house_of_module"]


def _checksum(algorithm: str, content: bytes) -> str:
    checksum = new_checksum(algorithm)
    checksum.update(content)
    return base64.b64encode(checksum.digest()).decode()


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_checksums_of_objects(in_bucket: InBucket[None], algorithm: str) -> None:
    async def body(storing: Storing) -> None:
        content = random_bytes(50_000)
        member, right = f"Checksum{algorithm.upper()}", _checksum(algorithm, content)
        for told in ({member: right}, {"ChecksumAlgorithm": algorithm.upper()}):
            put = await storing.put("key", content, **told)
            assert (put[member], put["ChecksumType"]) == (right, "FULL_OBJECT")
        assert (await storing.s3("HeadObject", Key="key", ChecksumMode="ENABLED"))[member] == right
        assert member not in await storing.s3("HeadObject", Key="key")
        assert member not in await storing.s3("GetObject", Key="key", ChecksumMode="ENABLED", Range="bytes=0-9")
        await storing.put("key", b"old")
        wrong = _checksum(algorithm, b"other")
        await storing.put_refused("BadDigest", "key", content, **{member: wrong})
        await storing.put_refused("InvalidRequest", "key", content, **{member: "AAAA"})
        await storing.put_refused(
            "InvalidRequest",
            "key",
            content,
            **{member: right, "ChecksumCRC32" if algorithm != "crc32" else "ChecksumSHA1": "AAAAAA=="},
        )
        assert await storing.get("key") == b"old"
        assert storing.new_blobs() == 0

    in_bucket(body)


def test_content_md5(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = b"x" * 40_000
        md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        await storing.put("key", content, ContentMD5=md5)
        for wrong in ("__invalid__", "000", "not base64 encoded checksum", "MTIz"):
            refusal = await storing.put_refused("InvalidDigest", "key", content, ContentMD5=wrong)
            assert refusal.members["Content-MD5"] == wrong
        refusal = await storing.put_refused("BadDigest", "key", b"y" * 40_000, ContentMD5=md5)
        assert refusal.members["ExpectedDigest"] == md5
        assert await storing.get("key") == content
        assert storing.new_blobs() == 1

    in_bucket(body)


def test_an_object_in_parts(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        parts = [random_bytes(PIECE_BYTES_MIN), random_bytes(PIECE_BYTES_MIN + 1), random_bytes(10)]
        whole = b"".join(parts)
        done = await storing.upload("key", *parts, Metadata={"a": "b"}, Tagging="c=d")
        digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
        assert done["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-3"'
        assert done["ChecksumCRC64NVME"] == _checksum("crc64nvme", whole)
        assert await storing.get("key") == whole
        head = await storing.s3("HeadObject", Key="key", PartNumber=2)
        assert (head["ContentLength"], head["PartsCount"]) == (PIECE_BYTES_MIN + 1, 3)
        assert await storing.get("key", PartNumber=3) == parts[2]
        middle = f"bytes={PIECE_BYTES_MIN - 3}-{2 * PIECE_BYTES_MIN + 5}"
        assert await storing.get("key", Range=middle) == whole[PIECE_BYTES_MIN - 3 : 2 * PIECE_BYTES_MIN + 6]
        assert await storing.get("key", Range="bytes=-12") == whole[-12:]
        await storing.refused("InvalidPartNumber", "GetObject", Key="key", PartNumber=4)
        await storing.refused("InvalidArgument", "GetObject", Key="key", PartNumber=0)
        await storing.refused("InvalidRequest", "GetObject", Key="key", PartNumber=1, Range="bytes=0-1")
        shown = await storing.s3("HeadObject", Key="key")
        assert (shown["Metadata"], shown["TagCount"]) == ({"a": "b"}, 1)
        await storing.s3("DeleteObject", Key="key")
        assert storing.new_blobs() == 0

    in_bucket(body)


_KINDS = {
    "CRC32": "FULL_OBJECT",
    "CRC32C": "COMPOSITE",
    "CRC64NVME": "FULL_OBJECT",
    "SHA1": "COMPOSITE",
    "SHA256": "COMPOSITE",
}


@pytest.mark.parametrize(("algorithm", "kind"), _KINDS.items())
def test_checksums_of_parts_and_of_the_whole(in_bucket: InBucket[None], algorithm: str, kind: str) -> None:
    async def body(storing: Storing) -> None:
        parts = [random_bytes(PIECE_BYTES_MIN), random_bytes(1000)]
        done = await storing.upload("key", *parts, ChecksumAlgorithm=algorithm, ChecksumType=kind)
        member, name = f"Checksum{algorithm}", algorithm.lower()
        if kind == "FULL_OBJECT":
            expected = _checksum(name, b"".join(parts))
        else:
            expected = _checksum(name, b"".join(base64.b64decode(_checksum(name, part)) for part in parts)) + "-2"
        assert (done[member], done["ChecksumType"]) == (expected, kind)
        got = await storing.s3("GetObject", Key="key", ChecksumMode="ENABLED", PartNumber=2)
        assert (got[member], got["ChecksumType"]) == (_checksum(name, parts[1]), kind)

    in_bucket(body)


def test_checksums_that_do_not_go_together(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        for algorithm, kind in (
            ("SHA1", "FULL_OBJECT"),
            ("SHA256", "FULL_OBJECT"),
            ("CRC64NVME", "COMPOSITE"),
            (None, "COMPOSITE"),
        ):
            wanted = {"ChecksumType": kind} | ({"ChecksumAlgorithm": algorithm} if algorithm else {})
            await storing.refused("InvalidRequest", "CreateMultipartUpload", Key="key", **wanted)
        upload_id = (await storing.s3("CreateMultipartUpload", Key="key", ChecksumAlgorithm="SHA256"))["UploadId"]
        part: dict[str, Any] = {"Key": "key", "UploadId": upload_id, "PartNumber": 1}
        refusal = await storing.refused(
            "InvalidRequest", "UploadPart", Body=sent(b"abc"), ChecksumAlgorithm="CRC32", **part
        )
        assert (
            refusal.message
            == "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
        )
        told = await storing.part("key", upload_id, 1, b"abc")
        completing: dict[str, Any] = {"Key": "key", "UploadId": upload_id}
        refusal = await storing.refused(
            "BadDigest",
            "CompleteMultipartUpload",
            MultipartUpload={"Parts": [{**told, "ChecksumSHA256": "AAAA"}]},
            **completing,
        )
        assert refusal.message == "The sha256 you specified for part 1 did not match what we received."
        bare = {"PartNumber": 1, "ETag": told["ETag"]}
        await storing.refused(
            "InvalidRequest", "CompleteMultipartUpload", MultipartUpload={"Parts": [bare]}, **completing
        )
        parts = {"Parts": [told]}
        await storing.refused(
            "InvalidRequest", "CompleteMultipartUpload", MultipartUpload=parts, ChecksumType="FULL_OBJECT", **completing
        )
        await storing.refused(
            "InvalidRequest", "CompleteMultipartUpload", MultipartUpload=parts, MpuObjectSize=4, **completing
        )
        await storing.s3(
            "CompleteMultipartUpload", MultipartUpload=parts, MpuObjectSize=3, ChecksumType="COMPOSITE", **completing
        )

    in_bucket(body)


def test_parts_are_replaced_ordered_and_left_out(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        upload_id = (await storing.s3("CreateMultipartUpload", Key="key"))["UploadId"]
        large = b"x" * PIECE_BYTES_MIN
        old = await storing.part("key", upload_id, 2, b"old" * 20_000)
        first = await storing.part("key", upload_id, 2, large)
        unlisted = await storing.part("key", upload_id, 7, b"unlisted" * 10_000)
        last = await storing.part("key", upload_id, 9, b"end")
        small = await storing.part("key", upload_id, 1, b"small")
        assert storing.new_blobs() == 2

        async def refused(code: str, *parts: dict[str, Any]) -> None:
            await storing.refused(
                code, "CompleteMultipartUpload", Key="key", UploadId=upload_id, MultipartUpload={"Parts": list(parts)}
            )

        await refused("MalformedXML")
        await refused("InvalidPart", old, last)
        await refused("InvalidPart", first, {**last, "PartNumber": 8})
        await refused("InvalidPartOrder", last, first)
        await refused("InvalidPartOrder", first, first)
        await refused("EntityTooSmall", small, first)
        assert unlisted["PartNumber"] == 7
        await storing.s3(
            "CompleteMultipartUpload", Key="key", UploadId=upload_id, MultipartUpload={"Parts": [first, last]}
        )
        assert await storing.get("key") == large + b"end"
        assert storing.new_blobs() == 1
        await storing.refused(
            "NoSuchUpload", "CompleteMultipartUpload", Key="key", UploadId=upload_id, MultipartUpload={"Parts": [first]}
        )
        for number in (0, 10_001):
            await storing.refused(
                "InvalidArgument", "UploadPart", Key="key", UploadId=upload_id, PartNumber=number, Body=sent(b"")
            )

    in_bucket(body)


def test_aborting_leaves_nothing(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        upload_id = (await storing.s3("CreateMultipartUpload", Key="key"))["UploadId"]
        await storing.part("key", upload_id, 1, b"x" * 100_000)
        await storing.refused(
            "BadDigest",
            "UploadPart",
            Key="key",
            UploadId=upload_id,
            PartNumber=2,
            Body=sent(b"x" * 100_000),
            ChecksumCRC32="AAAAAA==",
        )
        assert storing.new_blobs() == 1
        await storing.s3("AbortMultipartUpload", Key="key", UploadId=upload_id)
        assert storing.new_blobs() == 0
        for operation in ("AbortMultipartUpload", "ListParts"):
            await storing.refused("NoSuchUpload", operation, Key="key", UploadId=upload_id)
        await storing.refused(
            "NoSuchUpload", "UploadPart", Key="key", UploadId=upload_id, PartNumber=1, Body=sent(b"x")
        )
        await storing.refused("NoSuchKey", "GetObject", Key="key")

    in_bucket(body)


def test_listing_parts_and_uploads_in_pages(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        upload_id = (await storing.s3("CreateMultipartUpload", Key="a/1"))["UploadId"]
        numbers = [1, 3, 4, 9, 10_000]
        for number in numbers:
            await storing.part("a/1", upload_id, number, b"p")
        for size in (1, 2, 5, 6):
            found: list[int] = []
            marker = 0
            while True:
                page = await storing.s3(
                    "ListParts", Key="a/1", UploadId=upload_id, MaxParts=size, PartNumberMarker=marker
                )
                found += [each["PartNumber"] for each in page["Parts"]]
                if not page["IsTruncated"]:
                    break
                marker = page["NextPartNumberMarker"]
            assert found == numbers
        ids = {("a/1", upload_id)}
        for key in ("a/1", "a/2", "b", "c/x", "c/y", "d"):
            ids.add((key, (await storing.s3("CreateMultipartUpload", Key=key))["UploadId"]))
        for size in (1, 2, 3, 7):
            seen: list[tuple[str, str]] = []
            at: dict[str, Any] = {}
            while True:
                page = await storing.s3("ListMultipartUploads", MaxUploads=size, **at)
                seen += [(each["Key"], each["UploadId"]) for each in page["Uploads"]]
                if not page["IsTruncated"]:
                    break
                at = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
            assert len(seen) == len(set(seen))
            assert set(seen) == ids
            assert [key for key, _ in seen] == sorted(key for key, _ in seen)
            rolled: list[str] = []
            at = {}
            while True:
                page = await storing.s3("ListMultipartUploads", MaxUploads=size, Delimiter="/", **at)
                rolled += [each["Prefix"] for each in page["CommonPrefixes"]] + [
                    each["Key"] for each in page["Uploads"]
                ]
                if not page["IsTruncated"]:
                    break
                at = {"KeyMarker": page["NextKeyMarker"]} | (
                    {"UploadIdMarker": page["NextUploadIdMarker"]} if "NextUploadIdMarker" in page else {}
                )
            assert sorted(rolled) == ["a/", "b", "c/", "d"]

    in_bucket(body)


def test_parts_are_copied(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = random_bytes(100_000)
        await storing.put("source", content)
        upload_id = (await storing.s3("CreateMultipartUpload", Key="key"))["UploadId"]
        copying: dict[str, Any] = {"Key": "key", "UploadId": upload_id, "CopySource": f"{storing.bucket}/source"}
        for header in ("0-8", "bytes=-", "bytes=-2", "bytes=1-", "bytes=1-0", "bytes=0-100000", "bytes=0-1,3-4"):
            await storing.refused("InvalidArgument", "UploadPartCopy", PartNumber=1, CopySourceRange=header, **copying)
        await storing.refused(
            "InvalidRequest", "UploadPartCopy", PartNumber=1, CopySourceRange="bytes=100000-100001", **copying
        )
        copied = (await storing.s3("UploadPartCopy", PartNumber=1, CopySourceRange="bytes=10-99999", **copying))[
            "CopyPartResult"
        ]
        part = {"PartNumber": 1, "ETag": copied["ETag"]}
        await storing.s3("CompleteMultipartUpload", Key="key", UploadId=upload_id, MultipartUpload={"Parts": [part]})
        assert await storing.get("key") == content[10:]

    in_bucket(body)


def test_copies(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = random_bytes(70_000)
        await storing.put(
            "a key/ä+", content, Metadata={"m": "1"}, ContentType="text/plain", Tagging="t=1", ChecksumAlgorithm="SHA1"
        )
        source = f"{storing.bucket}/a%20key/%C3%A4%2B"
        copied = await storing.s3("CopyObject", Key="copy", CopySource=source)
        assert copied["CopyObjectResult"]["ChecksumSHA1"] == _checksum("sha1", content)
        head = await storing.s3("HeadObject", Key="copy")
        assert (head["Metadata"], head["ContentType"], head["TagCount"]) == ({"m": "1"}, "text/plain", 1)
        await storing.s3(
            "CopyObject",
            Key="copy",
            CopySource="/" + source,
            MetadataDirective="REPLACE",
            Metadata={"n": "2"},
            TaggingDirective="REPLACE",
            Tagging="u=2&v=3",
        )
        head = await storing.s3("HeadObject", Key="copy")
        assert (head["Metadata"], head["ContentType"], head["TagCount"]) == ({"n": "2"}, "binary/octet-stream", 2)
        assert await storing.get("copy") == content
        await storing.s3("CreateBucket", Bucket=f"{storing.bucket}-other")
        await storing.s3("CopyObject", Bucket=f"{storing.bucket}-other", Key="there", CopySource=source)
        assert await storing.get("there", Bucket=f"{storing.bucket}-other") == content
        itself = f"{storing.bucket}/copy"
        await storing.refused("InvalidRequest", "CopyObject", Key="copy", CopySource=itself)
        await storing.s3("CopyObject", Key="copy", CopySource=itself, MetadataDirective="REPLACE")
        await storing.s3("CopyObject", Key="copy", CopySource=itself, StorageClass="STANDARD_IA")
        assert (await storing.s3("HeadObject", Key="copy"))["StorageClass"] == "STANDARD_IA"
        for wrong in ("nothing", "/", f"{storing.bucket}/"):
            await storing.refused("InvalidArgument", "CopyObject", Key="copy", CopySource=wrong)
        await storing.refused("NoSuchBucket", "CopyObject", Key="copy", CopySource="absent-bucket/key")
        etag = (await storing.s3("HeadObject", Key="copy"))["ETag"]
        await storing.s3("CopyObject", Key="other", CopySource=itself, CopySourceIfMatch=etag)
        await storing.refused(
            "PreconditionFailed", "CopyObject", Key="other", CopySource=itself, CopySourceIfNoneMatch=etag
        )

    in_bucket(body)


def test_copies_of_versions(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        first = (await storing.put("key", b"first"))["VersionId"]
        await storing.put("key", b"second")
        marker = (await storing.s3("DeleteObject", Key="key"))["VersionId"]
        source = f"{storing.bucket}/key"
        refusal = await storing.refused("NoSuchKey", "CopyObject", Key="copy", CopySource=source)
        assert refusal.status == 404
        await storing.refused("InvalidRequest", "CopyObject", Key="copy", CopySource=f"{source}?versionId={marker}")
        await storing.refused("NoSuchVersion", "CopyObject", Key="copy", CopySource=f"{source}?versionId={'0' * 32}")
        restored = await storing.s3("CopyObject", Key="key", CopySource=f"{source}?versionId={first}")
        assert restored["CopySourceVersionId"] == first
        assert await storing.get("key", VersionId=restored["VersionId"]) == b"first"

    in_bucket(body)
