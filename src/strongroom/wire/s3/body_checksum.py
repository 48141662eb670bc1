"""Checksums of bodies that are read whole: what a request declares is held to before anything is done.

A streamed body's are its operation's business: they are kept with the object.

Source: Amazon S3 API Reference, "Common Request Headers"; Amazon S3 User Guide, "Checking object integrity in Amazon
S3"; answers of AWS.
"""

from collections.abc import Mapping

from strongroom.base.errors import AwsError
from strongroom.crypto.checksums import ALGORITHMS, checksum_of, digest_bytes
from strongroom.crypto.mac import equal
from strongroom.wire.blobs import from_base64, to_base64
from strongroom.wire.refusals import quoted
from strongroom.wire.s3 import refusals

_HEADERS: Mapping[bytes, str] = {f"x-amz-checksum-{name}".encode(): name for name in ALGORITHMS}
_CONTENT_MD5 = b"content-md5"

CHECKSUM_REQUIRED = frozenset(
    {
        "DeleteObjects",
        "PutBucketCors",
        "PutBucketLifecycleConfiguration",
        "PutBucketReplication",
        "PutBucketTagging",
        "PutObjectLegalHold",
        "PutObjectLockConfiguration",
        "PutObjectRetention",
    }
)
"""Operations whose body must be declared. The service model names more, of which clients send a checksum all the same;
Amazon S3 answers them without one."""


def require_checksum(operation: str, fields: Mapping[bytes, bytes], trailers: Mapping[str, str]) -> None:
    """Raise AwsError (`InvalidRequest`, 400) for an operation whose body must be declared and is not."""
    if operation not in CHECKSUM_REQUIRED or _CONTENT_MD5 in fields:
        return
    if not any(header in fields or header.decode() in trailers for header in _HEADERS):
        raise refusals.invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")


def check_body(body: bytes, fields: Mapping[bytes, bytes], trailers: Mapping[str, str]) -> None:
    """Raise AwsError (`BadDigest`, `InvalidDigest`, `InvalidRequest`, 400) for a body that is not what was declared.

    `fields` are the headers by name that may declare a checksum of it.
    """
    md5 = fields.get(_CONTENT_MD5)
    if md5 is not None:
        _check_md5(body, quoted(md5))
    declared = {name: quoted(fields[header]) for header, name in _HEADERS.items() if header in fields}
    declared |= {name: trailers[header.decode()] for header, name in _HEADERS.items() if header.decode() in trailers}
    if len(declared) > 1:
        raise refusals.invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    for name, text in declared.items():
        digest = _digest_of(text, digest_bytes(name))
        if digest is None:
            raise refusals.invalid_request(f"Value for x-amz-checksum-{name} header is invalid.")
        if not equal(digest, checksum_of(name, body)):
            raise AwsError("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.", 400)


def _check_md5(body: bytes, text: str) -> None:
    digest = _digest_of(text, digest_bytes("md5"))
    if digest is None:
        raise AwsError(
            "InvalidDigest", "The Content-MD5 you specified was invalid.", 400, members={"Content-MD5": text}
        )
    computed = checksum_of("md5", body)
    if not equal(digest, computed):
        raise AwsError(
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            400,
            members={"ExpectedDigest": digest.hex(), "CalculatedDigest": to_base64(computed)},
        )


def _digest_of(text: str, length_bytes: int) -> bytes | None:
    try:
        digest = from_base64(text)
    except ValueError:
        return None
    return digest if len(digest) == length_bytes else None
