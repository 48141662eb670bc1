"""Event streams: botocore, which other clients are made after, reads what is written here."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer, EventStreamMessage

from strongroom.base.errors import AwsError
from strongroom.model.service import service_model
from strongroom.wire.event_stream import PAYLOAD_BYTES_MAX, EventStreamWriter, message

SHAPE = service_model("logs").shapes["StartLiveTailResponseStream"]
EVENT = {"logStreamName": "s", "message": "Straße\n", "timestamp": 1, "ingestionTime": 2}


def parsed(content: bytes) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    # Byte by byte, as a slow network may bring it.
    for index in range(len(content)):
        buffer.add_data(content[index : index + 1])
    return list(buffer)


def body_of(*events: dict[str, Any], error: Exception | None = None) -> bytes:
    async def given() -> AsyncIterator[dict[str, Any]]:
        for event in events:
            yield event
        if error is not None:
            raise error

    async def main() -> bytes:
        return b"".join([chunk async for chunk in EventStreamWriter(SHAPE).body(given())])

    return asyncio.run(main())


def test_events_are_read_as_they_were_written() -> None:
    update = {"sessionMetadata": {"sampled": True}, "sessionResults": [EVENT]}
    first, second = parsed(body_of({"sessionUpdate": update}))
    assert first.headers == {
        ":message-type": "event",
        ":event-type": "initial-response",
        ":content-type": "application/json",
    }
    assert first.payload == b"{}"
    assert second.headers[":event-type"] == "sessionUpdate"
    assert "Straße".encode() in second.payload


def test_what_goes_wrong_is_told_in_the_stream() -> None:
    known = AwsError("SessionStreamingException", "It broke.")
    _, told = parsed(body_of(error=known))
    assert (told.headers[":message-type"], told.headers[":exception-type"]) == ("exception", known.code)
    assert told.payload == b'{"message":"It broke."}'
    _, told = parsed(body_of(error=AwsError("AccessDeniedException", "No.")))
    assert told.headers == {":message-type": "error", ":error-code": "AccessDeniedException", ":error-message": "No."}
    with pytest.raises(RuntimeError):
        body_of(error=RuntimeError("unforeseen"))


def test_an_event_that_the_model_does_not_know_is_a_fault() -> None:
    with pytest.raises(KeyError):
        body_of({"somethingElse": {}})
    with pytest.raises(ValueError, match="one member"):
        body_of({"sessionUpdate": {}, "sessionStart": {}})
    with pytest.raises(ValueError, match="too long"):
        message({}, bytes(PAYLOAD_BYTES_MAX + 1))


def test_a_changed_byte_is_noticed() -> None:
    sent = bytearray(message({":message-type": "event"}, b"payload"))
    for position in (0, 9, 14, len(sent) - 6, len(sent) - 1):
        changed = bytearray(sent)
        changed[position] ^= 1
        with pytest.raises(Exception, match=r"Checksum|exceeded"):
            parsed(bytes(changed))
