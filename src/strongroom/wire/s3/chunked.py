"""The framing `aws-chunked`: a body in chunks, each with its size and maybe a signature, and trailers after the last.

Data is handed on as it arrives; whether it was signed shows at the end of each chunk. So nothing that comes out may
be believed before the end has been reached: `ChunkedBody` raises where something does not hold.

Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks", and "Signature calculations for trailing headers".
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping

from strongroom.base.buffer import Buffer
from strongroom.crypto.mac import HmacSha256, equal
from strongroom.wire.refusals import quoted
from strongroom.wire.s3 import refusals

line_bytes_max = 256
trailers_bytes_max = 8_192
signed_chunk_bytes_min = 8_192
"""What every signed chunk has at least, but the last one with data."""

_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?[ \t]*\r")
_EMPTY = hashlib.sha256(b"").hexdigest().encode()
_TRAILER_SIGNATURE = b"x-amz-trailer-signature"


class ChunkSigner:
    """Verifies signatures that go from chunk to chunk: each covers the one before it, the first the request's own.

    `scope` is the credential scope as it was signed, `date` the signature's date.
    """

    __slots__ = ("_access_key_id", "_key", "_lead", "_previous", "_trailer_lead")

    def __init__(self, key: HmacSha256, date: bytes, scope: bytes, seed: bytes, access_key_id: str) -> None:
        self._key = key
        self._lead = b"AWS4-HMAC-SHA256-PAYLOAD\n%b\n%b\n" % (date, scope)
        self._trailer_lead = b"AWS4-HMAC-SHA256-TRAILER\n%b\n%b\n" % (date, scope)
        self._previous = seed
        self._access_key_id = access_key_id

    def __repr__(self) -> str:
        return "ChunkSigner(key hidden)"

    def check(self, signature: bytes, digest: bytes) -> None:
        """Raise AwsError (`SignatureDoesNotMatch`, 403) unless a chunk of that SHA-256 (hexadecimal) was signed so."""
        self._check(signature, b"%b%b\n%b\n%b" % (self._lead, self._previous, _EMPTY, digest))

    def check_trailer(self, signature: bytes, trailers: bytes) -> None:
        """Raise AwsError unless these trailers, in canonical form, were signed so."""
        digest = hashlib.sha256(trailers).hexdigest().encode()
        self._check(signature, b"%b%b\n%b" % (self._trailer_lead, self._previous, digest))

    def _check(self, signature: bytes, string_to_sign: bytes) -> None:
        if not equal(self._key.digest(string_to_sign).hex().encode(), signature):
            raise refusals.signature_mismatch(self._access_key_id, string_to_sign, signature)
        self._previous = signature


class ChunkedBody:
    """Decodes a body. `signer` verifies its chunks, None when they are not signed.

    `trailer_names` are the trailers that the request announces (in lower case); None when it announces that there are
    none. `length` is the number of bytes that it says it decodes to. `trailers` are there when all has been read.
    """

    def __init__(
        self,
        source: AsyncIterator[Buffer],
        length: int,
        signer: ChunkSigner | None,
        trailer_names: Iterable[str] | None,
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._source = source
        self._length = length
        self._signer = signer
        self._names = None if trailer_names is None else frozenset(trailer_names)
        self._held = memoryview(b"")
        self._at = 0
        self._chunk = 0
        self._small: int | None = None

    @property
    def announced(self) -> frozenset[str]:
        """The names of the trailers that are to come."""
        return self._names or frozenset()

    async def decoded(self) -> AsyncIterator[Buffer]:
        """Yield the data. Raises AwsError for bad framing, a wrong signature, or another length than was announced."""
        left = self._length
        while True:
            size, signature = await self._size_line()
            if size > left:
                raise refusals.incomplete_body()
            left -= size
            hashed = hashlib.sha256() if self._signer is not None else None
            remaining = size
            while remaining:
                piece = await self._some(remaining)
                remaining -= len(piece)
                if hashed is not None:
                    hashed.update(piece)
                yield piece
            if self._signer is not None and hashed is not None:
                self._signer.check(signature, hashed.hexdigest().encode())
            if size == 0:
                break
            await self._line_end()
        if left:
            raise refusals.incomplete_body()
        await self._end()

    async def _size_line(self) -> tuple[int, bytes]:
        match = _SIZE.fullmatch(await self._line(line_bytes_max))
        if match is None or (match[2] is None) != (self._signer is None):
            raise refusals.incomplete_body()
        size = int(match[1], 16)
        self._chunk += 1
        if self._signer is not None and size:
            if self._small is not None:
                raise refusals.invalid_chunk_size(self._chunk - 1, self._small)
            if size < signed_chunk_bytes_min:
                self._small = size
        return size, match[2] or b""

    async def _end(self) -> None:
        """Read what follows the last chunk: trailers, their signature, empty lines, and nothing more."""
        lines: list[bytes] = []
        left = trailers_bytes_max
        while self._at < len(self._held) or await self._more():
            line = await self._line(left)
            left -= len(line) + 1
            if left < 0:
                raise refusals.malformed_trailer()
            # The documentation ends trailers with a line feed alone, clients with both characters.
            line = line.removesuffix(b"\r")
            if line:
                lines.append(line)
        self._take_trailers(lines)

    def _take_trailers(self, lines: list[bytes]) -> None:
        signature = b""
        canonical = []
        for line in lines:
            name, colon, value = line.partition(b":")
            name, value = name.strip().lower(), value.strip()
            if not colon or signature:
                raise refusals.malformed_trailer()
            if name == _TRAILER_SIGNATURE:
                signature = value
            else:
                canonical.append(b"%b:%b\n" % (name, value))
                self._take_trailer(quoted(name), quoted(value))
        if self._names is None:
            if lines:
                raise refusals.malformed_trailer()
            return
        if self.trailers.keys() != self._names or (signature != b"") != (self._signer is not None):
            raise refusals.malformed_trailer()
        if self._signer is not None:
            self._signer.check_trailer(signature, b"".join(canonical))

    def _take_trailer(self, name: str, value: str) -> None:
        if self._names is None or name not in self._names or name in self.trailers:
            raise refusals.malformed_trailer()
        self.trailers[name] = value

    # Bytes out of the source. Those from `_at` on are still to be read of what is held.

    async def _more(self) -> bool:
        """Add what arrives next to what is held. Returns whether anything did."""
        piece = await anext(self._source, b"")
        if not piece:
            return False
        self._held = memoryview(b"".join((self._held[self._at :], piece)) if self._at < len(self._held) else piece)
        self._at = 0
        return True

    async def _some(self, bytes_max: int) -> Buffer:
        """Return some bytes, at least one and at most so many. They are not copied."""
        if self._at >= len(self._held) and not await self._more():
            raise refusals.incomplete_body()
        held, start = self._held, self._at
        self._at = min(len(held), start + bytes_max)
        return held[start : self._at]

    async def _line_end(self) -> None:
        while len(self._held) - self._at < 2:
            if not await self._more():
                raise refusals.incomplete_body()
        if bytes(self._held[self._at : self._at + 2]) != b"\r\n":
            raise refusals.incomplete_body()
        self._at += 2

    async def _line(self, bytes_max: int) -> bytes:
        """Return the bytes up to the next line feed, which is not among them. They are at most `bytes_max`."""
        while True:
            held = bytes(self._held[self._at : self._at + bytes_max + 1])
            end = held.find(b"\n")
            if end >= 0:
                self._at += end + 1
                return held[:end]
            if len(self._held) - self._at > bytes_max or not await self._more():
                raise refusals.incomplete_body()


def announced_trailers(fields: Mapping[bytes, bytes]) -> frozenset[str]:
    """Return the names that X-Amz-Trailer announces, in lower case."""
    names = fields.get(b"x-amz-trailer", b"").split(b",")
    return frozenset(quoted(name.strip().lower()) for name in names if name.strip())
