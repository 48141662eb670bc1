"""Requests to S3 through a real door: what clients send reaches a handler, and its answers reach them."""

import asyncio
import base64
import hashlib
import http.client
import io
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from tests.server.fake_s3 import MODIFIED, FakeS3, chunks_of
from tests.server.s3_server import S3Server, Serve, with_s3

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.server import s3_pipeline

__all__ = ["with_s3"]


def body_of(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def fetched(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
    """Return status, headers and body of what a plain client gets."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class TestClients:
    def test_objects_go_in_and_out(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            await server.run(lambda: s3.create_bucket(Bucket="room"))
            for size in (0, 1, 100_000, 3_000_000):
                body = body_of(size)
                put = partial(s3.put_object, Bucket="room", Key="a/b c", Body=body, Metadata={"Colour": "red"})
                await server.run(put)
                assert server.fake.objects["room", "a/b c"] == body
                assert server.fake.last.params["Metadata"] == {"colour": "red"}
                got = await server.run(lambda: s3.get_object(Bucket="room", Key="a/b c")["Body"].read())
                assert got == body
            head = await server.run(lambda: s3.head_object(Bucket="room", Key="a/b c"))
            assert head["ContentLength"] == 3_000_000
            part = await server.run(lambda: s3.get_object(Bucket="room", Key="a/b c", Range="bytes=10-19"))
            assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
            listed = await server.run(lambda: s3.list_objects_v2(Bucket="room"))
            assert [each["Key"] for each in listed["Contents"]] == ["a/b c"]

        with_s3(main)

    def test_over_tls_checksums_come_after_the_body(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            await server.open_tls()
            s3 = server.client(tls=True)
            for size in (0, 5, 2_500_000):
                body = body_of(size)
                await server.run(partial(s3.put_object, Bucket="room", Key="k", Body=io.BytesIO(body)))
                assert server.fake.objects["room", "k"] == body
                call = server.fake.last
                assert list(server.fake.trailers) == ["x-amz-checksum-crc32"]
                assert call.params["Body"].length == size
                assert "ContentEncoding" not in call.params
                assert call.origin.secure
                assert call.origin.authentication.content_sha256 == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
            await server.run(partial(s3.upload_part, Bucket="b", Key="k", PartNumber=3, UploadId="u", Body=b"part"))
            assert server.fake.last.params["PartNumber"] == 3

        with_s3(main)

    def test_policies_can_ask_how_a_request_was_signed(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            await server.run(lambda: s3.put_object(Bucket="room", Key="k", Body=b"v"))
            told = server.fake.last.origin.authentication
            assert (told.kind, told.version, len(told.content_sha256)) == ("REST-HEADER", "AWS4-HMAC-SHA256", 64)
            assert 0 <= told.age_ms < 60_000
            url = s3.generate_presigned_url("get_object", {"Bucket": "room", "Key": "k"}, 60)
            assert (await server.run(lambda: fetched(url)))[2] == b"v"
            assert server.fake.last.origin.authentication.kind == "REST-QUERY-STRING"
            await server.run(lambda: server.client(signed=False).get_object(Bucket="room", Key="k"))
            assert server.fake.last.origin.authentication.kind == ""
            assert server.fake.last.caller.identity.type == "Anonymous"

        with_s3(main)

    def test_presigned_uploads(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            url = s3.generate_presigned_url("put_object", {"Bucket": "room", "Key": "a b/\u00e9"}, 60)
            status, _, _ = await server.run(lambda: fetched(url, "PUT", b"v"))
            assert status == 200
            assert server.fake.objects["room", "a b/\u00e9"] == b"v"
            status, _, body = await server.run(lambda: fetched(url, "PUT", b"v", x_amz_acl="public-read"))
            assert status == 403
            assert b"<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in body
            status, _, body = await server.run(lambda: fetched(url.replace("Expires=60", "Expires=61"), "PUT", b"w"))
            assert b"<Code>SignatureDoesNotMatch</Code>" in body
            assert server.secret.encode() not in body
            assert server.fake.objects["room", "a b/\u00e9"] == b"v"

        with_s3(main)

    def test_an_object_may_be_answered_in_one_piece(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            async def get(fake: FakeS3, call: Call) -> Answer:
                return {"ContentLength": len(body), "LastModified": MODIFIED, "Body": body}

            server.fake.instead["GetObject"] = get
            s3 = server.client()
            for body in (b"", b"in one piece"):
                got = await server.run(lambda: s3.get_object(Bucket="room", Key="k"))
                assert (got["ContentLength"], got["Body"].read()) == (len(body), body)
            line = await server.door.connect()
            await line.send(server.head("GET", "/room/k"))
            head = await line.reader.readuntil(b"\r\n\r\n")
            assert head.lower().count(b"content-length") == 1

        with_s3(main)

    def test_an_object_that_does_not_open_is_an_error(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            async def broken() -> AsyncIterator[bytes]:
                raise RuntimeError("a secret")
                yield b""

            async def get(fake: FakeS3, call: Call) -> Answer:
                return {"ContentLength": 9, "LastModified": MODIFIED, "Body": broken()}

            server.fake.instead["GetObject"] = get
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: server.client().get_object(Bucket="room", Key="k"))
            assert refusal.value.response["Error"]["Code"] == "InternalError"

        with_s3(main)

    def test_an_answer_that_is_shorter_than_it_says_is_cut(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            async def get(fake: FakeS3, call: Call) -> Answer:
                return {"ContentLength": 9, "LastModified": MODIFIED, "Body": chunks_of(b"short")}

            server.fake.instead["GetObject"] = get
            line = await server.door.connect()
            await line.send(server.head("GET", "/room/k"))
            assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await line.reader.read() == b"short"

        with_s3(main)

    @pytest.mark.parametrize("stated", [3, 5])
    def test_an_answer_that_is_longer_than_it_says(self, with_s3: Serve, stated: int) -> None:
        async def main(server: S3Server) -> None:
            async def chunks() -> AsyncIterator[bytes]:
                yield b"abc"
                yield b"defg"

            async def get(fake: FakeS3, call: Call) -> Answer:
                return {"ContentLength": stated, "LastModified": MODIFIED, "Body": chunks()}

            server.fake.instead["GetObject"] = get
            line = await server.door.connect()
            await line.send(server.head("GET", "/room/k"))
            if stated == 3:
                # What is known in time is an error; else the client sees that the answer is cut.
                status, _, body = await line.answer()
                assert (status, b"<Code>InternalError</Code>" in body) == (500, True)
            else:
                answer = await line.reader.read()
                assert answer.startswith(b"HTTP/1.1 200")
                assert answer.endswith(b"\r\n\r\nabc")

        with_s3(main)

    def test_buckets_in_host_names(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            await server.run(lambda: server.client().put_object(Bucket="room", Key="k", Body=b"v"))

            def get() -> bytes:
                connection = http.client.HTTPConnection("127.0.0.1", server.door.port)
                connection.request("GET", "/k", headers={"Host": f"room.localhost:{server.door.port}"})
                return connection.getresponse().read()

            assert await server.run(get) == b"v"

        with_s3(main)

    def test_bodies_that_are_read_whole(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            tags = {"TagSet": [{"Key": "a&b", "Value": " <c> "}]}
            await server.run(lambda: s3.put_bucket_tagging(Bucket="room", Tagging=tags))
            assert server.fake.last.params["Tagging"] == tags
            await server.run(lambda: s3.put_bucket_policy(Bucket="room", Policy='{"Version": "2012-10-17"}'))
            assert server.fake.last.params["Policy"] == '{"Version": "2012-10-17"}'
            keys = [{"Key": f"{number}/" + "k" * 990} for number in range(1_000)]
            deleted = await server.run(lambda: s3.delete_objects(Bucket="room", Delete={"Objects": keys}))
            assert len(deleted["Deleted"]) == 1_000
            with pytest.raises(ClientError, match="MaxMessageLengthExceeded"):
                await server.run(lambda: s3.put_bucket_policy(Bucket="room", Policy="x" * 1_100_000))

        with_s3(main)

    def test_keys_in_listings_are_encoded_where_that_is_asked(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            for key in ("a b/\u00e9", "c+d&e", "f*~"):
                await server.run(partial(s3.put_object, Bucket="room", Key=key, Body=b""))
            listed = await server.run(lambda: s3.list_objects_v2(Bucket="room", EncodingType="url"))
            assert [each["Key"] for each in listed["Contents"]] == ["a+b/%C3%A9", "c%2Bd%26e", "f*~"]
            # botocore asks for it by itself, and decodes by itself.
            listed = await server.run(lambda: s3.list_objects_v2(Bucket="room"))
            assert [each["Key"] for each in listed["Contents"]] == ["a b/\u00e9", "c+d&e", "f*~"]

        with_s3(main)


class TestRefusals:
    def test_who_did_not_sign_chooses_no_headers(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            status, _, body = await server.run(lambda: fetched(f"{server.url}/room/k?response-content-type=text/html"))
            assert (status, b"cannot be used for anonymous GET requests" in body) == (400, True)

        with_s3(main)

    def test_errors_as_s3_writes_them(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: s3.get_object(Bucket="room", Key="a<b"))
            told = refusal.value.response
            assert told["Error"] == {"Code": "NoSuchKey", "Message": "The specified key does not exist.", "Key": "a<b"}
            assert told["ResponseMetadata"]["HTTPStatusCode"] == 404
            assert told["ResponseMetadata"]["RequestId"]
            assert told["ResponseMetadata"]["HostId"]
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: s3.head_object(Bucket="room", Key="a<b"))
            assert refusal.value.response["Error"] == {"Code": "404", "Message": "Not Found"}
            server.fake.failure = AwsError("NotModified", "Not Modified", 304, answer={"ETag": '"e"'})
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: s3.get_object(Bucket="room", Key="k", IfNoneMatch='"e"'))
            assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
            assert refusal.value.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == '"e"'
            server.fake.failure = AwsError("NoSuchKey", "x", 404, answer={"DeleteMarker": True, "VersionId": "v"})
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: s3.get_object(Bucket="room", Key="k"))
            headers = refusal.value.response["ResponseMetadata"]["HTTPHeaders"]
            assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", "v")

        with_s3(main)

    def test_what_is_not_served_says_so_and_is_recorded(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: server.client().get_bucket_website(Bucket="room"))
            assert refusal.value.response["Error"]["Code"] == "NotImplemented"
            assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
            now = server.opened.clock.now()
            (record,) = await server.opened.house.audit.records(now - 60, now + 1)
            assert (record.service, record.operation) == ("s3", "GetBucketWebsite")

        with_s3(main)

    def test_who_is_not_known(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            server.access_key_id = "AKIAUNKNOWN000000000"
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: server.client().list_objects_v2(Bucket="room"))
            told = refusal.value.response
            assert told["Error"]["Code"] == "InvalidAccessKeyId"
            assert told["Error"]["AWSAccessKeyId"] == "AKIAUNKNOWN000000000"
            assert told["ResponseMetadata"]["HTTPStatusCode"] == 403
            assert server.fake.calls == []

        with_s3(main)

    def test_refused_parameters_leave_a_record_without_them(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            url = server.client().generate_presigned_url("list_objects_v2", {"Bucket": "room", "MaxKeys": 5}, 60)
            status, _, body = await server.run(lambda: fetched(url))
            assert status == 200
            line = await server.door.connect()
            await line.send(server.head("GET", "/room?list-type=2&max-keys=lots"))
            status, _, body = await line.answer()
            assert status == 400
            assert b"<ArgumentName>max-keys</ArgumentName><ArgumentValue>lots</ArgumentValue>" in body
            md5 = base64.b64encode(hashlib.md5(b"<a/>").digest()).decode()
            await line.send(server.head("PUT", "/room?tagging", {"Content-Length": "4", "Content-MD5": md5}) + b"<a/>")
            status, _, body = await line.answer()
            assert b"<Code>MalformedXML</Code>" in body
            now = server.opened.clock.now()
            records = await server.opened.house.audit.records(now - 60, now + 1)
            assert [(each.operation, each.error_code) for each in records[1:]] == [
                ("ListObjectsV2", "InvalidArgument"),
                ("PutBucketTagging", "MalformedXML"),
            ]
            assert all(each.request == {} for each in records[1:])

        with_s3(main)

    def test_what_broke_inside_is_not_told(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            async def breaks() -> None:
                raise RuntimeError("a secret")

            server.fake.before_answer = breaks
            with pytest.raises(ClientError) as refusal:
                await server.run(lambda: server.client().create_bucket(Bucket="room"))
            error = refusal.value.response["Error"]
            assert error == {"Code": "InternalError", "Message": "We encountered an internal error. Please try again."}

        with_s3(main)


PARTS = {"Parts": [{"ETag": '"e"', "PartNumber": 1}]}


class TestLateAnswers:
    def test_a_client_that_waits_is_not_left_without_a_byte(
        self, with_s3: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(s3_pipeline, "PATIENCE_SECONDS", 0.05)

        async def main(server: S3Server) -> None:
            s3 = server.client()
            complete = partial(
                s3.complete_multipart_upload, Bucket="room", Key="k", UploadId="u", MultipartUpload=PARTS
            )

            async def slowly() -> None:
                await asyncio.sleep(0.3)

            answer = await server.run(complete)
            assert (answer["ETag"], answer["VersionId"]) == ('"etag-2"', "v1")
            server.fake.before_answer = slowly
            answer = await server.run(complete)
            assert answer["ETag"] == '"etag-2"'

            async def badly() -> None:
                await slowly()
                raise AwsError("InvalidPart", "One or more of the specified parts could not be found.", 400)

            server.fake.before_answer = badly
            with pytest.raises(ClientError) as refusal:
                await server.run(complete)
            told = refusal.value.response
            assert told["Error"]["Code"] == "InvalidPart"

            async def broken() -> None:
                await slowly()
                raise RuntimeError("a secret")

            server.fake.before_answer = broken
            with pytest.raises(ClientError) as refusal:
                await server.run(complete)
            assert refusal.value.response["Error"]["Code"] == "InternalError"

        with_s3(main)


class TestForms:
    def test_a_browsers_upload(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            s3 = server.client()
            conditions: list[Any] = [["content-length-range", 1, 1_000_000], {"success_action_status": "201"}]
            post = s3.generate_presigned_post(
                "room", "up/${filename}", {"success_action_status": "201"}, conditions, ExpiresIn=60
            )

            def send(file: bytes, **changed: str) -> tuple[int, Any, bytes]:
                fields = {**post["fields"], **changed}
                boundary = "xYzZY"
                body = "".join(
                    f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                    for name, value in fields.items()
                ).encode()
                body += (
                    f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="c.bin"\r\n\r\n'.encode()
                )
                body += file + f"\r\n--{boundary}--\r\n".encode()
                return fetched(post["url"], "POST", body, Content_Type=f"multipart/form-data; boundary={boundary}")

            file = body_of(900_000)
            status, headers, body = await server.run(lambda: send(file))
            assert status == 201
            assert b"<Key>up/c.bin</Key>" in body
            assert headers["ETag"] == '"etag"'
            assert server.fake.objects["room", "up/c.bin"] == file
            call = server.fake.last
            assert (call.operation.name, call.origin.authentication.kind) == ("PostObject", "POST")
            assert call.caller.identity.type == "Root"
            for changed, code in (
                ({"key": "elsewhere"}, b"AccessDenied"),
                ({"x-amz-signature": "0" * 64}, b"SignatureDoesNotMatch"),
                ({"acl": "public-read"}, b"AccessDenied"),
                ({"x-amz-credential": "AKIAX/20261124/us-east-1/s3/aws4_request"}, b"AuthorizationHeaderMalformed"),
            ):
                status, _, body = await server.run(partial(send, b"x", **changed))
                assert status >= 400
                assert b"<Code>" + code + b"</Code>" in body
            status, _, body = await server.run(lambda: send(body_of(1_000_001)))
            assert (status, b"<Code>EntityTooLarge</Code>" in body) == (400, True)
            assert len(server.fake.objects) == 1

        with_s3(main)


class TestBrowsers:
    def test_preflight_and_what_follows(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            await server.run(lambda: server.client().put_object(Bucket="room", Key="k", Body=b"v"))
            url = f"{server.url}/room/k"
            asked = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "content-type"}
            status, headers, body = await server.run(
                lambda: fetched(url, "OPTIONS", Origin="https://allowed.test", **asked)
            )
            assert (status, body) == (200, b"")
            assert headers["Access-Control-Allow-Origin"] == "https://allowed.test"
            assert headers["Access-Control-Allow-Methods"] == "GET, PUT"
            params = server.fake.last.params
            assert (params["Bucket"], params["Key"], params["AccessControlRequestMethod"]) == ("room", "k", "PUT")
            status, _, body = await server.run(lambda: fetched(url, "OPTIONS", Origin="https://other.test", **asked))
            assert (status, b"<Code>AccessForbidden</Code>" in body) == (403, True)
            for path, expected in (("k", 200), ("absent", 404)):
                status, headers, _ = await server.run(
                    partial(fetched, f"{server.url}/room/{path}", Origin="https://allowed.test")
                )
                assert (status, headers["Access-Control-Allow-Origin"]) == (expected, "https://allowed.test")
            status, headers, _ = await server.run(lambda: fetched(url, Origin="https://other.test"))
            assert (status, headers["Access-Control-Allow-Origin"]) == (200, None)

        with_s3(main)


class TestOtherServices:
    def test_they_answer_as_before(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            assert (await server.run(server.client("sts").get_caller_identity))["Account"]
            assert (await server.run(server.client("kms").list_keys))["Keys"] == []
            query = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
            status, _, body = await server.run(lambda: fetched(f"{server.url}/?{query}"))
            assert (status, b"ErrorResponse xmlns" in body) == (400, True)
            status, _, body = await server.run(
                lambda: fetched(server.url, "POST", b"{}", X_Amz_Target="TrentService.ListKeys")
            )
            assert "__type" in json.loads(body)

        with_s3(main)

    def test_s3_control_by_its_header(self, with_s3: Serve) -> None:
        async def main(server: S3Server) -> None:
            line = await server.door.connect()
            path = "/v20180820/configuration/publicAccessBlock"
            await line.send(server.head("GET", path, {"x-amz-account-id": "111122223333"}))
            status, _, body = await line.answer()
            assert status == 501
            assert b"<ErrorResponse><Error><Code>NotImplemented</Code>" in body
            assert urlsplit(server.url).port == server.door.port

        with_s3(main)
