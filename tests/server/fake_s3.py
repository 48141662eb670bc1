"""An S3 of a few operations, in memory and for everybody: what the wire hands over is what a test can look at."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from strongroom.base.errors import AwsError
from strongroom.operations import cross_origin, registry
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, Operation, Service, no_permission

MODIFIED = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
CHUNK = 65_536
Handler = Callable[[Call], Awaitable[Answer]]


def no_such_key(key: str) -> AwsError:
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, members={"Key": key})


class FakeS3:
    """Objects by bucket and key, and the calls that were made, with the params as the handlers were given them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.calls: list[Call] = []
        self.trailers: dict[str, str] = {}
        self.failure: AwsError | None = None
        self.before_answer: Callable[[], Awaitable[None]] | None = None
        self.instead: dict[str, Callable[[FakeS3, Call], Awaitable[Answer]]] = {}

    @property
    def last(self) -> Call:
        return self.calls[-1]

    async def put_object(self, call: Call) -> Answer:
        params = call.params
        kept = []
        body = params["Body"]
        async for chunk in body:
            kept.append(bytes(chunk))
        self.trailers = dict(body.trailers)
        self.objects[params["Bucket"], params["Key"]] = b"".join(kept)
        return {"ETag": '"etag"', "ServerSideEncryption": "AES256"}

    async def get_object(self, call: Call) -> Answer:
        params = call.params
        found = self.objects.get((params["Bucket"], params["Key"]))
        if found is None:
            raise no_such_key(params["Key"])
        answer = {"ETag": '"etag"', "LastModified": MODIFIED, "ContentType": "binary/octet-stream"}
        if "Range" in params:
            first, last = (int(part) for part in params["Range"].removeprefix("bytes=").split("-"))
            answer["ContentRange"] = f"bytes {first}-{last}/{len(found)}"
            found = found[first : last + 1]
        return {**answer, "ContentLength": len(found), "Body": chunks_of(found)}

    async def create_bucket(self, call: Call) -> Answer:
        return {"Location": f"/{call.params['Bucket']}"}

    async def list_objects(self, call: Call) -> Answer:
        bucket, prefix = call.params["Bucket"], call.params.get("Prefix", "")
        names = sorted(key for name, key in self.objects if name == bucket and key.startswith(prefix))
        listed = [
            {"Key": key, "LastModified": MODIFIED, "ETag": '"etag"', "Size": len(self.objects[bucket, key])}
            for key in names
        ]
        return {
            "Name": bucket,
            "Prefix": prefix,
            "KeyCount": len(listed),
            "MaxKeys": call.params.get("MaxKeys", 1000),
            "IsTruncated": False,
            "Contents": listed,
            "EncodingType": call.params.get("EncodingType"),
        }

    async def delete_objects(self, call: Call) -> Answer:
        return {"Deleted": [{"Key": each["Key"]} for each in call.params["Delete"]["Objects"]]}

    async def complete_upload(self, call: Call) -> Answer:
        params = call.params
        return {"Bucket": params["Bucket"], "Key": params["Key"], "ETag": '"etag-2"', "VersionId": "v1"}

    async def nothing(self, call: Call) -> Answer:
        return {}

    async def options(self, call: Call) -> Answer:
        return await self.allowed(call.house, call.params)

    async def allowed(self, house: House, params: Mapping[str, Any]) -> Answer:
        if params["Origin"] != "https://allowed.test":
            raise AwsError("AccessForbidden", "CORSResponse: This CORS request is not allowed.", 403)
        return {"AllowOrigin": params["Origin"], "AllowMethods": "GET, PUT", "MaxAgeSeconds": 60, "Vary": "Origin"}


HANDLERS: Mapping[str, Callable[[FakeS3, Call], Awaitable[Answer]]] = {
    "PutObject": FakeS3.put_object,
    "UploadPart": FakeS3.put_object,
    "PostObject": FakeS3.put_object,
    "GetObject": FakeS3.get_object,
    "HeadObject": FakeS3.get_object,
    "CreateBucket": FakeS3.create_bucket,
    "HeadBucket": FakeS3.nothing,
    "ListObjectsV2": FakeS3.list_objects,
    "DeleteObjects": FakeS3.delete_objects,
    "CompleteMultipartUpload": FakeS3.complete_upload,
    "PutBucketTagging": FakeS3.nothing,
    "PutBucketPolicy": FakeS3.nothing,
    "OptionsObject": FakeS3.options,
}


async def chunks_of(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]


def serve_fake_s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """Put the fake in the place of S3 until the test ends."""
    fake = FakeS3()
    service = Service("s3", "s3.amazonaws.com")
    monkeypatch.setitem(registry.SERVICES, "s3", service)
    monkeypatch.setitem(registry.SERVICES, "s3control", Service("s3control", "s3.amazonaws.com"))
    for key in [key for key in registry.OPERATIONS if key[0] in {"s3", "s3control"}]:
        monkeypatch.delitem(registry.OPERATIONS, key)
    for name, method in HANDLERS.items():
        handler = _handler(fake, method)
        monkeypatch.setitem(
            registry.OPERATIONS, ("s3", name), Operation(service, name, no_permission, handler, None, reads_only=True)
        )
    monkeypatch.setitem(cross_origin.CROSS_ORIGIN, "s3", fake.allowed)
    return fake


def _handler(fake: FakeS3, method: Callable[[FakeS3, Call], Awaitable[Answer]]) -> Handler:
    async def handler(call: Call) -> Answer:
        fake.calls.append(call)
        if fake.failure is not None:
            raise fake.failure
        answer = await fake.instead.get(call.operation.name, method)(fake, call)
        if fake.before_answer is not None:
            await fake.before_answer()
        return answer

    return handler
