"""Bodies that are read whole are what their checksums say, or are refused."""

import asyncio
import base64
import hashlib
import zlib

import pytest
from tests.wire.s3.s3_requests import ROUTES, params_of, request

from strongroom.base.errors import AwsError
from strongroom.crypto.checksums import ALGORITHMS, checksum_of
from strongroom.wire.s3.body_checksum import check_body
from strongroom.wire.s3.payload import payload_of
from strongroom.wire.s3.protocol import S3_PROTOCOL

BODY = b"<Delete><Object><Key>k</Key></Object></Delete>"


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def refused(headers: dict[str, str], body: bytes = BODY) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        params_of(request("POST", "/b", "delete", headers, body))
    assert refusal.value.status == 400
    return refusal.value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm(algorithm: str) -> None:
    header = f"x-amz-checksum-{algorithm}"
    right = encoded(checksum_of(algorithm, BODY))
    assert params_of(request("POST", "/b", "delete", {header: right}, BODY))["Delete"] == {"Objects": [{"Key": "k"}]}
    error = refused({header: encoded(checksum_of(algorithm, b"another"))})
    assert error.code == "BadDigest"
    assert error.message == f"The {algorithm.upper()} you specified did not match the calculated checksum."
    for wrong in ("", "AAAA", "not base64!", right[:-1]):
        error = refused({header: wrong})
        assert (error.code, error.message) == ("InvalidRequest", f"Value for {header} header is invalid.")


def test_known_values() -> None:
    assert checksum_of("crc32", BODY) == zlib.crc32(BODY).to_bytes(4)
    check_body(BODY, {b"x-amz-checksum-sha256": encoded(hashlib.sha256(BODY).digest()).encode()}, {})


def test_content_md5() -> None:
    right = encoded(hashlib.md5(BODY).digest())
    params_of(request("POST", "/b", "delete", {"Content-MD5": right}, BODY))
    error = refused({"Content-MD5": encoded(b"0" * 16)})
    assert error.code == "BadDigest"
    assert error.members == {"ExpectedDigest": (b"0" * 16).hex(), "CalculatedDigest": right}
    for wrong in ("", "__invalid__", "000", "MTIz", "dGVzdC1zdHJpbmc="):
        error = refused({"Content-MD5": wrong})
        assert (error.code, error.members) == ("InvalidDigest", {"Content-MD5": wrong})


def test_one_checksum_is_enough() -> None:
    error = refused({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": encoded(b"0" * 20)})
    assert error.message.startswith("Expecting a single x-amz-checksum- header.")


def test_a_checksum_in_a_trailer() -> None:
    with pytest.raises(AwsError, match="CRC32 you specified"):
        check_body(BODY, {}, {"x-amz-checksum-crc32": "AAAAAA=="})
    check_body(BODY, {}, {"x-amz-checksum-crc32": encoded(zlib.crc32(BODY).to_bytes(4))})


def test_the_checksum_of_an_object_is_not_that_of_the_body() -> None:
    sent = request("POST", "/b/k", "uploadId=u", {"x-amz-checksum-crc32": "AAAAAA=="}, b"<CompleteMultipartUpload/>")
    assert params_of(sent)["ChecksumCRC32"] == "AAAAAA=="


def test_an_upload_is_handed_on_unread() -> None:
    async def main() -> None:
        sent = request("PUT", "/b/k", "", {"Content-MD5": "wrong", "x-amz-checksum-crc32": "wrong"}, b"body")
        payload = payload_of(sent, b"UNSIGNED-PAYLOAD", None)
        assert await S3_PROTOCOL.body_of(ROUTES.route(sent), sent, payload) is payload

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("POST", "/b", "delete"),
        ("PUT", "/b", "cors"),
        ("PUT", "/b", "lifecycle"),
        ("PUT", "/b", "tagging"),
        ("PUT", "/b", "object-lock"),
        ("PUT", "/b/k", "retention"),
        ("PUT", "/b/k", "legal-hold"),
    ],
)
def test_some_bodies_have_to_be_declared(method: str, path: str, query: str) -> None:
    with pytest.raises(AwsError) as refusal:
        params_of(request(method, path, query, {}, BODY))
    assert (refusal.value.code, refusal.value.status) == ("InvalidRequest", 400)
    assert refusal.value.message == "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"


def test_most_bodies_need_not_be_declared() -> None:
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    params = params_of(request("PUT", "/b", "versioning", {}, body))
    assert params["VersioningConfiguration"] == {"Status": "Enabled"}
