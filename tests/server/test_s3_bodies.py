"""Bodies of S3 on the wire: when they are asked for, when they are cut, and how much of them is held."""

import asyncio
import hashlib
import resource
from collections.abc import AsyncIterator

import pytest
from tests.server.door import Line
from tests.server.fake_s3 import MODIFIED, FakeS3
from tests.server.s3_server import S3Server, Serve, with_s3
from tests.wire.s3.test_s3_payload import Chunks

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer

__all__ = ["with_s3"]

MIB = 1024 * 1024


class TestExpect:
    def test_a_body_is_asked_for_when_somebody_reads_it(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", {"Content-Length": "5", "Expect": "100-continue"}))
            assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await line.send(b"hello")
            status, headers, _ = await line.answer()
            assert status == 200
            assert b"connection" not in headers
            assert server.fake.objects["room", "k"] == b"hello"
            # The connection is good for another request.
            await line.send(server.head("HEAD", "/room/k"))
            head = await line.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert b"Content-Length: 5" in head or b"content-length: 5" in head

        with_s3(main)

    @pytest.mark.parametrize("path", ["/room/k", "/room?policy"])
    def test_a_refusal_comes_before_the_body_and_closes(self, with_s3: Serve, path: str) -> None:
        async def main(server: S3Server) -> None:
            server.secret = "not the secret"
            line = await server.door.connect()
            await line.send(server.head("PUT", path, {"Content-Length": "500000", "Expect": "100-continue"}))
            status, headers, body = await line.answer()
            assert status == 403
            assert headers[b"connection"] == b"close"
            assert b"SignatureDoesNotMatch" in body
            assert await line.is_closed()
            assert server.fake.calls == []

        with_s3(main)

    def test_a_handler_that_does_not_read_refuses_before_the_body(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            server.fake.failure = AwsError("AccessDenied", "Access Denied", 403)
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", {"Content-Length": "500000", "Expect": "100-continue"}))
            status, headers, body = await line.answer()
            assert (status, headers[b"connection"]) == (403, b"close")
            assert b"<Code>AccessDenied</Code>" in body
            assert await line.is_closed()

        with_s3(main)

    def test_who_does_not_wait_is_served_all_the_same(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            line = await server.door.connect()
            head = server.head("PUT", "/room/k", {"Content-Length": "5", "Expect": "100-continue"})
            await line.send(head + b"hello")
            status, headers, _ = await line.answer()
            assert (status, headers.get(b"connection")) == (200, None)
            assert server.fake.objects["room", "k"] == b"hello"

        with_s3(main)


class TestUploads:
    def test_a_refusal_does_not_wait_for_the_body(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            server.secret = "not the secret"
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", {"Content-Length": "300000"}) + b"x" * 1_000)
            status, _, _ = await line.answer()
            assert status == 403
            # What is still sent is thrown away, and the next request on the connection is understood.
            await line.send(b"x" * 299_000)
            await line.send(server.head("GET", "/room/k"))
            assert (await line.answer())[0] == 403

        with_s3(main)

    def test_without_a_length_there_is_no_upload(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k"))
            status, _, body = await line.answer()
            assert (status, b"<Code>MissingContentLength</Code>" in body) == (411, True)
            line = await server.door.connect()
            await line.send(
                server.head("PUT", "/room/k", {"Transfer-Encoding": "chunked"}) + b"5\r\nhello\r\n0\r\n\r\n"
            )
            status, _, body = await line.answer()
            assert (status, b"<Code>MissingContentLength</Code>" in body) == (411, True)
            assert server.fake.objects == {}

        with_s3(main)

    def test_chunks_within_http_chunks(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            framed = Chunks(signed=False).add(b"a" * 9_000).add(b"", b"").trailers(x_amz_checksum_crc32="AAAAAA==")
            headers = {
                "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                "X-Amz-Decoded-Content-Length": "9000",
                "X-Amz-Trailer": "x-amz-checksum-crc32",
                "Content-Encoding": "aws-chunked,gzip",
                "Transfer-Encoding": "chunked",
            }
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", headers))
            for start in range(0, len(framed.body), 1_000):
                piece = framed.body[start : start + 1_000]
                await line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                await asyncio.sleep(0)
            await line.send(b"0\r\n\r\n")
            assert (await line.answer())[0] == 200
            assert server.fake.objects["room", "k"] == b"a" * 9_000
            params = server.fake.last.params
            assert params["ContentEncoding"] == "gzip"
            assert dict(params["Body"].trailers) == {"x-amz-checksum-crc32": "AAAAAA=="}

        with_s3(main)

    def test_a_body_that_is_not_what_was_signed_is_not_kept(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", {"Content-Length": "5"}, b"hello") + b"jello")
            status, _, body = await line.answer()
            assert (status, b"<Code>XAmzContentSHA256Mismatch</Code>" in body) == (400, True)
            assert hashlib.sha256(b"jello").hexdigest().encode() in body
            assert server.fake.objects == {}

        with_s3(main)

    def test_a_client_that_goes_away_leaves_nothing(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", {"Content-Length": "100000"}) + b"x" * 50_000)
            while not server.fake.calls:
                await asyncio.sleep(0.01)
            line.close()
            now = server.opened.clock.now()
            for _ in range(100):
                records = await server.opened.house.audit.records(now - 60, now + 60)
                if records:
                    break
                await asyncio.sleep(0.02)
            assert [each.error_code for each in records] == ["RequestTimeout"]
            assert server.fake.objects == {}

        with_s3(main)


async def swallow(fake: FakeS3, call: Call) -> Answer:
    """Take an upload in and throw it away, as a handler does that writes to a disk."""
    received = 0
    async for chunk in call.params["Body"]:
        received += len(chunk)
    fake.trailers = {"received": str(received)}
    return {"ETag": '"etag"'}


async def endless(made: list[int]) -> AsyncIterator[bytes]:
    try:
        while True:
            made.append(1)
            yield b"x" * MIB
    finally:
        made.append(-1)


async def send_all(line: Line, size: int) -> None:
    block = b"x" * MIB
    for _ in range(size // MIB):
        await line.send(block)


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class TestSize:
    def test_a_large_upload_is_never_held(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            server.fake.instead["PutObject"] = swallow
            size = 256 * MIB
            line = await server.door.connect()
            await line.send(server.head("PUT", "/room/k", {"Content-Length": str(size)}))
            await send_all(line, 8 * MIB)
            before = peak_mib()
            await send_all(line, size - 8 * MIB)
            assert (await line.answer())[0] == 200
            assert server.fake.trailers == {"received": str(size)}
            assert peak_mib() - before < 16

        with_s3(main)

    def test_an_answer_is_made_no_faster_than_it_is_read(self, with_s3: Serve) -> None:
        made: list[int] = []

        async def get(fake: FakeS3, call: Call) -> Answer:
            return {"ContentLength": 5 * 1024 * MIB, "LastModified": MODIFIED, "Body": endless(made)}

        async def main(server: S3Server) -> None:
            server.fake.instead["GetObject"] = get
            line = await server.door.connect()
            await line.send(server.head("GET", "/room/k"))
            await line.reader.readexactly(MIB)
            await asyncio.sleep(0.3)
            assert sum(made) < 32
            # And no longer than somebody reads: what made it is closed.
            line.writer.transport.abort()
            for _ in range(200):
                if made[-1] == -1:
                    break
                await asyncio.sleep(0.02)
            assert made[-1] == -1

        with_s3(main)

    def test_head_has_no_body(self, with_s3: Serve) -> None:
        made: list[int] = []

        async def get(fake: FakeS3, call: Call) -> Answer:
            return {"ContentLength": 5 * 1024 * MIB, "LastModified": MODIFIED, "Body": endless(made)}

        async def main(server: S3Server) -> None:
            server.fake.instead["HeadObject"] = get
            line = await server.door.connect()
            await line.send(server.head("HEAD", "/room/k") + server.head("HEAD", "/room/k"))
            for _ in range(2):
                head = await line.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 OK\r\n")
                assert head.lower().count(b"content-length: 5368709120\r\n") == 1
            assert made == []

        with_s3(main)
