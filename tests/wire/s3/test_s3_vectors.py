"""The worked examples of Amazon S3's documentation: "Authenticating Requests (AWS Signature Version 4)"."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.wire.s3.s3_requests import from_host

from strongroom.base.errors import AwsError
from strongroom.wire.http import HttpRequest
from strongroom.wire.s3.form import Form
from strongroom.wire.s3.form_upload import check_form_claim, read_form_claim
from strongroom.wire.s3.payload import payload_of
from strongroom.wire.s3.post_policy import read_policy
from strongroom.wire.s3.signature import S3Claim, check_claim, chunk_signer_of, read_claim
from strongroom.wire.sigv4 import Credential, Verified, Verifier

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
WALL = datetime(2013, 5, 24, tzinfo=UTC).timestamp()
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
DATE = {"x-amz-date": "20130524T000000Z"}
STREAMED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def authorization(signed_headers: str, signature: str) -> dict[str, str]:
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed_headers},Signature={signature}"
    }


def request(
    method: str, path: str, query: str, headers: dict[str, str], body: Any = b"", host: str = HOST
) -> HttpRequest:
    pairs = [(name.encode(), value.encode()) for name, value in {"host": host, **headers}.items()]
    return HttpRequest(method, path.encode(), query.encode(), pairs, from_host(host), body)


def verified(sent: HttpRequest) -> tuple[Verified, S3Claim]:
    verifier = Verifier()
    claimed = read_claim(sent, verifier.signers)
    assert claimed is not None
    check_claim(claimed, WALL)
    credential = Credential(ACCESS_KEY_ID, SECRET, "the principal")
    return verifier.check(sent, claimed.claim, credential, claimed.content_sha256, claimed.rules), claimed


EXAMPLES = {
    "GET Object": request(
        "GET",
        "/test.txt",
        "",
        {
            **DATE,
            "range": "bytes=0-9",
            "x-amz-content-sha256": EMPTY,
            **authorization(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        },
    ),
    "PUT Object": request(
        "PUT",
        "/test%24file.text",
        "",
        {
            **DATE,
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            "content-length": "21",
            **authorization(
                "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        },
        b"Welcome to Amazon S3.",
    ),
    "GET Bucket Lifecycle": request(
        "GET",
        "/",
        "lifecycle",
        {
            **DATE,
            "x-amz-content-sha256": EMPTY,
            **authorization(
                "host;x-amz-content-sha256;x-amz-date",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
        },
    ),
    "GET Bucket": request(
        "GET",
        "/",
        "max-keys=2&prefix=J",
        {
            **DATE,
            "x-amz-content-sha256": EMPTY,
            **authorization(
                "host;x-amz-content-sha256;x-amz-date",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        },
    ),
    "A presigned URL": request(
        "GET",
        "/test.txt",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
        "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        {},
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_documented_signatures_hold(name: str) -> None:
    sent = EXAMPLES[name]
    proof, claimed = verified(sent)
    assert (proof.region, proof.service) == ("us-east-1", "s3")
    payload = payload_of(sent, claimed.content_sha256, chunk_signer_of(proof, claimed.content_sha256))
    expected = b"Welcome to Amazon S3." if name == "PUT Object" else b""
    assert asyncio.run(payload.read(100)) == expected


def test_a_documented_signature_of_something_else_does_not_hold() -> None:
    with pytest.raises(AwsError) as refusal:
        verified(request("GET", "/test.txt", "", dict(pairs(EXAMPLES["GET Bucket"]))))
    assert refusal.value.code == "SignatureDoesNotMatch"
    assert SECRET not in str(refusal.value.members)


def pairs(sent: HttpRequest) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in sent.headers if name != b"host"]


CHUNKED = {
    **DATE,
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
}


def chunk(size: int, signature: str, end: bytes = b"\r\n") -> bytes:
    return b"%x;chunk-signature=%b\r\n%b%b" % (size, signature.encode(), b"a" * size, end)


def read(sent: HttpRequest) -> tuple[bytes, dict[str, str]]:
    proof, claimed = verified(sent)
    payload = payload_of(sent, claimed.content_sha256, chunk_signer_of(proof, claimed.content_sha256))
    whole = asyncio.run(payload.read(100_000))
    return whole, dict(payload.trailers)


def streamed(body: bytes) -> HttpRequest:
    headers = {
        **CHUNKED,
        "x-amz-content-sha256": STREAMED,
        "content-length": "66824",
        **authorization(
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
            "x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
    }
    return request("PUT", "/examplebucket/chunkObject.txt", "", headers, body, "s3.amazonaws.com")


CHUNKS = (
    chunk(65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648")
    + chunk(1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
    + chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
)


def test_the_documented_chunks_hold() -> None:
    assert len(CHUNKS) == 66_824
    assert read(streamed(CHUNKS)) == (b"a" * 66_560, {})


@pytest.mark.parametrize("place", [100, 65_600, 65_700, 66_000, 66_700, 66_790])
def test_no_byte_of_the_documented_chunks_can_be_changed(place: int) -> None:
    changed = bytearray(CHUNKS)
    changed[place] = ord("b") if changed[place] != ord("b") else ord("c")
    with pytest.raises(AwsError) as refusal:
        read(streamed(bytes(changed)))
    assert refusal.value.code in {"SignatureDoesNotMatch", "IncompleteBody"}


def trailed(trailer: bytes) -> HttpRequest:
    headers = {
        **CHUNKED,
        "x-amz-content-sha256": f"{STREAMED}-TRAILER",
        "x-amz-trailer": "x-amz-checksum-crc32c",
        **authorization(
            "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;"
            "x-amz-trailer",
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        ),
    }
    body = (
        chunk(65_536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2")
        + chunk(1_024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7")
        + chunk(0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992", b"")
        + trailer
    )
    return request("PUT", "/examplebucket/chunkObject.txt", "", headers, body, "s3.amazonaws.com")


TRAILER_SIGNATURE = b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


@pytest.mark.parametrize("line_end", [b"\n\r\n", b"\r\n"])
def test_the_documented_trailer_holds(line_end: bytes) -> None:
    trailer = b"x-amz-checksum-crc32c:sOO8/Q==" + line_end + TRAILER_SIGNATURE + b"\r\n\r\n"
    assert read(trailed(trailer)) == (b"a" * 66_560, {"x-amz-checksum-crc32c": "sOO8/Q=="})


def test_another_trailer_does_not_hold() -> None:
    with pytest.raises(AwsError) as refusal:
        read(trailed(b"x-amz-checksum-crc32c:tOO8/Q==\r\n" + TRAILER_SIGNATURE + b"\r\n\r\n"))
    assert refusal.value.code == "SignatureDoesNotMatch"


POLICY = """{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"""


async def no_file() -> Any:
    yield b"bytes of a picture"


def test_the_documented_form_holds() -> None:
    fields = {
        "key": "user/user1/photo.jpg",
        "acl": "public-read",
        "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        "content-type": "image/jpeg",
        "x-amz-meta-uuid": "14365123651274",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-date": "20151229T000000Z",
        "x-amz-meta-tag": "",
        "policy": base64.b64encode(POLICY.replace("\n", "\r\n").encode()).decode(),
        "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
    }
    wall = datetime(2015, 12, 29, 12, tzinfo=UTC).timestamp()
    form = Form(fields, no_file())
    claimed = read_form_claim(form)
    assert claimed is not None
    check_form_claim(claimed.claim, form, SECRET, wall)
    read_policy(fields["policy"]).check(fields, "sigv4examplebucket", wall)
    with pytest.raises(AwsError, match="does not match"):
        check_form_claim(claimed.claim, form, "another secret", wall)
    with pytest.raises(AwsError, match=r'Policy Condition failed: \["eq", "\$bucket", "sigv4examplebucket"\]'):
        read_policy(fields["policy"]).check(fields, "another", wall)
    with pytest.raises(AwsError, match="Policy expired"):
        read_policy(fields["policy"]).check(fields, "sigv4examplebucket", wall + 86_400)
