"""Objects: what is put is what is got, whole, in ranges and in parts; headers, conditions, and what is not there."""

import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.services.kms.made_identities import statement
from tests.services.s3.storing import PIECE_BYTES_MIN, InBucket, Storing, in_bucket, in_house_of_module, read

from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes

__all__ = ["in_bucket", "in_house_of_module"]
SEGMENT = 64 * 1024
SIZES = (0, 1, 100, 16 * 1024, 16 * 1024 + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 1024**2, 1024**2 + 1, 3 * 1024**2)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_come_back(in_bucket: InBucket[None], size: int) -> None:
    async def body(storing: Storing) -> None:
        before = len(storing.blobs())
        content = random_bytes(size)
        put = await storing.put("key", content)
        assert len(storing.blobs()) - before == (1 if size > 16 * 1024 else 0)
        got = await storing.s3("GetObject", Key="key")
        assert got["ContentLength"] == size
        assert got["ETag"] == put["ETag"]
        assert await read(got) == content
        for first, last in ((0, 0), (size // 2, size // 2 + 10), (size - 1, size + 100), (SEGMENT - 1, SEGMENT)):
            if 0 <= first < size:
                assert await storing.get("key", Range=f"bytes={first}-{last}") == content[first : last + 1]
        await storing.s3("DeleteObject", Key="key")
        assert len(storing.blobs()) == before

    in_bucket(body)


def test_ranges_as_they_are_asked_for(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = b"0123456789"
        await storing.put("key", content)
        for header, first, last in (
            ("0-8", 0, 8),
            ("1-1", 1, 1),
            ("1-", 1, 9),
            ("-9", 1, 9),
            ("-15", 0, 9),
            ("0-100", 0, 9),
        ):
            got = await storing.s3("GetObject", Key="key", Range=f"bytes={header}")
            assert got["ContentRange"] == f"bytes {first}-{last}/10"
            assert await storing.get("key", Range=f"bytes={header}") == content[first : last + 1]
        for header in ("bytes=0-1,3-4", "0-8", "bytes=-", "bytes=1-0", "bytes=0--1", "octets=0-1"):
            got = await storing.s3("GetObject", Key="key", Range=header)
            assert "ContentRange" not in got
            assert got["ContentLength"] == 10
        for header in ("bytes=-0", "bytes=100-200", "bytes=10-"):
            refusal = await storing.refused("InvalidRange", "GetObject", Key="key", Range=header)
            assert refusal.status == 416
            assert refusal.members == {"RangeRequested": header, "ActualObjectSize": "10"}
        await storing.put("empty", b"")
        await storing.refused("InvalidRange", "GetObject", Key="empty", Range="bytes=0-")
        assert await storing.get("empty", PartNumber=1) == b""

    in_bucket(body)


def test_headers_and_metadata_come_back(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        headers = {
            "CacheControl": "no-cache",
            "ContentDisposition": "attachment",
            "ContentEncoding": "gzip",
            "ContentLanguage": "de",
            "ContentType": "text/plain",
            "WebsiteRedirectLocation": "/elsewhere",
            "Metadata": {"a": "b", "name": "value"},
        }
        await storing.put("key", **headers)
        head = await storing.s3("HeadObject", Key="key")
        assert {name: head[name] for name in headers} == headers
        got = await storing.s3("GetObject", Key="key", ResponseContentType="a/b", ResponseCacheControl="x")
        assert (got["ContentType"], got["CacheControl"], got["ContentLanguage"]) == ("a/b", "x", "de")
        await storing.put("plain")
        assert (await storing.s3("HeadObject", Key="plain"))["ContentType"] == "binary/octet-stream"
        await storing.put_refused("MetadataTooLarge", "key", Metadata={"a": "x" * 2048})
        await storing.put("key", Metadata={"a": "x" * 2047})

    in_bucket(body)


@pytest.mark.parametrize(
    "key",
    ["a", "..", "../../etc/passwd", "/", "//", "a//b", ".", " ", "a b+c%20", "é\u0301", "\U0001f600", "ключ", "a\nb\tc",
     "\u0001", "?versionId=x", "ä" * 512, "x" * 1024, "con", "a\\b", "\ufffe", "\ud7ff\ue000"],
)  # fmt: skip
def test_keys_are_any_text(in_bucket: InBucket[None], key: str) -> None:
    async def body(storing: Storing) -> None:
        content = key.encode()
        await storing.put(key, content)
        await storing.put(key + "x" if len(content) < 1024 else "other", b"another")
        assert await storing.get(key) == content
        listed = await storing.s3("ListObjectsV2", Prefix=key)
        assert listed["Contents"][0]["Key"] == key
        await storing.s3("DeleteObject", Key=key)
        await storing.refused("NoSuchKey", "GetObject", Key=key)

    in_bucket(body)


def test_keys_that_are_too_long(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        refusal = await storing.put_refused("KeyTooLongError", "ä" * 513)
        assert refusal.members == {"Size": "1026", "MaxSizeAllowed": "1024"}
        await storing.refused("KeyTooLongError", "CreateMultipartUpload", Key="x" * 1025)
        await storing.refused("KeyTooLongError", "CopyObject", Key="x" * 1025, CopySource=f"{storing.bucket}/a")

    in_bucket(body)


def test_conditional_reads(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        etag = (await storing.put("key"))["ETag"]
        modified = (await storing.s3("HeadObject", Key="key"))["LastModified"]
        earlier, later = modified - datetime.timedelta(seconds=1), modified + datetime.timedelta(seconds=1)
        answered: list[dict[str, Any]] = [
            {"IfMatch": etag},
            {"IfMatch": etag.strip('"')},
            {"IfMatch": "*"},
            {"IfNoneMatch": '"0"'},
            {"IfModifiedSince": earlier},
            {"IfUnmodifiedSince": modified},
            {"IfMatch": etag, "IfUnmodifiedSince": earlier},
            {"IfNoneMatch": '"0"', "IfModifiedSince": later},
        ]
        for conditions in answered:
            await storing.s3("GetObject", Key="key", **conditions)
        failed: list[tuple[dict[str, Any], str]] = [
            ({"IfMatch": '"0"'}, "If-Match"),
            ({"IfUnmodifiedSince": earlier}, "If-Unmodified-Since"),
        ]
        for conditions, header in failed:
            for operation in ("GetObject", "HeadObject"):
                refusal = await storing.refused("PreconditionFailed", operation, Key="key", **conditions)
                assert (refusal.status, refusal.members["Condition"]) == (412, header)
        unmodified: list[dict[str, Any]] = [
            {"IfNoneMatch": etag},
            {"IfNoneMatch": "*"},
            {"IfModifiedSince": modified},
            {"IfNoneMatch": etag, "IfModifiedSince": earlier},
        ]
        for conditions in unmodified:
            refusal = await storing.refused("NotModified", "GetObject", Key="key", **conditions)
            assert refusal.status == 304
            assert refusal.answer["ETag"] == etag

    in_bucket(body)


def test_conditional_writes(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        refusal = await storing.put_refused("NoSuchKey", "key", IfMatch='"0"')
        assert refusal.status == 404
        etag = (await storing.put("key", b"first", IfNoneMatch="*"))["ETag"]
        for unserved in ({"IfNoneMatch": etag}, {"IfMatch": "*"}, {"IfMatch": etag, "IfNoneMatch": "*"}):
            refusal = await storing.put_refused("NotImplemented", "key", **unserved)
            assert refusal.status == 501
        refusal = await storing.put_refused("PreconditionFailed", "key", b"x" * 100_000, IfNoneMatch="*")
        assert refusal.members["Condition"] == "If-None-Match"
        await storing.put_refused("PreconditionFailed", "key", IfMatch='"0"')
        assert await storing.get("key") == b"first"
        assert storing.new_blobs() == 0
        await storing.put("key", b"second", IfMatch=etag)
        source = f"{storing.bucket}/key"
        await storing.refused(
            "PreconditionFailed", "CopyObject", Key="key", CopySource=source, IfMatch=etag, MetadataDirective="REPLACE"
        )
        await storing.refused("PreconditionFailed", "DeleteObject", Key="key", IfMatch=etag)
        await storing.refused("NotImplemented", "DeleteObject", Key="key", IfMatchSize=6)
        now = (await storing.s3("HeadObject", Key="key"))["ETag"]
        await storing.s3("DeleteObject", Key="key", IfMatch=now)
        await storing.refused("NoSuchKey", "HeadObject", Key="key")

    in_bucket(body)


def test_completing_on_a_condition(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        upload_id = (await storing.s3("CreateMultipartUpload", Key="key"))["UploadId"]
        part = await storing.part("key", upload_id, 1, b"part")
        etag = (await storing.put("key", b"meanwhile"))["ETag"]
        completing: dict[str, Any] = {"Key": "key", "UploadId": upload_id, "MultipartUpload": {"Parts": [part]}}
        await storing.refused("PreconditionFailed", "CompleteMultipartUpload", IfNoneMatch="*", **completing)
        await storing.refused("PreconditionFailed", "CompleteMultipartUpload", IfMatch='"0"', **completing)
        assert await storing.get("key") == b"meanwhile"
        await storing.s3("CompleteMultipartUpload", IfMatch=etag, **completing)
        assert await storing.get("key") == b"part"

    in_bucket(body)


def test_who_may_not_list_does_not_learn_what_is_absent(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        arn = f"arn:aws:s3:::{storing.bucket}"
        reader = await storing.user("reader", statement("Allow", "s3:GetObject", f"{arn}/*"))
        lister = await storing.user(
            "lister", statement("Allow", "s3:GetObject", f"{arn}/*"), statement("Allow", "s3:ListBucket", arn)
        )
        for operation in ("GetObject", "HeadObject"):
            assert (await storing.refused("AccessDenied", operation, Key="absent", caller=reader)).status == 403
            assert (await storing.refused("NoSuchKey", operation, Key="absent", caller=lister)).status == 404
        copy = {"Key": "copy", "CopySource": f"{storing.bucket}/absent"}
        await storing.refused("AccessDenied", "CopyObject", caller=reader, **copy)
        await storing.refused("NoSuchKey", "CopyObject", **copy)

    in_bucket(body)


def test_tags_of_objects(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("key", Tagging="a=1&b=%C3%A4")
        assert (await storing.s3("HeadObject", Key="key"))["TagCount"] == 2
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ä"}]
        assert (await storing.s3("GetObjectTagging", Key="key"))["TagSet"] == tags
        await storing.s3("PutObjectTagging", Key="key", Tagging={"TagSet": tags[:1]})
        assert (await storing.s3("GetObjectTagging", Key="key"))["TagSet"] == tags[:1]
        await storing.s3("DeleteObjectTagging", Key="key")
        assert (await storing.s3("GetObjectTagging", Key="key"))["TagSet"] == []
        for header in ("a=1&a=2", "aws:x=1", "=1", "a=" + "x" * 257):
            await storing.put_refused("InvalidTag", "key", Tagging=header)
        await storing.put_refused("BadRequest", "key", Tagging="&".join(f"k{n}=v" for n in range(11)))
        await storing.refused("NoSuchKey", "GetObjectTagging", Key="absent")

    in_bucket(body)


def test_attributes(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        every = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
        put = await storing.put("key", b"1234567", ChecksumAlgorithm="CRC32")
        shown = await storing.s3("GetObjectAttributes", Key="key", ObjectAttributes=every)
        assert shown["ETag"] == put["ETag"].strip('"')
        assert shown["Checksum"] == {"ChecksumCRC32": put["ChecksumCRC32"], "ChecksumType": "FULL_OBJECT"}
        assert (shown["StorageClass"], shown["ObjectSize"]) == ("STANDARD", 7)
        assert "ObjectParts" not in shown
        await storing.upload("parts", b"x" * PIECE_BYTES_MIN, b"y", ChecksumAlgorithm="SHA256")
        parts = (await storing.s3("GetObjectAttributes", Key="parts", ObjectAttributes=every, MaxParts=1))[
            "ObjectParts"
        ]
        assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (2, True, 1)
        assert parts["Parts"][0]["Size"] == PIECE_BYTES_MIN
        await storing.refused("NoSuchKey", "GetObjectAttributes", Key="absent", ObjectAttributes=every)

    in_bucket(body)


def test_deleting_many(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        arn = f"arn:aws:s3:::{storing.bucket}"
        user = await storing.user(
            "deleter",
            statement("Allow", "s3:DeleteObject", f"{arn}/*"),
            statement("Deny", "s3:DeleteObject", f"{arn}/kept*"),
        )
        for key in ("a", "b", "kept"):
            await storing.put(key, b"x" * 20_000)
        asked = [{"Key": "a"}, {"Key": "kept"}, {"Key": "absent"}]
        answer = await storing.s3("DeleteObjects", Delete={"Objects": asked}, caller=user)
        assert answer["Deleted"] == [{"Key": "a"}, {"Key": "absent"}]
        assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("kept", "AccessDenied")]
        quiet = await storing.s3(
            "DeleteObjects", Delete={"Objects": [{"Key": "b"}, {"Key": "kept"}], "Quiet": True}, caller=user
        )
        assert "Deleted" not in quiet
        assert [each["Key"] for each in quiet["Errors"]] == ["kept"]
        listed = await storing.s3("ListObjectsV2")
        assert [each["Key"] for each in listed["Contents"]] == ["kept"]
        many = [{"Key": f"k{number}"} for number in range(1001)]
        await storing.refused("MalformedXML", "DeleteObjects", Delete={"Objects": many})
        assert len((await storing.s3("DeleteObjects", Delete={"Objects": many[:1000]}))["Deleted"]) == 1000

    in_bucket(body)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 300_000),
    seed=st.integers(0, 255),
    ranges=st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 300_000)), max_size=6),
)
def test_any_range_of_any_object(
    in_bucket: InBucket[None], size: int, seed: int, ranges: list[tuple[int, int]]
) -> None:
    async def body(storing: Storing) -> None:
        content = bytes((seed + number * 7 + number // 251) % 256 for number in range(size))
        await storing.put("key", content)
        for first, last in ranges:
            if first < size and first <= last:
                assert await storing.get("key", Range=f"bytes={first}-{last}") == content[first : last + 1]

    in_bucket(body)


def test_a_body_that_breaks_off_leaves_nothing(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        async def broken() -> Any:
            yield b"x" * 200_000
            raise AwsError("IncompleteBody", "the rest did not come")

        await storing.refused("IncompleteBody", "PutObject", Key="key", Body=broken())
        assert storing.new_blobs() == 0
        await storing.refused("NoSuchKey", "GetObject", Key="key")
        await storing.put("key", b"old")
        await storing.refused("IncompleteBody", "PutObject", Key="key", Body=broken())
        assert await storing.get("key") == b"old"
        assert storing.new_blobs() == 0

    in_bucket(body)
