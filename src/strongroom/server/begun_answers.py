"""Answers whose body is made while it is sent: their first bytes are made before anything is promised."""

from collections.abc import AsyncIterator

from strongroom.wire.http import HttpResponse

_LENGTH = b"content-length"


async def begun(response: HttpResponse) -> HttpResponse:
    """Return an answer whose first bytes are there, and which is in one piece if these are all of it.

    What fails before the first bytes raises here, where it can still be told as an error. What is answered in one piece
    has come to its end, so that all of it is proved.
    """
    body = response.body
    if isinstance(body, bytes):
        return response
    first = await anext(body, b"")
    if any(name.lower() == _LENGTH and int(value) == len(first) for name, value in response.headers):
        if await anext(body, None) is not None:
            raise ValueError("the answer is longer than it says")
        headers = [(name, value) for name, value in response.headers if name.lower() != _LENGTH]
        return HttpResponse(response.status, headers, bytes(first))
    return HttpResponse(response.status, response.headers, _continued(first, body))


async def _continued(first: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        if first:
            yield first
        async for chunk in body:
            yield chunk
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
