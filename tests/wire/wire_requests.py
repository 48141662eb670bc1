"""Requests for the tests of the wire, signed by botocore."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.wire.http import HttpRequest

ORIGIN = Origin("0192e4c2-0000-7000-8000-000000000000", 0.0, "192.0.2.1", True)
NOW = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "a/session+token=="


class Credential(NamedTuple):
    """What the house knows of an access key, to the full verification and to the short one."""

    access_key_id: str
    secret_access_key: str
    principal: Any
    is_expired: bool = False
    session_token: str = ""
    expires_at: float = float("inf")


CREDENTIAL = Credential(ACCESS_KEY_ID, SECRET, "the principal")
Headers = Iterable[tuple[str, str]]


def lookup(access_key_id: str, session_token: str | None) -> Credential | None:
    """Know one access key, without and with a session token."""
    if access_key_id != ACCESS_KEY_ID or session_token not in {None, TOKEN}:
        return None
    return CREDENTIAL


def http_request(request: AWSRequest, method: str | None = None) -> HttpRequest:
    """Return a prepared botocore request as the server would see it."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = [(name.lower().encode(), as_bytes(value)) for name, value in prepared.headers.items()]
    if not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"host", parts.netloc.encode()))
    body = as_bytes(prepared.body or b"")
    return HttpRequest(
        method or prepared.method, parts.path.encode() or b"/", parts.query.encode(), headers, ORIGIN, body
    )


def as_bytes(value: Any) -> bytes:
    """Return text or bytes as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


def signed(
    method: str = "POST",
    url: str = "http://localhost:4566/",
    body: bytes = b"{}",
    headers: Headers = (("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "TrentService.ListKeys")),
    *,
    service: str = "kms",
    region: str = "eu-central-1",
    token: str | None = None,
    secret: str = SECRET,
    presigned_seconds: int | None = None,
    signer: Any = None,
    now: datetime = NOW,
) -> HttpRequest:
    """Return a request signed by botocore in the Authorization header, or presigned for so many seconds."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    credentials = Credentials(ACCESS_KEY_ID, secret, token)
    with patch.object(auth, "get_current_datetime", lambda *_, **__: now.replace(tzinfo=None)):
        if presigned_seconds is None:
            (signer or auth.SigV4Auth)(credentials, service, region).add_auth(request)
        else:
            auth.SigV4QueryAuth(credentials, service, region, expires=presigned_seconds).add_auth(request)
    return http_request(request)


def code_of(action: Callable[[], object]) -> str | None:
    """Return the code of the AwsError that `action` raises, or None when it raises nothing. Lets all else through."""
    try:
        action()
    except AwsError as error:
        return error.code
    return None


async def whole(request: HttpRequest) -> bytes:
    """Return the body of a request."""
    return await request.body.read(1 << 20)


def body_of(request: HttpRequest) -> bytes:
    """Return the body of a request that was given as bytes."""
    coroutine = whole(request)
    try:
        coroutine.send(None)
    except StopIteration as done:
        return bytes(done.value)
    raise AssertionError("the body is not there yet")
