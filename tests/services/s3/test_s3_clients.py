"""S3 as boto3 sees it: over real sockets, with presigned URLs, redirects to the right Region, and bare errors."""

import base64
import hashlib
import io
import json
import secrets
import ssl
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.running_server import RunningServer, kms, server

__all__ = ["kms", "server"]
BUCKET = "clients-bucket"


@pytest.fixture(scope="module")
def s3(server: RunningServer) -> Any:
    client = server.client("s3", config=Config(signature_version="s3v4", retries={"total_max_attempts": 1}))
    client.create_bucket(Bucket=BUCKET)
    return client


def _code(call: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def _fetch(server: RunningServer, url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> Any:
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        return urllib.request.urlopen(request, context=context)
    except urllib.error.HTTPError as error:
        return error


@pytest.mark.parametrize("key", ["plain", "..", "a/../b", "é ü+%25?&#", "/lead", "a//b", "x" * 1024, "\U0001f600"])
def test_odd_keys_over_the_wire(s3: Any, key: str) -> None:
    content = secrets.token_bytes(70_000)
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == content
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=key)
    assert [each["Key"] for each in listed["Contents"]] == [key]
    s3.copy_object(Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": key})
    assert s3.get_object(Bucket=BUCKET, Key="copied", Range="bytes=60000-")["Body"].read() == content[60_000:]
    assert s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})["Deleted"] == [{"Key": key}]
    assert _code(s3.head_object, Bucket=BUCKET, Key=key) == ("404", 404)


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("framing", ["when_supported", "when_required"])
def test_large_objects_over_the_wire(server: RunningServer, s3: Any, scheme: str, framing: str) -> None:
    config = Config(signature_version="s3v4", request_checksum_calculation=framing)
    client = server.client("s3", endpoint_url=server.https if scheme == "https" else server.http, config=config)
    content = secrets.token_bytes(9_000_001)
    for _ in range(2):
        stored = client.put_object(Bucket=BUCKET, Key="large", Body=io.BytesIO(content))
        assert stored["ETag"] == f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        assert client.get_object(Bucket=BUCKET, Key="large")["Body"].read() == content


def test_what_a_head_tells(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="head", Body=b"content", Metadata={"a": "b"})["ETag"]
    assert s3.head_object(Bucket=BUCKET, Key="head")["ContentLength"] == 7
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=BUCKET, Key="head", IfNoneMatch=etag)
    response = caught.value.response["ResponseMetadata"]
    assert response["HTTPStatusCode"] == 304
    assert response["HTTPHeaders"]["etag"] == etag
    assert _code(s3.head_object, Bucket=BUCKET, Key="head", IfMatch='"0"') == ("412", 412)
    assert _code(s3.get_object, Bucket=BUCKET, Key="head", Range="bytes=9-") == ("InvalidRange", 416)


def test_delete_markers_tell_of_themselves(s3: Any) -> None:
    s3.create_bucket(Bucket="marked")
    s3.put_bucket_versioning(Bucket="marked", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="marked", Key="key", Body=b"")
    marker = s3.delete_object(Bucket="marked", Key="key")["VersionId"]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="marked", Key="key")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    assert headers["x-amz-version-id"] == marker
    assert _code(s3.get_object, Bucket="marked", Key="key", VersionId=marker) == ("MethodNotAllowed", 405)


