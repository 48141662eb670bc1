"""The floor: the least that any application on this server can cost. It reads the request and answers a constant."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

# As long as an Encrypt answer of Strongroom's to the requests of this benchmark, give or take some tens of bytes.
BODY = (
    b'{"CiphertextBlob":"' + b"A" * 196 + b'","KeyId":"' + b"A" * 75 + b'","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}'
)

HEADERS = [
    (b"content-type", b"application/x-amz-json-1.1"),
    (b"content-length", str(len(BODY)).encode()),
    (b"x-amzn-requestid", b"00000000-0000-0000-0000-000000000000"),
]


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer every HTTP request with the constant, after reading all its body. Source: the ASGI specification."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
