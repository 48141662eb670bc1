"""The floor for objects: takes a body in and throws it away, or serves one from memory, as it is, unencrypted."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

CHUNK = bytes(64 * 1024)


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer GET /SIZE with that many bytes, and everything else with none. Source: the ASGI specification."""
    while (await receive()).get("more_body"):
        pass
    size = int(scope["path"].rpartition("/")[2] or 0) if scope["method"] == "GET" else 0
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    while size > len(CHUNK):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        size -= len(CHUNK)
    await send({"type": "http.response.body", "body": CHUNK[:size]})
