"""When each key was last used, and for what: noted in memory, written with the next group of audit records."""

from collections.abc import Callable

from strongroom.base.clock import as_datetime
from strongroom.base.context import Origin
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import event_id_of
from strongroom.services.kms import errors, tables
from strongroom.services.kms.access import control_of_key
from strongroom.services.kms.keys import Key
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection


class LastUsages:
    """The last usage of each key that was used since the last group of audit records was written."""

    def __init__(self, house: House) -> None:
        self._unwritten: dict[Key, tuple[Origin, str, int]] = {}
        house.audit.write_along(self._collect)

    def note(self, call: Call, key: Key) -> None:
        """Note that the call's operation has just used `key`."""
        self._unwritten[key] = (call.origin, call.operation.name, call.number)

    def _collect(self) -> Callable[[Connection], None] | None:
        if not self._unwritten:
            return None
        usages, self._unwritten = self._unwritten, {}

        def write(connection: Connection) -> None:
            for key, (origin, name, number) in usages.items():
                at, request_id = origin.received_at, f"{origin.request_id}/{number}"
                tables.update_last_usage(connection, key.region, key.key_id, at, name, request_id)

        return write


@operation(
    KMS,
    "GetKeyLastUsage",
    needs=control_of_key("kms:GetKeyLastUsage"),
    quota=own_quota("GetKeyLastUsage"),
    reads_only=True,
)
async def get_key_last_usage(call: Call) -> Answer:
    """Tell when a key was last used successfully. Source: AWS KMS API Reference, GetKeyLastUsage."""
    key: Key = call.target
    # Another server may have used the key too: the database knows, once it has been told what this one noted.
    await call.house.audit.flush()
    row = await call.read(lambda connection: tables.select_key(connection, key.region, key.key_id))
    if row is None:
        raise errors.key_not_found(key.arn)
    created = as_datetime(key.created_at)
    usage: Answer = {}
    if row.last_used_at is not None:
        request_id, _, number = row.last_used_request_id.partition("/")
        operation_name: str = row.last_used_operation
        usage = {
            "Operation": operation_name,
            "Timestamp": as_datetime(row.last_used_at),
            "CloudTrailEventId": event_id_of(request_id, KMS.name, operation_name, int(number or 0)),
            "KmsRequestId": request_id,
        }
    return {"KeyId": key.key_id, "KeyLastUsage": usage, "TrackingStartDate": created, "KeyCreationDate": created}
