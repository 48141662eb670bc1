"""Single records: what a pointer in the results of a query leads to, and which fields the events of a group have.

Source: Amazon CloudWatch Logs API Reference, GetLogRecord, GetLogGroupFields; User Guide, "Supported logs and
discovered fields".
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import existing_group, of_group, on_group, with_unmask
from strongroom.services.logs.events.batches import decoded, opened_batch, place_of_id
from strongroom.services.logs.events.data_keys import DataKeys
from strongroom.services.logs.events.reading import Search, search_page
from strongroom.services.logs.events.tables import select_batch
from strongroom.services.logs.groups.directory import GroupDirectory, Place
from strongroom.services.logs.insights.json_fields import document_of
from strongroom.services.logs.insights.lambda_fields import lambda_fields_of
from strongroom.services.logs.insights.values import as_text
from strongroom.services.logs.service import LOGS

FIELDS_MAX = 1_000
RECORDS_LOOKED_AT = 10_000
_POINTER = "LogRecord"


def pointer_to(place: Place, identifier: int) -> str:
    """Return what `@ptr` says of an event: where it is."""
    return position_text(_POINTER, json.dumps([place.account_id, place.name, str(identifier)], separators=(",", ":")))


def _place_of_pointer(call: Call, pointer: str) -> tuple[Place, int]:
    try:
        account_id, name, identifier = json.loads(position_of(_POINTER, pointer))
        if not (isinstance(account_id, str) and isinstance(name, str) and identifier.isdecimal()):
            raise ValueError
        if len(identifier) > 60 or "\0" in account_id + name:
            raise ValueError
        return Place(account_id, call.region, name), int(identifier)
    except (ValueError, TypeError, AttributeError):
        raise errors.invalid_parameter("The specified logRecordPointer is invalid.") from None


async def _of_pointer(call: Call) -> Sequence[Requirement]:
    place, _ = _place_of_pointer(call, call.params["logRecordPointer"])
    call.target = await call.house.part(GroupDirectory).find(place)
    return [await on_group(call, place, each, group=call.target) for each in with_unmask(call, "logs:GetLogRecord")]


@operation(LOGS, "GetLogRecord", needs=_of_pointer, reads_only=True)
async def get_log_record(call: Call) -> Answer:
    """Return all fields of one event. Source: API Reference, GetLogRecord."""
    group = existing_group(call)
    place, identifier = _place_of_pointer(call, call.params["logRecordPointer"])
    event = place_of_id(identifier)
    missing = errors.not_found("The specified log record does not exist.")
    if event.number >= 1 << 63 or event.timestamp < group.oldest_kept(call.now):
        raise missing
    row = await call.read(lambda connection: select_batch(connection, group.number, event.number))
    if row is None:
        raise missing
    keys = await call.house.part(DataKeys).for_opening(group, [row.data_key_id], call.origin)
    timestamps, messages = decoded(opened_batch(keys[row.data_key_id], row._mapping))
    if event.position >= len(timestamps) or timestamps[event.position] != event.timestamp:
        raise missing
    message = messages[event.position]
    record = {
        "@ptr": call.params["logRecordPointer"],
        "@timestamp": str(event.timestamp),
        "@ingestionTime": str(row.ingested_at),
        "@message": message,
        "@logStream": row.name,
        "@log": f"{place.account_id}:{place.name}",
    }
    return {"logRecord": {**_fields_of(message), **record}}


def _fields_of(message: str) -> Mapping[str, str]:
    """Return the fields of a message by their names as queries have them, at most `FIELDS_MAX`."""
    found: dict[str, str] = {}
    for name, value in lambda_fields_of(message).items():
        text = as_text(value)
        if text is not None:
            found[name] = text
    document = document_of(message)
    if document is not None:
        _flatten(document, "", found)
    return found


def _flatten(value: Any, name: str, found: dict[str, str]) -> None:
    if len(found) >= FIELDS_MAX:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}" if name else (f"@{key}" if key.startswith("@") else key), found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _flatten(inner, f"{name}.{index}", found)
    elif value is not None:
        text = as_text(value)
        if text is not None:
            found[name] = text


@operation(LOGS, "GetLogGroupFields", needs=of_group("logs:GetLogGroupFields"), reads_only=True)
async def get_log_group_fields(call: Call) -> Answer:
    """Tell which fields events of a log group have, and how many of them. Source: API Reference, GetLogGroupFields."""
    group, at = existing_group(call), call.params.get("time")
    now = int(call.now * 1000)
    first, last = (now - 15 * 60_000, now) if at is None else ((at - 8 * 60) * 1000, (at + 8 * 60) * 1000)
    search = Search(group, max(0, first), max(0, last), descending=True)
    page = await search_page(call.house, search, call.origin, limit=RECORDS_LOOKED_AT)
    counts: Counter[str] = Counter()
    for event in page.events:
        counts.update(
            set(_fields_of(event.message)) | {"@timestamp", "@ingestionTime", "@message", "@logStream", "@log"}
        )
    fields: list[dict[str, Any]] = [
        {"name": name, "percent": round(100 * count / len(page.events))} for name, count in counts.items()
    ]
    fields.sort(key=lambda each: (-each["percent"], each["name"]))
    return {"logGroupFields": fields[:FIELDS_MAX]}
