"""Export tasks: asking for one, looking after it, calling it off.

Source: Amazon CloudWatch Logs API Reference, CreateExportTask; User Guide, "Export log data to Amazon S3".
"""

import uuid
from collections.abc import Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import account_wide, existing_group, of_group
from strongroom.services.logs.exports import tables
from strongroom.services.logs.exports.bucket import test_object, write_test_object
from strongroom.services.logs.paging import Page
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

DEFAULT_PREFIX = "exportedlogs"
KEY_BYTES_MAX = 1_024


@operation(LOGS, "CreateExportTask", needs=of_group("logs:CreateExportTask"))
async def create_export_task(call: Call) -> Answer:
    """Begin an export, once CloudWatch Logs was seen to be let into the bucket. Source: CreateExportTask."""
    group, params = existing_group(call), call.params
    if params["to"] <= params["from"]:
        raise errors.invalid_parameter("The specified time range is not valid: 'to' must be after 'from'.")
    if params["to"] < group.created_at:
        raise errors.invalid_parameter("The specified time range ends before the log group was created.")
    prefix = params.get("destinationPrefix") or DEFAULT_PREFIX
    if len(prefix.encode()) > KEY_BYTES_MAX - 600 or "\0" in prefix + (params.get("logStreamNamePrefix") or ""):
        raise errors.invalid_parameter("The specified destinationPrefix is not valid.")
    if "\0" in params["destination"] + (params.get("taskName") or ""):
        raise errors.invalid_parameter("The null character is not allowed.")
    if await call.read(lambda connection: tables.count_active(connection, call.account_id, call.region)):
        raise errors.limit_exceeded()
    try:
        await write_test_object(call.house, group.place, params["destination"], prefix, call.origin)
        # Whoever asks has to be allowed to write there too. Source: API Reference, CreateExportTask.
        await call.invoke("s3", "PutObject", test_object(params["destination"], prefix))
    except AwsError as refusal:
        raise _of_bucket(refusal, call.region) from None
    values: dict[str, Any] = {
        "task_id": str(uuid.uuid4()),
        "account_id": call.account_id,
        "region": call.region,
        "created_at": int(call.now * 1000),
        "status": "PENDING",
        "message": "",
        "group_name": group.place.name,
        "details": {
            "taskName": params.get("taskName"),
            "from": params["from"],
            "to": params["to"],
            "destination": params["destination"],
            "destinationPrefix": prefix,
            "streamPrefix": params.get("logStreamNamePrefix") or "",
        },
    }

    def write(connection: Connection) -> Answer:
        if tables.count_active(connection, call.account_id, call.region):
            raise errors.limit_exceeded()
        tables.insert_export(connection, values)
        return {"taskId": values["task_id"]}

    return await call.write(write)


def _of_bucket(refusal: AwsError, region: str) -> AwsError:
    """Return what CloudWatch Logs answers when S3 refuses it the bucket."""
    if refusal.status >= 500:
        return refusal
    if refusal.code == "NoSuchBucket":
        return errors.invalid_parameter("The given bucket does not exist. Please make sure the bucket is correct.")
    if refusal.code in ("AccessDenied", "AccessDeniedException"):
        return errors.invalid_parameter(
            "Access Denied. Please check if CloudWatch Logs has been granted permission to perform this operation."
        )
    return errors.invalid_parameter(f"S3 refused the bucket in {region}: {refusal.code}")


def _shown(row: Any) -> dict[str, Any]:
    details = {name: value for name, value in row.details.items() if value is not None and name != "streamPrefix"}
    execution = {"creationTime": row.created_at}
    if row.completed_at is not None:
        execution["completionTime"] = row.completed_at
    status = {"code": row.status} | ({"message": row.message} if row.message else {})
    return {
        "taskId": row.task_id,
        "logGroupName": row.group_name,
        "status": status,
        "executionInfo": execution,
        **details,
    }


@operation(LOGS, "DescribeExportTasks", needs=account_wide("logs:DescribeExportTasks"), reads_only=True)
async def describe_export_tasks(call: Call) -> Answer:
    """List export tasks, the newest first. Source: API Reference, DescribeExportTasks."""
    params, page = call.params, Page(call)
    before, task_id = _place_before(page), params.get("taskId")
    if task_id is not None and "\0" in task_id:
        return {"exportTasks": []}

    def read(connection: Connection) -> Sequence[Any]:
        return tables.list_exports(
            connection,
            call.account_id,
            call.region,
            before,
            page.limit + 1,
            task_id=task_id,
            status=params.get("statusCode"),
        )

    return page.answer("exportTasks", await call.read(read), _shown, lambda row: [row.created_at, row.task_id])


def _place_before(page: Page) -> tuple[int, str] | None:
    if page.after is None:
        return None
    if not isinstance(page.after, list) or len(page.after) != 2:
        raise errors.invalid_token()
    at, task_id = page.after
    if type(at) is not int or not 0 <= at < 1 << 63 or not isinstance(task_id, str) or "\0" in task_id:
        raise errors.invalid_token()
    return at, task_id


@operation(LOGS, "CancelExportTask", needs=account_wide("logs:CancelExportTask"))
async def cancel_export_task(call: Call) -> Answer:
    """Call an export off that has not ended. Source: API Reference, CancelExportTask."""
    task_id: str = call.params["taskId"]

    def write(connection: Connection) -> Answer:
        row = None if "\0" in task_id else tables.select_export(connection, call.account_id, call.region, task_id)
        if row is None:
            raise errors.not_found("The specified export task does not exist.")
        # One that has begun is told to end; the others never begin.
        status = "PENDING_CANCEL" if row.status == "RUNNING" else "CANCELLED"
        values = {"status": status} | ({"completed_at": int(call.now * 1000)} if status == "CANCELLED" else {})
        if not tables.update_export(connection, task_id, ("PENDING", "RUNNING"), values):
            raise errors.invalid_operation("The specified export task has already finished.")
        return {}

    return await call.write(write)
