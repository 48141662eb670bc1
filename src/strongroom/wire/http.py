"""A request and an answer, as bytes, whatever server received them."""

from collections.abc import AsyncIterator

from strongroom.base.buffer import Buffer
from strongroom.base.context import Origin
from strongroom.base.errors import AwsError

Headers = list[tuple[bytes, bytes]]


class Body:
    """The body of a request, read once: whole, with a limit, or in chunks (`async for chunk in body`)."""

    __slots__ = ("_chunks", "_whole")

    def __init__(self, source: bytes | AsyncIterator[Buffer] = b"") -> None:
        self._whole: bytes | None
        self._chunks: AsyncIterator[Buffer] | None
        if isinstance(source, bytes):
            self._whole, self._chunks = source, None
        else:
            self._whole, self._chunks = None, source

    async def read(self, body_bytes_max: int) -> bytes:
        """Return the whole body. Raises AwsError (`RequestEntityTooLargeException`, 413) for more than the limit.

        What was read is kept, so that reading again gives the same bytes.
        """
        if self._whole is None:
            chunks = []
            received = 0
            async for chunk in self._rest():
                received += len(chunk)
                if received > body_bytes_max:
                    raise _too_large(body_bytes_max)
                chunks.append(chunk)
            self._whole = b"".join(chunks)
        elif len(self._whole) > body_bytes_max:
            raise _too_large(body_bytes_max)
        return self._whole

    async def __aiter__(self) -> AsyncIterator[Buffer]:
        if self._whole is not None:
            yield self._whole
            return
        async for chunk in self._rest():
            yield chunk

    async def _rest(self) -> AsyncIterator[Buffer]:
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise ValueError("the body was read already")
        async for chunk in chunks:
            yield chunk


def _too_large(body_bytes_max: int) -> AwsError:
    return AwsError("RequestEntityTooLargeException", f"The request body is larger than {body_bytes_max} bytes.", 413)


class HttpRequest:
    """One request. `raw_path` is the path as sent, still percent-encoded; `query_string` what follows the `?`.

    `headers` are pairs in the order received; names are lower-case, and values hold no line break (the HTTP parser
    sees to both). `fields` is the same as a dict: the values of a repeated header are joined with commas, as RFC 9110
    section 5.3 says, so that a header which must be there once (Authorization, X-Amz-Target) is simply not valid when
    repeated.
    """

    __slots__ = ("_fields", "body", "headers", "method", "origin", "query_string", "raw_path")

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        query_string: bytes,
        headers: Headers,
        origin: Origin,
        body: Body | bytes = b"",
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query_string = query_string
        self.headers = headers
        self.origin = origin
        self.body = Body(body) if isinstance(body, bytes) else body
        self._fields: dict[bytes, bytes] | None = None

    @property
    def fields(self) -> dict[bytes, bytes]:
        """The headers by name."""
        fields = self._fields
        if fields is None:
            fields = dict(self.headers)
            if len(fields) != len(self.headers):
                fields = {}
                for name, value in self.headers:
                    fields[name] = fields[name] + b"," + value.strip() if name in fields else value.strip()
            self._fields = fields
        return fields

    def header(self, name: bytes) -> bytes | None:
        """Return a header's value by its lower-case name, or None."""
        return self.fields.get(name)


class HttpResponse:
    """One answer. The server adds Content-Length for a body of bytes, and Date."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes | AsyncIterator[bytes] = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
