"""Batches of events as bytes: MessagePack of times and messages, compressed, then sealed under a data key.

Messages are next to each other as UTF-8 in what is compressed, so that a text which must be in every match can be
looked for before anything is decoded.
"""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from isal import isal_zlib

from strongroom.services.logs.events.data_keys import DataKey
from strongroom.services.logs.events.tables import BATCH_PLACE

# ISA-L writes the format of zlib, about four times as fast.
_COMPRESSION_LEVEL = 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[str]]).decode

BYTES_PER_EVENT = 26
"""What each event counts for beside its message. Source: API Reference, PutLogEvents."""

_TIME_SHIFT, _NUMBER_SHIFT = 145, 32
_NUMBER_MASK, _INDEX_MASK = (1 << (_TIME_SHIFT - _NUMBER_SHIFT)) - 1, (1 << _NUMBER_SHIFT) - 1
ID_DIGITS = 56


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `id` orders events by time, then by the batch that they came in; times are milliseconds."""

    id: int
    timestamp: int
    ingested_at: int
    stream: str
    message: str

    @property
    def id_text(self) -> str:
        """The id as AWS shows it: 56 digits."""
        return f"{self.id:0{ID_DIGITS}d}"


class EventPlace(NamedTuple):
    """Where an event is: its time in milliseconds, the number of its batch, and its position there."""

    timestamp: int
    number: int
    position: int


def event_id(timestamp: int, number: int, index: int) -> int:
    """Return the id of an event."""
    return timestamp << _TIME_SHIFT | number << _NUMBER_SHIFT | index


def place_of_id(identifier: int) -> EventPlace:
    """Return where the event with an id is."""
    number = identifier >> _NUMBER_SHIFT & _NUMBER_MASK
    return EventPlace(identifier >> _TIME_SHIFT, number, identifier & _INDEX_MASK)


class Incoming(NamedTuple):
    """Events on their way in, in the order of their times. `size` is what AWS counts them as, in bytes."""

    timestamps: Sequence[int]
    messages: Sequence[str]
    size: int


def sealed_batch(
    key: DataKey, group_number: int, stream_number: int, ingested_at: int, incoming: Incoming
) -> dict[str, Any]:
    """Return the row of a batch."""
    values: dict[str, Any] = {
        "batch": uuid.uuid4().hex,
        "group_number": group_number,
        "stream_number": stream_number,
        "first_at": incoming.timestamps[0],
        "last_at": incoming.timestamps[-1],
        "ingested_at": ingested_at,
        "events": len(incoming.timestamps),
        "bytes": incoming.size,
        "data_key_id": key.id,
    }
    packed = isal_zlib.compress(_encode((incoming.timestamps, incoming.messages)), _COMPRESSION_LEVEL)
    values["content"] = key.seal(packed, BATCH_PLACE.format(**values))
    return values


def opened_batch(key: DataKey, row: Any) -> bytes:
    """Return the content of a batch, not yet decoded. Raises SealBroken when it was changed behind our back."""
    opened: bytes = isal_zlib.decompress(key.open(row["content"], BATCH_PLACE.format(**row)))
    return opened


def decoded(content: bytes) -> tuple[list[int], list[str]]:
    """Return the times (milliseconds) and the messages of an opened batch."""
    return _decode(content)
