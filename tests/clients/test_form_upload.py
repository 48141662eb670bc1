"""A browser's upload: a form of plain HTTP, made of what boto3 signs, and answered as the form asks."""

import secrets
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.config import Config
from tests.running_server import RunningServer


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirection to whoever asked."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(server: RunningServer, url: str, fields: dict[str, str], file: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send a form as a browser does; return status, headers and body."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    disposition = 'Content-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg'
    body = (
        b"".join(parts) + f"--{boundary}\r\n{disposition}\r\n\r\n".encode() + file + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": "https://page.test"}
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, body, headers)) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, {name.lower(): value for name, value in refusal.headers.items()}, refusal.read()


@pytest.fixture(scope="module")
def s3(server: RunningServer) -> Any:
    client = server.client("s3", config=Config(signature_version="s3v4"))
    client.create_bucket(Bucket="forms")
    rule = {"AllowedMethods": ["POST"], "AllowedOrigins": ["https://page.test"], "ExposeHeaders": ["ETag"]}
    client.put_bucket_cors(Bucket="forms", CORSConfiguration={"CORSRules": [rule]})
    return client


def signed(s3: Any, fields: dict[str, str], *conditions: Any) -> tuple[str, dict[str, str]]:
    form = s3.generate_presigned_post(
        "forms",
        "uploads/${filename}",
        Fields=fields,
        Conditions=[*conditions, *({name: value} for name, value in fields.items())],
    )
    return form["url"], form["fields"]


def test_an_upload_is_there_and_the_page_may_know(server: RunningServer, s3: Any) -> None:
    file = secrets.token_bytes(200_000)
    url, fields = signed(s3, {"success_action_status": "201", "Content-Type": "image/png"})
    status, headers, body = post(server, url, fields, file)
    assert (status, headers.get("access-control-allow-origin")) == (201, "https://page.test"), body
    assert b"<Key>uploads/photo.jpg</Key>" in body
    found = s3.get_object(Bucket="forms", Key="uploads/photo.jpg")
    assert (found["Body"].read() == file, found["ContentType"]) == (True, "image/png")
    assert found["ETag"] == headers["etag"]


def test_a_redirection(server: RunningServer, s3: Any) -> None:
    url, fields = signed(s3, {"success_action_redirect": "https://page.test/done"})
    status, headers, body = post(server, url, fields, b"small")
    assert status == 303, body
    assert parse_qs(urlsplit(headers["location"]).query)["key"] == ["uploads/photo.jpg"]


def test_more_than_the_policy_allows_is_refused_and_not_kept(server: RunningServer, s3: Any) -> None:
    s3.delete_object(Bucket="forms", Key="uploads/photo.jpg")
    url, fields = signed(s3, {}, ["content-length-range", 1, 1000])
    status, _, body = post(server, url, fields, bytes(100_000))
    assert (status, b"<Code>EntityTooLarge</Code>" in body) == (400, True), body
    assert s3.list_objects_v2(Bucket="forms")["KeyCount"] == 0
