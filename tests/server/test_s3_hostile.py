"""Requests to S3 that nobody sane sends: each is refused in S3's words, and none breaks anything inside."""

import asyncio
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from random import Random
from urllib.parse import quote

import pytest
from tests.server.s3_server import S3Server, Serve, with_s3

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.server import s3_pipeline
from strongroom.server.counters import RequestCounters
from strongroom.server.pipeline import Pipeline
from strongroom.wire.http import Body, HttpRequest, HttpResponse

__all__ = ["with_s3"]

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE")
PATHS = (
    "/", "//", "/room", "/room/", "/room//", "/room/k", "/room/../k", "/room/%2e%2e/k", "/room/%00", "/room/%ff",
    "/room/" + "k" * 1_100, "/%00", "/..", "/v20180820/configuration/publicAccessBlock", "/WriteGetObjectResponse",
    "/room/" + quote("\U0001f600" * 300), "/_strongroom", "*", "",
)  # fmt: skip
QUERIES = (
    "", "acl", "uploads", "uploadId", "uploadId=&partNumber=", "partNumber=0", "partNumber=1&uploadId=u", "delete",
    "list-type=2", "list-type=3", "max-keys=-1", "max-keys=99999999999999999999", "versions&acl&policy", "%ff=1",
    "versionId=%00", "&&&", "=", "X-Amz-Signature=0", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "AWSAccessKeyId=A&Signature=",
    "encoding-type=url&prefix=%EF%BF%BF", "response-content-type=a%0d%0ab", "tagging", "cors", "publicAccessBlock",
    "x" * 5_000, "&".join(f"p{number}=1" for number in range(2_500)), "renameObject", "encryption", "annotation",
)  # fmt: skip
HEADERS = (
    ("content-length", "0"), ("content-length", "10"), ("content-length", "99999999999"), ("x-amz-date", "now"),
    ("authorization", "AWS4-HMAC-SHA256 Credential=A/b/c/s3/e, SignedHeaders=host, Signature=0"),
    ("authorization", "AWS4-HMAC-SHA256 Credential=AKIAX/20261124/us-east-1/s3/aws4_request,SignedHeaders=host,"
     "Signature=" + "0" * 64),
    ("authorization", "AWS A:B"), ("authorization", "\xff"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ("x-amz-copy-source", "%00"),
    ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ("x-amz-decoded-content-length", "5"),
    ("x-amz-trailer", "x-amz-checksum-crc32"), ("content-encoding", "aws-chunked"), ("content-md5", "nonsense"),
    ("x-amz-checksum-crc32", "AAAA"), ("range", "bytes=5-1"), ("if-modified-since", "yesterday"),
    ("x-amz-object-lock-retain-until-date", "soon"), ("x-amz-meta-a", "\xe9"), ("x-amz-meta-", "v"),
    ("content-type", "multipart/form-data; boundary=x"), ("content-type", "multipart/form-data"),
    ("content-type", "application/x-www-form-urlencoded"), ("origin", "https://allowed.test"), ("origin", "\xff"),
    ("x-amz-bucket-key-enabled", "maybe"), ("x-amz-server-side-encryption-bucket-key-enabled", "maybe"),
    ("transfer-encoding", "chunked"), ("expect", "100-continue"), ("x-amz-account-id", "111122223333"),
)  # fmt: skip
BODIES = (
    b"", b"x", b"<", b"<a/>", b"<Delete/>", b"<Delete><Object><Key>k</Key></Object><Quiet>maybe</Quiet></Delete>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><Delete>&b;</Delete>", b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
    b"--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x--\r\n", b"\xff\xfe" * 100, b"[" * 10_000,
    b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nf\r\n--x--\r\n",
    b"--x\r\nContent-Disposition: form-data; name=key\r\n\r\nk\r\n--x\r\nContent-Disposition: form-data; name=file\r\n"
    b"\r\nf\r\n--x--\r\n",
)  # fmt: skip
HOSTS = ("localhost", "room.localhost", "room.s3.localhost:80", "[::1]", "", "..localhost", "a" * 300, "%00.localhost")


def made_at_random(random: Random) -> HttpRequest:
    headers = [(b"host", random.choice(HOSTS).encode())]
    for name, value in random.sample(HEADERS, random.randint(0, 6)):
        headers.append((name.encode(), value.encode("latin-1")))
    origin = Origin(new_request_id(0), 0.0, "127.0.0.1", False, host=headers[0][1].decode())
    body = random.choice(BODIES)

    async def arriving() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 3):
            yield body[start : start + 3]

    return HttpRequest(
        random.choice(METHODS),
        random.choice(PATHS).encode(),
        random.choice(QUERIES).encode(),
        headers,
        origin,
        Body(arriving()) if random.random() < 0.5 else body,
    )


async def whole(response: HttpResponse) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    return b"".join([chunk async for chunk in response.body])


@pytest.mark.parametrize("seed", range(8))
def test_random_requests(with_s3: Serve, seed: int) -> None:
    async def main(server: S3Server) -> None:
        pipeline = Pipeline(server.opened.house, RequestCounters())
        random = Random(seed)
        for _ in range(400):
            request = made_at_random(random)
            response = await pipeline.handle(request)
            told = f"{request.method} {request.raw_path!r} {request.query_string[:99]!r} {request.headers}"
            assert response.status < 500 or response.status == 501, told
            body = await whole(response)
            assert all(not set(value) & set(b"\r\n\0") for _, value in response.headers), told
            if (
                response.status >= 400
                and request.method != "HEAD"
                and b"xml" in dict(response.headers)[b"content-type"]
            ):
                ElementTree.fromstring(body)

    with_s3(main)


def test_a_client_that_hangs_up_does_not_undo_what_it_asked_for(
    with_s3: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_pipeline, "PATIENCE_SECONDS", 0.05)
    finished: list[str] = []

    async def main(server: S3Server) -> None:
        async def slowly() -> None:
            await asyncio.sleep(0.4)
            finished.append("done")
            raise AwsError("InvalidPart", "Nobody hears this.", 400)

        server.fake.before_answer = slowly
        line = await server.door.connect()
        body = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
        head = server.head("POST", "/room/k?uploadId=u", {"Content-Length": str(len(body))})
        await line.send(head + body)
        assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        line.writer.transport.abort()
        # The house closes when this returns, and waits for what is not finished.

    with_s3(main)
    assert finished == ["done"]