def test_a_client_finds_the_right_region(s3: Any, server: RunningServer) -> None:
    europe = server.client("s3", region="eu-west-1")
    europe.create_bucket(Bucket="in-europe", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.head_bucket(Bucket="in-europe")["BucketRegion"] == "eu-west-1"
    s3.put_object(Bucket="in-europe", Key="key", Body=b"content")
    assert europe.get_object(Bucket="in-europe", Key="key")["Body"].read() == b"content"
    for constraint in ("us-east-1", "foo"):
        where = {"LocationConstraint": constraint}
        code, status = _code(s3.create_bucket, Bucket="nowhere", CreateBucketConfiguration=where)
        assert (code, status) == ("InvalidLocationConstraint", 400)


def test_presigned_urls(s3: Any, server: RunningServer) -> None:
    content = secrets.token_bytes(40_000)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "signed"}, ExpiresIn=60)
    assert _fetch(server, put, "PUT", content).status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "signed"}, ExpiresIn=60)
    assert _fetch(server, get).read() == content
    assert _fetch(server, get, Range="bytes=5-9").read() == content[5:10]
    assert _fetch(server, get.replace("/signed", "/other")).status == 403
    assert _fetch(server, get, "DELETE").status == 403
    as_html = {"Bucket": BUCKET, "Key": "signed", "ResponseContentType": "text/html"}
    shown = _fetch(server, s3.generate_presigned_url("get_object", Params=as_html))
    assert shown.headers["content-type"] == "text/html"
    part = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")
    named = {"Bucket": BUCKET, "Key": "parts", "UploadId": part["UploadId"], "PartNumber": 1}
    answer = _fetch(server, s3.generate_presigned_url("upload_part", Params=named), "PUT", content)
    listed = {"Parts": [{"PartNumber": 1, "ETag": answer.headers["etag"]}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=part["UploadId"], MultipartUpload=listed)
    assert s3.get_object(Bucket=BUCKET, Key="parts")["Body"].read() == content


def test_policies_see_how_a_request_was_signed(s3: Any, server: RunningServer) -> None:
    s3.create_bucket(Bucket="headers-only")
    s3.put_object(Bucket="headers-only", Key="key", Body=b"content")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::headers-only/*",
        "Condition": {"StringNotEquals": {"s3:authType": "REST-HEADER"}},
    }
    policy = {"Version": "2012-10-17", "Statement": statement}
    s3.put_bucket_policy(Bucket="headers-only", Policy=json.dumps(policy))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "headers-only", "Key": "key"})
    assert _fetch(server, url).status == 403
    assert s3.get_object(Bucket="headers-only", Key="key")["Body"].read() == b"content"


def test_anybody_by_the_policys_leave(s3: Any, server: RunningServer) -> None:
    name = "open-to-all"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"content")
    unsigned = server.client("s3", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
    assert _code(unsigned.get_object, Bucket=name, Key="key") == ("AccessDenied", 403)
    s3.delete_public_access_block(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert unsigned.get_object(Bucket=name, Key="key")["Body"].read() == b"content"
    assert _fetch(server, f"{server.https}/{name}/key").read() == b"content"
    assert _fetch(server, f"{server.http}/{name}/key").status == 403
    assert _code(unsigned.list_objects_v2, Bucket=name) == ("AccessDenied", 403)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_in_trailers(s3: Any, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=BUCKET, Key="sum", Body=b"x" * 100_000, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
    assert got[member] == put[member]
    assert got["Body"].read() == b"x" * 100_000
    wrong = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}[algorithm]
    told = base64.b64encode(b"w" * wrong).decode()
    assert _code(s3.put_object, Bucket=BUCKET, Key="sum", Body=b"y", **{member: told}) == ("BadDigest", 400)
    assert s3.head_object(Bucket=BUCKET, Key="sum")["ContentLength"] == 100_000


def test_a_managed_transfer_in_parts(s3: Any, tmp_path: Any) -> None:
    content = secrets.token_bytes(12 * 1024 * 1024 + 5)
    (tmp_path / "sent").write_bytes(content)
    transfer = boto3.s3.transfer.TransferConfig(multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.create_bucket(Bucket="transfers")
    s3.put_bucket_encryption(Bucket="transfers", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.upload_file(str(tmp_path / "sent"), "transfers", "large", Config=transfer)
    s3.download_file("transfers", "large", str(tmp_path / "got"), Config=transfer)
    assert (tmp_path / "got").read_bytes() == content
    head = s3.head_object(Bucket="transfers", Key="large")
    assert (head["ServerSideEncryption"], head["BucketKeyEnabled"]) == ("aws:kms", True)


def test_customer_keys_over_the_wire(s3: Any, server: RunningServer) -> None:
    s3.create_bucket(Bucket="customers")
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
    }
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    assert _code(s3.put_object, Bucket="customers", Key="key", Body=b"x", **key) == ("AccessDenied", 403)
    s3.put_bucket_encryption(Bucket="customers", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket="customers", Key="key", Body=b"content", **key)
    assert s3.get_object(Bucket="customers", Key="key", **key)["Body"].read() == b"content"
    assert _code(s3.get_object, Bucket="customers", Key="key") == ("InvalidRequest", 400)
    assert _code(s3.head_object, Bucket="customers", Key="key") == ("400", 400)
    other = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"o" * 32}
    assert _code(s3.head_object, Bucket="customers", Key="key", **other) == ("403", 403)
    headers = {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "x-amz-server-side-encryption-customer-key-MD5": "x",
    }
    assert _fetch(server, f"{server.http}/customers/key", **headers).status in (400, 403)
