"""Event streams: messages, one after the other, in the body of an answer that goes on for as long as there is news.

    total length (4) | length of headers (4) | CRC-32 of these (4) || headers || payload || CRC-32 of all before (4)

A header is the length of its name (1), the name, the type of its value (1; 7 is text), the value's length (2) and the
value. Numbers are big-endian.

Source: Smithy specification, "Amazon Event Stream Specification".
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from isal import isal_zlib

from strongroom.base.errors import AwsError
from strongroom.model.shapes import Shape
from strongroom.wire.json_values import Convert, compile_writer

CONTENT_TYPE = b"application/vnd.amazon.eventstream"
PRELUDE_BYTES, CRC_BYTES = 8, 4
HEADERS_BYTES_MAX = 128 * 1024
PAYLOAD_BYTES_MAX = 24 * 1024 * 1024

_TEXT = 7
_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message. Raises ValueError for more than the format allows."""
    packed = b"".join(map(_header, headers.items()))
    if len(packed) > HEADERS_BYTES_MAX or len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError("the message is too long for an event stream")
    total = PRELUDE_BYTES + CRC_BYTES + len(packed) + len(payload) + CRC_BYTES
    prelude = total.to_bytes(4) + len(packed).to_bytes(4)
    body = prelude + _crc(prelude) + packed + payload
    return body + _crc(body)


def _crc(content: bytes) -> bytes:
    return isal_zlib.crc32(content).to_bytes(CRC_BYTES)


def _header(header: tuple[str, str]) -> bytes:
    name, value = (text.encode() for text in header)
    return bytes((len(name),)) + name + bytes((_TEXT,)) + len(value).to_bytes(2) + value


class EventStreamWriter:
    """Writes the events of one shape as JSON. An event is a dict of one member: its kind, and what it holds."""

    def __init__(self, shape: Shape) -> None:
        self._kinds: dict[str, tuple[bool, Convert]] = {
            name: (reference.target.exception, compile_writer(reference.target))
            for name, reference in shape.members.items()
        }

    def initial(self, answer: Mapping[str, Any]) -> bytes:
        """Return the first message: the members of the answer that are no events."""
        return message(_event_headers("initial-response"), _encode(answer))

    def event(self, event: Mapping[str, Any]) -> bytes:
        """Return the message of an event. Raises LookupError for one that the model does not know."""
        (kind, value), *others = event.items()
        if others:
            raise ValueError("an event has one member")
        is_exception, write = self._kinds[kind]
        headers = _event_headers(kind)
        if is_exception:
            headers = {":message-type": "exception", ":exception-type": kind, ":content-type": _JSON}
        return message(headers, _encode(write(value)))

    def error(self, error: AwsError) -> bytes:
        """Return the message of an error: as an exception where the stream has one of that name."""
        if error.code in self._kinds:
            return self.event({error.code: {"message": error.message}})
        return message({":message-type": "error", ":error-code": error.code, ":error-message": error.message}, b"")

    async def body(self, events: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
        """Yield the body of an answer. What the events raise ends it: an AwsError is told before that."""
        yield self.initial({})
        try:
            async for event in events:
                yield self.event(event)
        except AwsError as error:
            yield self.error(error)
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()


def _event_headers(kind: str) -> dict[str, str]:
    return {":message-type": "event", ":event-type": kind, ":content-type": _JSON}
