"""The body of an upload, handed on as it arrives, and proved at its end.

Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", section "Overview".
"""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from enum import Enum

from strongroom.base.buffer import Buffer
from strongroom.crypto.mac import equal
from strongroom.wire.http import HttpRequest
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.chunked import ChunkedBody, ChunkSigner, announced_trailers

upload_bytes_max = 5 * 1024 * 1024 * 1024
"""The most that one request may upload. Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""

_HASH = re.compile(rb"[0-9a-f]{64}")
_LENGTH = re.compile(rb"\d{1,18}")

UNSIGNED = b"UNSIGNED-PAYLOAD"


class Framing(Enum):
    """How a body is framed and signed; the values are those of x-amz-content-sha256, but for a hash."""

    PLAIN = b""
    SIGNED_CHUNKS = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_CHUNKS_AND_TRAILERS = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_CHUNKS_AND_TRAILERS = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"


_FRAMINGS: Mapping[bytes, Framing] = {framing.value: framing for framing in Framing if framing.value}


class Payload:
    """An upload's bytes: `async for chunk in payload`, once.

    `length` is how many there will be, None when nobody said. Iterating raises AwsError at the end of a body that is
    not the one that was signed or announced (`XAmzContentSHA256Mismatch`, `SignatureDoesNotMatch`, `IncompleteBody`,
    `MalformedTrailerError`, `InvalidChunkSizeError`, `RequestTimeout`); nothing of it may be kept then. `trailers` are
    there once all has been read: headers that came after the body (`x-amz-checksum-crc32`), by name in lower case.
    """

    __slots__ = ("_body", "_chunks", "length")

    def __init__(
        self, chunks: AsyncIterator[Buffer], length: int | None = None, body: ChunkedBody | None = None
    ) -> None:
        self.length = length
        self._chunks: AsyncIterator[Buffer] | None = chunks
        self._body = body

    @property
    def trailers(self) -> Mapping[str, str]:
        """The trailers, empty before the end."""
        return {} if self._body is None else self._body.trailers

    @property
    def announced_trailers(self) -> frozenset[str]:
        """The names of the trailers that are to come, in lower case."""
        return frozenset() if self._body is None else self._body.announced

    def __aiter__(self) -> AsyncIterator[Buffer]:
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise ValueError("the payload was read already")
        return chunks

    async def read(self, bytes_max: int) -> bytes:
        """Return it whole and proved. Raises AwsError as iterating does, and for more than `bytes_max`."""
        if self.length is not None and self.length > bytes_max:
            raise refusals.message_too_long(bytes_max)
        chunks, received = [], 0
        async for chunk in self:
            received += len(chunk)
            if received > bytes_max:
                raise refusals.message_too_long(bytes_max)
            chunks.append(chunk)
        return b"".join(chunks)


def framing_of(content_sha256: bytes) -> Framing:
    """Return how a body is framed whose x-amz-content-sha256 is this. Raises AwsError (`InvalidArgument`, 400)."""
    if content_sha256 == UNSIGNED or _HASH.fullmatch(content_sha256):
        return Framing.PLAIN
    framing = _FRAMINGS.get(content_sha256)
    if framing is not None:
        return framing
    if content_sha256.startswith(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
        raise refusals.unsupported_version()
    raise refusals.unread_content_hash(content_sha256)


def unsigned_content_sha256(request: HttpRequest) -> bytes:
    """Return what a request without a signature says of its body, by its headers: nothing, as a rule."""
    declared = request.fields.get(b"x-amz-content-sha256")
    if declared is not None:
        return declared
    is_chunked = b"aws-chunked" in request.fields.get(b"content-encoding", b"")
    if is_chunked and b"x-amz-decoded-content-length" in request.fields:
        return Framing.UNSIGNED_CHUNKS_AND_TRAILERS.value
    return UNSIGNED


def payload_of(request: HttpRequest, content_sha256: bytes, signer: ChunkSigner | None) -> Payload:
    """Return the body of a request whose signature holds, or that has none. `signer` verifies signed chunks.

    Raises AwsError for a body whose length nobody said (`MissingContentLength`, 411) or that is too long
    (`EntityTooLarge`, 400).
    """
    framing = framing_of(content_sha256)
    source = aiter(request.body)
    if framing is Framing.PLAIN:
        length = _content_length(request)
        declared = b"" if content_sha256 == UNSIGNED else content_sha256
        return Payload(_proved(source, length, declared.decode()), length)
    length = _decoded_length(request)
    has_trailers = framing is not Framing.SIGNED_CHUNKS
    is_signed = framing is not Framing.UNSIGNED_CHUNKS_AND_TRAILERS
    if is_signed and signer is None:
        raise refusals.unread_content_hash(content_sha256)
    body = ChunkedBody(
        source, length, signer if is_signed else None, announced_trailers(request.fields) if has_trailers else None
    )
    return Payload(body.decoded(), length, body)


def _content_length(request: HttpRequest) -> int | None:
    if b"transfer-encoding" in request.fields:
        return None
    stated = request.fields.get(b"content-length", b"0")
    if not _LENGTH.fullmatch(stated):
        raise refusals.missing_length()
    return _checked_length(int(stated))


def _decoded_length(request: HttpRequest) -> int:
    stated = request.fields.get(b"x-amz-decoded-content-length", b"")
    if not _LENGTH.fullmatch(stated):
        raise refusals.missing_length()
    return _checked_length(int(stated))


def _checked_length(length: int) -> int:
    if length > upload_bytes_max:
        raise refusals.entity_too_large(length, upload_bytes_max)
    return length


async def _proved(source: AsyncIterator[Buffer], length: int | None, declared: str) -> AsyncIterator[Buffer]:
    """Yield a body as it arrives; raise at its end when it has another length, or another SHA-256, than declared."""
    hashed = hashlib.sha256() if declared else None
    received = 0
    async for chunk in source:
        received += len(chunk)
        if received > upload_bytes_max:
            raise refusals.entity_too_large(received, upload_bytes_max)
        if hashed is not None:
            hashed.update(chunk)
        if chunk:
            yield chunk
    if length is not None and received != length:
        raise refusals.incomplete_body()
    if hashed is not None and not equal(hashed.hexdigest(), declared):
        raise refusals.content_hash_mismatch(declared, hashed.hexdigest())
