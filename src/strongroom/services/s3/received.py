"""A body on its way in: what it must be (length, digests), what it turns out to be, and where its bytes go meanwhile.

Checksums are computed while the bytes are sealed. What does not match is found before anything is acknowledged, and
what was written of it is discarded.
"""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterable, Mapping
from typing import Any, NamedTuple

from strongroom.crypto.checksums import ALGORITHMS, digest_bytes, is_quick, new_checksum
from strongroom.services.s3 import errors
from strongroom.services.s3.content import Content, Piece
from strongroom.services.s3.object_keys import ContentKeys

PUT_BYTES_MAX = 5 * 1024**3
"""The most that one request brings. Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""

CHECKSUM_MEMBERS: Mapping[str, str] = {name.upper(): f"Checksum{name.upper()}" for name in ALGORITHMS}
"""The member of a request or an answer that holds each checksum, base64."""

DEFAULT_CHECKSUM = "CRC64NVME"
"""What S3 computes of an object that comes without a checksum (since December 2024)."""


class Expected(NamedTuple):
    """What the request says of its body: an MD5, and a checksum by one algorithm, maybe told in a trailer.

    `is_declared` is false where the request says nothing of it at all, so that `algorithm` was chosen for it.
    """

    md5: bytes | None
    algorithm: str
    checksum: str | None
    is_declared: bool = True

    @classmethod
    def of(cls, params: Mapping[str, Any], default: str = DEFAULT_CHECKSUM) -> "Expected":
        """Read a request's members. Raises InvalidDigest, InvalidRequest or InvalidArgument."""
        sent = [(name, params[member]) for name, member in CHECKSUM_MEMBERS.items() if params.get(member) is not None]
        if len(sent) > 1:
            raise errors.invalid_request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            )
        md5 = _md5_of(params.get("ContentMD5"))
        if sent:
            algorithm, checksum = sent[0]
            _must_be_checksum(algorithm, checksum)
            return cls(md5, algorithm, checksum)
        announced: frozenset[str] = getattr(params.get("Body"), "announced_trailers", frozenset())
        for name in CHECKSUM_MEMBERS:
            if f"x-amz-checksum-{name.lower()}" in announced:
                return cls(md5, name, None)
        named = params.get("ChecksumAlgorithm")
        return cls(md5, named or default, None, is_declared=bool(named) or md5 is not None)


def _md5_of(sent: str | None) -> bytes | None:
    if sent is None:
        return None
    try:
        md5 = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        raise errors.invalid_digest(sent) from None
    if len(md5) != 16:
        raise errors.invalid_digest(sent)
    return md5


def _must_be_checksum(algorithm: str, sent: str) -> None:
    try:
        is_right = len(base64.b64decode(sent, validate=True)) == digest_bytes(algorithm.lower())
    except (binascii.Error, ValueError):
        is_right = False
    if not is_right:
        raise errors.invalid_request(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


class Received(NamedTuple):
    """A body that has arrived whole: its piece, its MD5 where one was computed, and its checksum (base64).

    `other` is the checksum by the second algorithm that `receive` was asked for, empty otherwise.
    """

    piece: Piece
    md5: bytes | None
    algorithm: str
    checksum: str
    other: str = ""


class Destination(NamedTuple):
    """Where a body goes: which piece of which content it becomes, sealed under which keys."""

    content: Content
    content_id: str
    number: int
    keys: ContentKeys


async def receive(
    body: AsyncIterable[bytes], expected: Expected, destination: Destination, *, needs_md5: bool, also: str = ""
) -> Received:
    """Take in a body; `also` is a second algorithm to compute a checksum by, if it is another one.

    Raises AwsError for one that is too long, whose digests are not those expected, or whose signature does not hold;
    whatever was written is discarded then, and so it is when the client goes away.
    """
    md5 = hashlib.md5(usedforsecurity=False) if needs_md5 or expected.md5 is not None else None
    checksum = new_checksum(expected.algorithm.lower())
    other = new_checksum(also.lower()) if also not in ("", expected.algorithm) else None
    watchers = [each.update for each in (checksum, md5, other) if each is not None and not is_quick(each)]
    quick = [each.update for each in (checksum, other) if each is not None and is_quick(each)]
    writer = destination.content.writer(destination.content_id, destination.number, destination.keys, watchers, quick)
    received = 0
    try:
        async for chunk in body:
            received += len(chunk)
            if received > PUT_BYTES_MAX:
                raise errors.entity_too_large(received, PUT_BYTES_MAX)
            await writer.write(chunk)
        piece = await writer.finish()
        found = _text_of(checksum.digest())
        told = expected.checksum or _told_at_the_end(body, expected.algorithm)
        if md5 is not None and expected.md5 is not None and md5.digest() != expected.md5:
            raise errors.bad_content_md5(_text_of(expected.md5), _text_of(md5.digest()))
        if told is not None and told != found:
            raise errors.bad_digest(expected.algorithm)
    except BaseException:
        await writer.discard()
        raise
    other_found = _text_of(other.digest()) if other is not None else ""
    return Received(piece, md5.digest() if md5 is not None else None, expected.algorithm, found, other_found)


def _text_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _told_at_the_end(body: Any, algorithm: str) -> str | None:
    trailers: Mapping[str, str] = getattr(body, "trailers", None) or {}
    return trailers.get(f"x-amz-checksum-{algorithm.lower()}")
