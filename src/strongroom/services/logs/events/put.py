"""PutLogEvents: a batch of events comes in, is checked, sealed, and durable before it is acknowledged.

Source: Amazon CloudWatch Logs API Reference, PutLogEvents.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import existing_group, of_stream
from strongroom.services.logs.events.batches import BYTES_PER_EVENT, ID_DIGITS, Incoming, sealed_batch
from strongroom.services.logs.events.data_keys import DataKeys
from strongroom.services.logs.events.tables import SPAN_MS_MAX, insert_batch
from strongroom.services.logs.filters.tables import insert_deliveries
from strongroom.services.logs.groups.directory import Group, GroupDirectory
from strongroom.services.logs.service import LOGS
from strongroom.services.logs.tables import note_events
from strongroom.storage.connection import Connection

BATCH_BYTES_MAX = 1_048_576
BODY_BYTES_MAX = 8 * 1024 * 1024
"""As JSON a batch may be many times as long: each event has names, and a control character takes six bytes."""
SEALED_AT_ONCE_BYTES_MAX = 256 * 1024
TOO_OLD_MS = 14 * 24 * 60 * 60 * 1000
TOO_NEW_MS = 2 * 60 * 60 * 1000
DELIVERY_SECONDS_MAX = 24 * 60 * 60
"""For how long a subscription filter tries to deliver. Source: User Guide, "Log group-level subscription filters"."""

_timestamp, _message = itemgetter("timestamp"), itemgetter("message")


def incoming_events(events: Sequence[dict[str, Any]]) -> Incoming:
    """Return the events of a request. Raises InvalidParameterException for too many bytes, or for disorder."""
    timestamps, messages = list(map(_timestamp, events)), list(map(_message, events))
    size = len("".join(messages).encode()) + BYTES_PER_EVENT * len(events)
    if size > BATCH_BYTES_MAX:
        raise errors.invalid_parameter(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}")
    if timestamps != sorted(timestamps):
        raise errors.invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.")
    return Incoming(timestamps, messages, size)


def _accepted(group: Group, incoming: Incoming, now: float) -> tuple[Incoming, dict[str, int]]:
    """Return the events that are neither too old nor too new, and what the answer tells of the others.

    Raises InvalidParameterException when those that are accepted span more than a day.
    """
    timestamps, now_ms = incoming.timestamps, int(now * 1000)
    rejected: dict[str, int] = {}
    too_old = bisect_left(timestamps, now_ms - TOO_OLD_MS)
    expired = bisect_left(timestamps, group.oldest_kept(now))
    too_new = bisect_right(timestamps, now_ms + TOO_NEW_MS)
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    if too_new < len(timestamps):
        rejected["tooNewLogEventStartIndex"] = too_new
    if rejected:
        begin = max(too_old, expired)
        timestamps, messages = timestamps[begin:too_new], incoming.messages[begin:too_new]
        size = len("".join(messages).encode()) + BYTES_PER_EVENT * len(messages)
        incoming = Incoming(timestamps, messages, size)
    if timestamps and timestamps[-1] - timestamps[0] > SPAN_MS_MAX:
        raise errors.invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    return incoming, rejected


@operation(LOGS, "PutLogEvents", needs=of_stream("logs:PutLogEvents"), body_bytes_max=BODY_BYTES_MAX)
async def put_log_events(call: Call) -> Answer:
    """Append events to a log stream. Source: API Reference, PutLogEvents.

    Sequence tokens are given out and ignored, as AWS does; so is the entity that events may be associated with.
    """
    group, params = existing_group(call), call.params
    stream = await call.house.part(GroupDirectory).find_stream(group, params["logStreamName"])
    if stream is None:
        raise errors.no_such_stream()
    now = call.now
    incoming, rejected = _accepted(group, incoming_events(params["logEvents"]), now)
    answer: Answer = {"nextSequenceToken": f"{int(now * 1_000_000):0{ID_DIGITS}d}"}
    if rejected:
        answer["rejectedLogEventsInfo"] = rejected
    if not incoming.timestamps:
        return answer
    key = await call.house.part(DataKeys).for_sealing(group, call.origin)
    sealing = partial(sealed_batch, key, group.number, stream, int(now * 1000), incoming)
    # A large batch takes milliseconds, for which nobody else should have to wait.
    values = await asyncio.to_thread(sealing) if incoming.size > SEALED_AT_ONCE_BYTES_MAX else sealing()

    def write(connection: Connection) -> Answer:
        # The stream says whether it, and with it the group, is still there.
        if not note_events(
            connection, stream, values["first_at"], values["last_at"], values["ingested_at"], values["bytes"]
        ):
            raise errors.no_such_stream()
        number = insert_batch(connection, values)
        if group.subscriptions:
            until = now + DELIVERY_SECONDS_MAX
            insert_deliveries(connection, group.number, group.subscriptions, number, now, until)
        return answer

    return await call.write(write)
