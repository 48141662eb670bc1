"""Every way to encrypt an object: what is asked, what is shown, whose permission it needs, and what opens it."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, opened_house
from tests.services.kms.made_identities import make_account, statement
from tests.services.s3.storing import PIECE_BYTES_MIN, InBucket, Storing, in_bucket, in_house_of_module, read, sent

from strongroom.crypto.random import random_bytes
from strongroom.crypto.stream import SegmentOpener
from strongroom.envelope.sealed import SealBroken
from strongroom.envelope.stream_layout import LAYER_HEADER_BYTES
from strongroom.envelope.streams import open_object
from strongroom.operations.callers import Caller
from strongroom.operations.data_keys import DATA_KEY_BYTES
from strongroom.operations.trail import AuditRecord
from strongroom.services.s3 import tables
from strongroom.services.s3.versions import Version, wrapped_keys

__all__ = ["in_bucket", "in_house_of_module"]
OTHER = "444455556666"


def _customer_key(secret: bytes, prefix: str = "SSECustomer") -> dict[str, str]:
    return {
        f"{prefix}Algorithm": "AES256",
        f"{prefix}Key": base64.b64encode(secret).decode(),
        f"{prefix}KeyMD5": base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode(),
    }


async def _key(storing: Storing, **params: Any) -> dict[str, Any]:
    created: dict[str, Any] = (await storing.house.kms("CreateKey", **params))["KeyMetadata"]
    return created


async def _kms_calls(storing: Storing) -> list[AuditRecord]:
    """Return the KMS calls of the audit trail, oldest first."""
    now = storing.house.clock.now()
    records = await storing.house.house.audit.records(now - 600, now + 600)
    return [record for record in records if record.event_source == "kms.amazonaws.com"]


def test_without_a_request_it_is_sse_s3(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = b"x" * 20_000
        put = await storing.put("key", content)
        assert put["ServerSideEncryption"] == "AES256"
        assert put["ETag"] == f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        for operation in ("GetObject", "HeadObject"):
            shown = await storing.s3(operation, Key="key")
            assert shown["ServerSideEncryption"] == "AES256"
            assert "BucketKeyEnabled" not in shown
        assert await storing.get("key", secure=False) == content

    in_bucket(body)


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
def test_kms_keys_by_every_name(in_bucket: InBucket[None], algorithm: str) -> None:
    async def body(storing: Storing) -> None:
        key = await _key(storing)
        alias = f"alias/of-{storing.bucket}"
        await storing.house.kms("CreateAlias", AliasName=alias, TargetKeyId=key["KeyId"])
        names = (key["KeyId"], key["Arn"], alias, f"arn:aws:kms:us-east-1:{ACCOUNT}:{alias}")
        for name in names:
            put = await storing.put("key", b"secret", ServerSideEncryption=algorithm, SSEKMSKeyId=name)
            assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == (algorithm, key["Arn"])
            assert put["ETag"] != f'"{hashlib.md5(b"secret", usedforsecurity=False).hexdigest()}"'
            assert len(put["ETag"]) == 34
            assert await storing.get("key") == b"secret"
        managed = await storing.put("key", ServerSideEncryption=algorithm)
        described = await storing.house.kms("DescribeKey", KeyId="alias/aws/s3")
        assert managed["SSEKMSKeyId"] == described["KeyMetadata"]["Arn"]
        done = await storing.upload(
            "parts", b"p" * PIECE_BYTES_MIN, b"q", ServerSideEncryption=algorithm, SSEKMSKeyId=alias
        )
        assert (done["ServerSideEncryption"], done["SSEKMSKeyId"]) == (algorithm, key["Arn"])
        assert await storing.get("parts", Range=f"bytes={PIECE_BYTES_MIN - 2}-") == b"ppq"
        await storing.put_refused(
            "KMS.NotFoundException", "key", ServerSideEncryption=algorithm, SSEKMSKeyId="alias/absent"
        )

    in_bucket(body)


def test_headers_that_do_not_go_together(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put_refused("InvalidArgument", "key", SSEKMSKeyId="alias/aws/s3")
        await storing.put_refused("InvalidArgument", "key", ServerSideEncryption="AES256", SSEKMSKeyId="alias/aws/s3")
        await storing.put_refused("InvalidArgument", "key", ServerSideEncryption="aws:fsx2")
        for context in ("x", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"a":1}').decode()):
            await storing.put_refused(
                "InvalidArgument", "key", ServerSideEncryption="aws:kms", SSEKMSEncryptionContext=context
            )
        await storing.put_refused("InvalidRequest", "key", ServerSideEncryption="aws:kms", secure=False)
        await storing.put("key", ServerSideEncryption="aws:kms")
        await storing.refused("InvalidRequest", "GetObject", Key="key", secure=False)

    in_bucket(body)


def test_the_encryption_context_is_merged(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        key = await _key(storing)
        context = base64.b64encode(json.dumps({"department": "10.103.1"}).encode()).decode()
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["KeyId"], "SSEKMSEncryptionContext": context}
        await storing.put("key", **kms)
        await storing.get("key")
        await storing.put("key", BucketKeyEnabled=True, **kms)
        calls = [
            each
            for each in await _kms_calls(storing)
            if (each.request or {}).get("KeyId") in (key["KeyId"], key["Arn"])
        ]
        found = [(each.operation, each.request["EncryptionContext"]) for each in calls]
        assert {each.via for each in calls} == {"s3"}
        arn = f"arn:aws:s3:::{storing.bucket}"
        assert found == [
            ("GenerateDataKey", {"department": "10.103.1", "aws:s3:arn": f"{arn}/key"}),
            ("Decrypt", {"department": "10.103.1", "aws:s3:arn": f"{arn}/key"}),
            ("GenerateDataKey", {"department": "10.103.1", "aws:s3:arn": arn}),
        ]
        other = base64.b64encode(b'{"aws:s3:arn":"arn:aws:s3:::other/key"}').decode()
        await storing.put_refused("InvalidArgument", "key", **{**kms, "SSEKMSEncryptionContext": other})

    in_bucket(body)


def test_another_accounts_key(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await make_account(storing.house, OTHER)
        stranger = Caller.root(OTHER, "AKIAOTHERROOTKEY0001")
        key = (await storing.house.call("kms", "CreateKey", caller=stranger))["KeyMetadata"]
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["Arn"]}
        await storing.put_refused("AccessDenied", "key", **kms)
        allow = [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
            for account in (OTHER, ACCOUNT)
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
        await storing.house.call("kms", "PutKeyPolicy", caller=stranger, KeyId=key["KeyId"], Policy=policy)
        assert (await storing.put("key", **kms))["SSEKMSKeyId"] == key["Arn"]
        assert await storing.get("key") == b"content"
        await storing.house.call("kms", "DisableKey", caller=stranger, KeyId=key["KeyId"])
        await storing.refused("KMS.DisabledException", "GetObject", Key="key")

    in_bucket(body)


@pytest.mark.parametrize("bucket_key", [False, True])
def test_the_callers_own_permissions_are_needed(in_bucket: InBucket[None], *, bucket_key: bool) -> None:
    async def body(storing: Storing) -> None:
        key = await _key(storing)
        kms: dict[str, Any] = {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": key["Arn"],
            "BucketKeyEnabled": bucket_key,
        }
        s3 = statement("Allow", "s3:*", "*")
        none = await storing.user("none", s3)
        writer = await storing.user("writer", s3, statement("Allow", "kms:GenerateDataKey", key["Arn"]))
        reader = await storing.user("reader", s3, statement("Allow", "kms:Decrypt", key["Arn"]))
        await storing.put("key", **kms)
        await storing.put_refused("AccessDenied", "key", caller=none, **kms)
        await storing.put_refused("AccessDenied", "key", caller=reader, **kms)
        await storing.put("key", b"written", caller=writer, **kms)
        await storing.refused("AccessDenied", "GetObject", Key="key", caller=none)
        if not bucket_key:
            await storing.refused("AccessDenied", "GetObject", Key="key", caller=writer)
        assert await storing.get("key", caller=reader) == b"written"
        await storing.s3("HeadObject", Key="key", caller=none)

    in_bucket(body)


@pytest.mark.parametrize("bucket_key", [False, True])
def test_a_disabled_or_deleted_key_shuts_its_objects_at_once(in_bucket: InBucket[None], *, bucket_key: bool) -> None:
    async def body(storing: Storing) -> None:
        key_id = (await _key(storing))["KeyId"]
        kms: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, "BucketKeyEnabled": bucket_key}
        await storing.put("key", b"secret", **kms)
        assert await storing.get("key") == b"secret"
        await storing.house.kms("DisableKey", KeyId=key_id)
        await storing.refused("KMS.DisabledException", "GetObject", Key="key")
        await storing.put_refused("KMS.DisabledException", "other", **kms)
        await storing.refused("KMS.DisabledException", "CopyObject", Key="copy", CopySource=f"{storing.bucket}/key")
        await storing.house.kms("EnableKey", KeyId=key_id)
        assert await storing.get("key") == b"secret"
        await storing.house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        await storing.refused("KMS.KMSInvalidStateException", "GetObject", Key="key")
        await storing.s3("HeadObject", Key="key")

    in_bucket(body)


def test_default_encryption(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        key = await _key(storing)
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]},
            "BucketKeyEnabled": True,
        }
        await storing.s3("PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
        put = await storing.put("key")
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (
            "aws:kms",
            key["Arn"],
            True,
        )
        assert (await storing.put("plain", ServerSideEncryption="AES256"))["ServerSideEncryption"] == "AES256"
        assert (await storing.s3("CopyObject", Key="copy", CopySource=f"{storing.bucket}/plain"))[
            "BucketKeyEnabled"
        ] is True
        off = await storing.put("off", ServerSideEncryption="aws:kms", SSEKMSKeyId=key["Arn"], BucketKeyEnabled=False)
        assert "BucketKeyEnabled" not in off
        wrong = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": key["Arn"]}}
        await storing.refused(
            "InvalidArgument", "PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": [wrong]}
        )
        await storing.refused(
            "MalformedXML", "PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": [rule, rule]}
        )
        await storing.s3("DeleteBucketEncryption")
        assert (await storing.put("key"))["ServerSideEncryption"] == "AES256"
        assert await storing.get("copy") == b"content"

    in_bucket(body)


async def _unblock(storing: Storing) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
    }
    await storing.s3("PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_customer_keys(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        key, other = _customer_key(b"k" * 32), _customer_key(b"o" * 32)
        content = random_bytes(100_000)
        await storing.put_refused("AccessDenied", "key", **key)
        await _unblock(storing)
        put = await storing.put("key", content, **key)
        assert (put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]) == ("AES256", key["SSECustomerKeyMD5"])
        assert "ServerSideEncryption" not in put
        assert await storing.get("key", Range="bytes=70000-", **key) == content[70_000:]
        for operation in ("GetObject", "HeadObject"):
            refusal = await storing.refused("InvalidRequest", operation, Key="key")
            assert refusal.message.startswith("The object was stored using a form of Server Side Encryption.")
            assert (await storing.refused("AccessDenied", operation, Key="key", **other)).status == 403
        await storing.put("plain")
        await storing.refused("InvalidRequest", "GetObject", Key="plain", **key)
        for wrong, code in (
            ({**key, "SSECustomerAlgorithm": "KMS"}, "InvalidEncryptionAlgorithmError"),
            ({**key, "SSECustomerKeyMD5": other["SSECustomerKeyMD5"]}, "InvalidArgument"),
            ({**key, "SSECustomerKey": base64.b64encode(b"short").decode()}, "InvalidArgument"),
            ({**key, "SSECustomerKey": "no base64"}, "InvalidArgument"),
            ({"SSECustomerKey": key["SSECustomerKey"]}, "InvalidArgument"),
            ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        ):
            refusal = await storing.put_refused(code, "key", **wrong)
            assert refusal.members["ArgumentName"] == "x-amz-server-side-encryption"
        await storing.put_refused("InvalidArgument", "key", ServerSideEncryption="AES256", **key)
        for operation, more in (("PutObject", {"Body": sent(b"x")}), ("GetObject", {}), ("HeadObject", {})):
            await storing.refused("InvalidRequest", operation, Key="key", secure=False, **key, **more)

    in_bucket(body)


def test_customer_keys_of_parts_and_copies(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await _unblock(storing)
        key, other = _customer_key(b"k" * 32), _customer_key(b"o" * 32)
        await storing.upload("parts", b"part", **key)
        assert await storing.get("parts", **key) == b"part"
        upload_id = (await storing.s3("CreateMultipartUpload", Key="parts", **key))["UploadId"]
        part: dict[str, Any] = {"Key": "parts", "UploadId": upload_id, "PartNumber": 1}
        await storing.refused("InvalidRequest", "UploadPart", Body=sent(b"x"), **part)
        await storing.refused("InvalidRequest", "UploadPart", Body=sent(b"x"), **part, **other)
        source = {"CopySource": f"{storing.bucket}/parts"}
        opened = _customer_key(b"k" * 32, "CopySourceSSECustomer")
        await storing.refused("InvalidRequest", "CopyObject", Key="copy", **source)
        await storing.s3("CopyObject", Key="copy", **source, **opened)
        assert await storing.get("copy") == b"part"
        await storing.s3("CopyObject", Key="copy", **source, **opened, **other)
        assert await storing.get("copy", **other) == b"part"

    in_bucket(body)


@pytest.mark.parametrize("bucket_key", [False, True])
def test_another_key_in_place(in_bucket: InBucket[None], *, bucket_key: bool) -> None:
    async def body(storing: Storing) -> None:
        key = await _key(storing)
        content = random_bytes(100_000)
        etag = (await storing.put("key", content))["ETag"]
        wanted = {"SSEKMS": {"KMSKeyArn": key["Arn"], "BucketKeyEnabled": bucket_key}}
        await storing.s3("UpdateObjectEncryption", Key="key", ObjectEncryption=wanted)
        head = await storing.s3("HeadObject", Key="key")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["ETag"]) == ("aws:kms", key["Arn"], etag)
        assert await storing.get("key") == content
        assert storing.new_blobs() == 1
        await storing.house.kms("DisableKey", KeyId=key["KeyId"])
        await storing.refused("KMS.DisabledException", "GetObject", Key="key")
        await storing.put("double", ServerSideEncryption="aws:kms:dsse")
        await storing.refused("InvalidRequest", "UpdateObjectEncryption", Key="double", ObjectEncryption=wanted)

    in_bucket(body)


def test_the_layers_of_dsse_are_independent(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        content = b"CANARY" * 3_000
        await storing.put("key", content[:10_000], ServerSideEncryption="aws:kms:dsse")
        house = storing.house.house
        row = await house.store.read(lambda connection: tables.select_latest(connection, storing.bucket, "key"))
        version = Version.of(row)
        kept = wrapped_keys(house, version)
        pieces = await house.store.read(lambda c: tables.select_pieces(c, version.content_id or "", 0, 10))
        inner, ciphertext = kept[:DATA_KEY_BYTES], kept[DATA_KEY_BYTES:]
        # Who has S3's key and not KMS's has the inner layer's key alone; the outer one's only KMS opens.
        outer = await _decrypted_through_s3(storing, ciphertext, version)
        sealed, place = pieces[0].inline, f"s3 content {version.content_id} piece 1"
        for keys in ((inner,), (outer,), (outer, inner)):
            with pytest.raises(SealBroken):
                open_object(sealed, keys, place)
        headers, segment = sealed[: 2 * LAYER_HEADER_BYTES], sealed[2 * LAYER_HEADER_BYTES :]
        segment_bytes = int.from_bytes(headers[4:8])
        peeling = SegmentOpener(outer, headers[8:LAYER_HEADER_BYTES], b"SO\x01\x01" + place.encode(), segment_bytes)
        peeled = peeling.open(0, segment, is_last=True)
        assert b"CANARY" not in peeled
        assert open_object(headers[LAYER_HEADER_BYTES:] + peeled, (inner,), place) == content[:10_000]

    in_bucket(body)


async def _decrypted_through_s3(storing: Storing, ciphertext: bytes, version: Version) -> bytes:
    """Return the plaintext of the outer data key, as S3 asks KMS for it."""
    context = {"aws:s3:arn": f"arn:aws:s3:::{storing.bucket}/{version.key}"}
    params = {"CiphertextBlob": ciphertext, "KeyId": version.encryption.key_arn, "EncryptionContext": context}
    plaintext: bytes = (await storing.house.call("kms", "Decrypt", via="s3", **params))["Plaintext"]
    return plaintext


@pytest.mark.parametrize(("bucket_key", "most", "least"), [(True, 5, 1), (False, 1_000, 1_000)])
def test_how_often_kms_is_asked(tmp_path: Path, *, bucket_key: bool, most: int, least: int) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            storing = Storing(house)
            await storing.s3("CreateBucket")
            kms: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": bucket_key}
            await asyncio.gather(*(storing.put(f"key-{number}", **kms) for number in range(500)))
            for number in range(500, 1_000):
                await storing.put(f"key-{number}", **kms)
            asked = [each for each in await _kms_calls(storing) if each.operation == "GenerateDataKey"]
            assert least <= len(asked) <= most
            if bucket_key:
                assert asked[0].request["EncryptionContext"] == {"aws:s3:arn": "arn:aws:s3:::a-bucket"}
        async with opened_house(tmp_path) as house:
            storing = Storing(house)
            for number in (0, 99):
                assert await read(await storing.s3("GetObject", Key=f"key-{number}")) == b"content"

    asyncio.run(main())
