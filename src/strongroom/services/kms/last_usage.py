"""When each key was last used, and for what: noted in memory, written with the next group of audit records."""

from collections.abc import Callable

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import event_id_of
from strongroom.services.kms import tables
from strongroom.services.kms.access import control_of_key
from strongroom.services.kms.keys import Key, LastUsage
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection


class LastUsages:
    """The last successful cryptographic operation of each key that was used since the server started."""

    def __init__(self, house: House) -> None:
        self._last: dict[tuple[str, str], LastUsage] = {}
        self._unwritten: set[tuple[str, str]] = set()
        house.audit.write_along(self._collect)

    def note(self, call: Call, key: Key) -> None:
        """Note that the call's operation has just used `key`."""
        name = (key.region, key.key_id)
        origin = call.origin
        self._last[name] = LastUsage(origin.received_at, call.operation.name, origin.request_id)
        self._unwritten.add(name)

    def of(self, key: Key) -> LastUsage | None:
        """Return the last usage of `key`, or None when it was never used."""
        return self._last.get((key.region, key.key_id), key.last_usage)

    def _collect(self) -> Callable[[Connection], None] | None:
        if not self._unwritten:
            return None
        names, self._unwritten = self._unwritten, set()
        usages = [(name, self._last[name]) for name in names]

        def write(connection: Connection) -> None:
            for (region, key_id), usage in usages:
                tables.update_last_usage(connection, region, key_id, usage.at, usage.operation, usage.request_id)

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
    created = as_datetime(key.created_at)
    answer: Answer = {"KeyId": key.key_id, "TrackingStartDate": created, "KeyCreationDate": created}
    usage = call.house.part(LastUsages).of(key)
    if usage is not None:
        answer["KeyLastUsage"] = {
            "Operation": usage.operation,
            "Timestamp": as_datetime(usage.at),
            "CloudTrailEventId": event_id_of(usage.request_id),
            "KmsRequestId": usage.request_id,
        }
    return answer
