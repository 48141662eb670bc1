"""Log streams: making, deleting and listing them. Source: Amazon CloudWatch Logs API Reference."""

from collections.abc import Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import existing_group, of_group, of_stream
from strongroom.services.logs.events.tables import insert_removed
from strongroom.services.logs.paging import Page
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

LAST_EVENT_TIME = "LastEventTime"


@operation(LOGS, "CreateLogStream", needs=of_stream("logs:CreateLogStream"))
async def create_log_stream(call: Call) -> Answer:
    """Make a log stream. Source: API Reference, CreateLogStream."""
    group, name = existing_group(call), call.params["logStreamName"]
    if "\0" in name:
        raise errors.invalid_parameter("The name of a log stream must not contain the null character.")
    values = {"group_number": group.number, "name": name, "created_at": int(call.now * 1000), "bytes": 0}

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *group.place)
        if row is None or row.number != group.number:
            raise errors.no_such_group()
        if tables.insert_ignoring(connection, tables.STREAMS, values) is None:
            raise errors.stream_exists()
        return {}

    return await call.write(write)


@operation(LOGS, "DeleteLogStream", needs=of_stream("logs:DeleteLogStream"))
async def delete_log_stream(call: Call) -> Answer:
    """Delete a log stream with its events. Source: API Reference, DeleteLogStream."""
    group, name = existing_group(call), call.params["logStreamName"]
    if "\0" in name:
        raise errors.no_such_stream()

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *group.place)
        if row is not None and row.is_protected:
            raise errors.validation(
                "The specified log stream cannot be deleted because deletion protection is enabled on its log group."
            )
        stream = tables.select_stream(connection, group.number, name)
        if stream is None:
            raise errors.no_such_stream()
        insert_removed(connection, stream_number=stream.number)
        tables.delete_stream(connection, stream.number)
        return {}

    return await call.write(write, invalidates=(group.place.cache_name,))


@operation(LOGS, "DescribeLogStreams", needs=of_group("logs:DescribeLogStreams"), reads_only=True)
async def describe_log_streams(call: Call) -> Answer:
    """List log streams by name or by their last event. Source: API Reference, DescribeLogStreams."""
    group, params, page = existing_group(call), call.params, Page(call)
    prefix, descending = params.get("logStreamNamePrefix"), bool(params.get("descending"))
    by_time = params.get("orderBy") == LAST_EVENT_TIME
    if by_time and prefix is not None:
        raise errors.invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    if prefix is not None and "\0" in prefix:
        return {"logStreams": []}
    after = _place_after(page) if by_time else (None if page.after is None else page.text_after())

    def read(connection: Connection) -> Sequence[Any]:
        if isinstance(after, str):
            return tables.list_streams(
                connection, group.number, page.limit + 1, prefix=prefix or "", after=after, descending=descending
            )
        if by_time:
            return tables.list_streams_by_time(
                connection, group.number, page.limit + 1, after=after, descending=descending
            )
        return tables.list_streams(connection, group.number, page.limit + 1, prefix=prefix or "", descending=descending)

    def show(row: Any) -> dict[str, Any]:
        shown = {
            "logStreamName": row.name,
            "creationTime": row.created_at,
            "firstEventTimestamp": row.first_at,
            "lastEventTimestamp": row.last_at,
            "lastIngestionTime": row.ingested_at,
            "uploadSequenceToken": None,
            "arn": f"{group.arn}:log-stream:{row.name}",
            # AWS tells the size of a single stream no more. Source: API Reference, LogStream.
            "storedBytes": 0,
        }
        return {name: value for name, value in shown.items() if value is not None}

    def position(row: Any) -> Any:
        return [row.last_at or 0, row.number] if by_time else row.name

    return page.answer("logStreams", await call.read(read), show, position)


def _place_after(page: Page) -> tuple[int, int] | None:
    if page.after is None:
        return None
    if not isinstance(page.after, list) or len(page.after) != 2:
        raise errors.invalid_token()
    at, number = page.after
    if type(at) is not int or type(number) is not int or not 0 <= at < 1 << 63 or not 0 <= number < 1 << 63:
        raise errors.invalid_token()
    return at, number
