"""Bodies of uploads: what arrives is what was sent, however it is cut, and what is not what was signed is refused."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.s3.s3_requests import request

from strongroom.base.errors import AwsError
from strongroom.crypto.mac import HmacSha256
from strongroom.wire.http import Body, HttpRequest
from strongroom.wire.s3.chunked import ChunkSigner, announced_trailers
from strongroom.wire.s3.payload import UNSIGNED, Payload, payload_of, unsigned_content_sha256, upload_bytes_max

KEY = HmacSha256(b"a signing key")
DATE, SCOPE, SEED = b"20261124T080000Z", b"20261124/eu-central-1/s3/aws4_request", b"0" * 64
EMPTY = hashlib.sha256(b"").hexdigest().encode()
SIGNED, TRAILED = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILED = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CRC = "x-amz-checksum-crc32"


def signer() -> ChunkSigner:
    return ChunkSigner(KEY, DATE, SCOPE, SEED, "AKID")


class Chunks:
    """Frames data as a client does."""

    def __init__(self, *, signed: bool) -> None:
        self._previous = SEED
        self._signed = signed
        self.body = b""

    def add(self, data: bytes, end: bytes = b"\r\n") -> "Chunks":
        extension = b""
        if self._signed:
            digest = hashlib.sha256(data).hexdigest().encode()
            extension = b";chunk-signature=" + self._sign(b"AWS4-HMAC-SHA256-PAYLOAD", EMPTY + b"\n" + digest)
        self.body += b"%x%b\r\n%b%b" % (len(data), extension, data, end)
        return self

    def trailers(self, **values: str) -> "Chunks":
        lines = [f"{name.replace('_', '-')}:{value}\n".encode() for name, value in values.items()]
        self.body += b"".join(line[:-1] + b"\r\n" for line in lines)
        if self._signed:
            digest = hashlib.sha256(b"".join(lines)).hexdigest().encode()
            self.body += b"x-amz-trailer-signature:%b\r\n" % self._sign(b"AWS4-HMAC-SHA256-TRAILER", digest)
        self.body += b"\r\n"
        return self

    def _sign(self, kind: bytes, rest: bytes) -> bytes:
        text = b"\n".join((kind, DATE, SCOPE, self._previous, rest))
        self._previous = KEY.digest(text).hex().encode()
        return self._previous


async def arriving(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def upload(body: bytes, length: int, trailer: str = "", size: int = 1 << 20, **headers: str) -> HttpRequest:
    named = {"x-amz-decoded-content-length": str(length), "content-length": str(len(body)), **headers}
    if trailer:
        named["x-amz-trailer"] = trailer
    return request("PUT", "/b/k", "", named, Body(arriving(cut(body, size))))


def read(sent: HttpRequest, content_sha256: bytes) -> tuple[bytes, dict[str, str]]:
    async def main() -> tuple[bytes, dict[str, str]]:
        payload = payload_of(sent, content_sha256, signer())
        whole = b"".join([bytes(chunk) async for chunk in payload])
        return whole, dict(payload.trailers)

    return asyncio.run(main())


def refused(sent: HttpRequest, content_sha256: bytes) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        read(sent, content_sha256)
    return refusal.value


class TestPlain:
    def test_a_hash_is_checked_at_the_end(self) -> None:
        body = b"x" * 100_000
        right = hashlib.sha256(body).hexdigest()
        sent = request("PUT", "/b/k", "", {"content-length": "100000"}, Body(arriving(cut(body, 999))))
        assert read(sent, right.encode()) == (body, {})
        sent = request("PUT", "/b/k", "", {"content-length": "100000"}, Body(arriving(cut(body, 999))))
        error = refused(sent, b"0" * 64)
        assert (error.code, error.status) == ("XAmzContentSHA256Mismatch", 400)
        assert error.members == {"ClientComputedContentSHA256": "0" * 64, "S3ComputedContentSHA256": right}

    def test_an_unsigned_payload_may_be_anything(self) -> None:
        assert read(request("PUT", "/b/k", "", {}, b"anything"), UNSIGNED) == (b"anything", {})

    def test_another_length_than_announced(self) -> None:
        for length in ("3", "5"):
            sent = request("PUT", "/b/k", "", {"content-length": length}, Body(arriving([b"four"])))
            assert refused(sent, UNSIGNED).code == "IncompleteBody"

    def test_five_gibibytes_are_the_most(self) -> None:
        sent = request("PUT", "/b/k", "", {"content-length": str(upload_bytes_max + 1)})
        error = refused(sent, UNSIGNED)
        assert (error.code, error.members["MaxSizeAllowed"]) == ("EntityTooLarge", "5368709120")

    def test_a_payload_is_read_once(self) -> None:
        async def main() -> None:
            payload = payload_of(request("PUT", "/b/k", "", {}, b"body"), UNSIGNED, None)
            assert await payload.read(10) == b"body"
            with pytest.raises(ValueError, match="read already"):
                await payload.read(10)

        asyncio.run(main())

    def test_a_limit_for_what_is_read_whole(self) -> None:
        async def main(payload: Payload) -> None:
            with pytest.raises(AwsError) as refusal:
                await payload.read(10)
            assert refusal.value.code == "MaxMessageLengthExceeded"

        asyncio.run(main(payload_of(request("PUT", "/b", "", {}, b"x" * 11), UNSIGNED, None)))
        sent = request("PUT", "/b", "", {"transfer-encoding": "chunked"}, Body(arriving([b"x" * 6] * 2)))
        asyncio.run(main(payload_of(sent, UNSIGNED, None)))


SIZES = st.lists(st.integers(8_192, 20_000), max_size=4)


class TestChunks:
    @settings(max_examples=60, deadline=None)
    @given(SIZES, st.integers(0, 9_000), st.integers(1, 30_000), st.sampled_from([SIGNED, TRAILED, UNSIGNED_TRAILED]))
    def test_however_it_is_cut(self, sizes: list[int], last: int, piece: int, kind: bytes) -> None:
        framed = Chunks(signed=kind != UNSIGNED_TRAILED)
        data = b""
        for number, size in enumerate([*sizes, last] if last else sizes):
            part = bytes([number + 65]) * size
            framed.add(part)
            data += part
        if kind == SIGNED:
            framed.add(b"")
            assert read(upload(framed.body, len(data), size=piece), kind) == (data, {})
        else:
            framed.add(b"", b"").trailers(x_amz_checksum_crc32="AAAAAA==")
            assert read(upload(framed.body, len(data), CRC, piece), kind) == (data, {CRC: "AAAAAA=="})

    def test_small_chunks_are_for_the_end(self) -> None:
        framed = Chunks(signed=True).add(b"a" * 8_191).add(b"b").add(b"")
        error = refused(upload(framed.body, 8_192), SIGNED)
        assert (error.code, error.status) == ("InvalidChunkSizeError", 403)
        assert error.members == {"Chunk": "1", "BadChunkSize": "8191"}
        framed = Chunks(signed=False).add(b"a").add(b"b").add(b"", b"").trailers(x_amz_checksum_crc32="x")
        assert read(upload(framed.body, 2, CRC), UNSIGNED_TRAILED)[0] == b"ab"

    def test_a_chunk_that_somebody_changed(self) -> None:
        framed = Chunks(signed=True).add(b"a" * 9_000).add(b"b" * 100).add(b"").body
        for place in (200, 9_200):
            changed = framed[:place] + b"!" + framed[place + 1 :]
            error = refused(upload(changed, 9_100), SIGNED)
            assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)
            assert error.members["StringToSign"].startswith("AWS4-HMAC-SHA256-PAYLOAD\n")

    def test_chunks_in_another_order_or_left_out(self) -> None:
        one, two = b"a" * 9_000, b"b" * 9_000
        framed = Chunks(signed=True).add(one).body
        both = Chunks(signed=True).add(one).add(two).body
        end = Chunks(signed=True).add(one).add(two).add(b"").body[len(both) :]
        assert refused(upload(framed + end, 9_000), SIGNED).code == "SignatureDoesNotMatch"
        swapped = both[len(framed) :] + framed + end
        assert refused(upload(swapped, 18_000), SIGNED).code == "SignatureDoesNotMatch"

    @pytest.mark.parametrize("length", [8_999, 9_001, 0, upload_bytes_max])
    def test_another_length_than_announced(self, length: int) -> None:
        framed = Chunks(signed=True).add(b"a" * 9_000).add(b"")
        assert refused(upload(framed.body, length), SIGNED).code == "IncompleteBody"

    def test_every_early_end(self) -> None:
        framed = Chunks(signed=True).add(b"a" * 9_000).add(b"", b"").trailers(x_amz_checksum_crc32="x").body
        for end in [0, 1, 40, 90, 91, 5_000, 9_090, 9_093, 9_150, 9_183, 9_190, len(framed) - 20]:
            error = refused(upload(framed[:end], 9_000, CRC), TRAILED)
            assert error.code in {"IncompleteBody", "MalformedTrailerError", "SignatureDoesNotMatch"}, end

    @pytest.mark.parametrize(
        "body",
        [
            b"nonsense",
            b"-1\r\n",
            b"g\r\n",
            b"5;chunk-signature=zz\r\nhello\r\n0\r\n\r\n",
            b"5\nhello\r\n0\r\n\r\n",
            b"5\r\nhelloXX0\r\n\r\n",
            b"fffffffffffffffff\r\n",
            b"0" * 10_000,
            b"5;x=y\r\nhello\r\n0\r\n\r\n",
            b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n0\r\n\r\n",
        ],
    )
    def test_bad_framing(self, body: bytes) -> None:
        assert refused(upload(body, 5), UNSIGNED_TRAILED).code == "IncompleteBody"
        assert refused(upload(body, 5), SIGNED).code in {"IncompleteBody", "SignatureDoesNotMatch"}

    @pytest.mark.parametrize("stated", ["", "-1", "1e3", "x", "9" * 30])
    def test_a_length_that_nobody_said(self, stated: str) -> None:
        sent = request("PUT", "/b/k", "", {"x-amz-decoded-content-length": stated})
        error = refused(sent, SIGNED)
        assert (error.code, error.status) == ("MissingContentLength", 411)

    def test_signed_chunks_need_a_signature_before_them(self) -> None:
        framed = Chunks(signed=True).add(b"a").add(b"")
        with pytest.raises(AwsError, match="x-amz-content-sha256 must be"):
            payload_of(upload(framed.body, 1), SIGNED, None)


class TestTrailers:
    @pytest.mark.parametrize(
        ("announced", "sent"),
        [
            (CRC, b"\r\n"),
            (CRC, b""),
            ("", b"x-amz-checksum-crc32:x\r\n\r\n"),
            (CRC, b"x-amz-checksum-crc32c:x\r\n\r\n"),
            (CRC, b"x-amz-checksum-crc32:x\r\nx-amz-checksum-crc32:y\r\n\r\n"),
            (CRC, b"x-amz-checksum-crc32:x\r\nx-amz-acl:public-read\r\n\r\n"),
            (CRC, b"no colon\r\n\r\n"),
            (CRC, b"x-amz-checksum-crc32:x\r\nx-amz-trailer-signature:" + b"0" * 64 + b"\r\n\r\n"),
            (CRC, b"x-amz-checksum-crc32:" + b"x" * 9_000 + b"\r\n\r\n"),
            (CRC, b"x-amz-checksum-crc32:x\r\n" * 1_000),
        ],
    )
    def test_what_was_not_announced(self, announced: str, sent: bytes) -> None:
        error = refused(upload(b"1\r\na\r\n0\r\n" + sent, 1, announced), UNSIGNED_TRAILED)
        assert (error.code, error.status) in {("MalformedTrailerError", 400), ("IncompleteBody", 400)}

    def test_a_trailer_that_nobody_signed(self) -> None:
        framed = Chunks(signed=True).add(b"a").add(b"", b"")
        body = framed.body + b"x-amz-checksum-crc32:x\r\n\r\n"
        assert refused(upload(body, 1, CRC), TRAILED).code == "MalformedTrailerError"

    def test_no_trailers_after_chunks_that_announce_none(self) -> None:
        body = Chunks(signed=True).add(b"a").add(b"", b"").body + b"x-amz-acl:public-read\r\n\r\n"
        assert refused(upload(body, 1), SIGNED).code == "MalformedTrailerError"

    def test_names_in_any_case(self) -> None:
        assert announced_trailers({b"x-amz-trailer": b" X-Amz-A , x-amz-b,,"}) == {"x-amz-a", "x-amz-b"}
        body = b"1\r\na\r\n0\r\nX-Amz-Checksum-CRC32: x \r\n\r\n"
        assert read(upload(body, 1, "X-AMZ-Checksum-CRC32"), UNSIGNED_TRAILED) == (b"a", {CRC: "x"})


def test_what_an_unsigned_request_says_of_its_body() -> None:
    assert unsigned_content_sha256(request("PUT", "/b/k")) == UNSIGNED
    chunked = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "3"}
    assert unsigned_content_sha256(request("PUT", "/b/k", "", chunked)) == UNSIGNED_TRAILED
    assert unsigned_content_sha256(request("PUT", "/b/k", "", {"x-amz-content-sha256": "0" * 64})) == b"0" * 64


def test_many_small_pieces_are_decoded_in_linear_time() -> None:
    async def main() -> int:
        framed = Chunks(signed=False)
        body = b"".join(Chunks(signed=False).add(b"a" * 8_192).body for _ in range(512))
        sent = upload(body + framed.add(b"", b"").trailers(x_amz_checksum_crc32="x").body, 512 * 8_192, CRC, 262_144)
        return len(await payload_of(sent, UNSIGNED_TRAILED, None).read(1 << 30))

    assert asyncio.run(main()) == 512 * 8_192
