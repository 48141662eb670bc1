"""When access keys and roles were last used: noted in memory, written with the next group of audit records.

Source: IAM API Reference, "GetAccessKeyLastUsed", "RoleLastUsed".
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from strongroom.identities import tables
from strongroom.identities.sessions import ROLE_SESSION, Session
from strongroom.storage.connection import Connection

if TYPE_CHECKING:
    from strongroom.operations.audit import Audit
    from strongroom.operations.call import Call

NOTED_MAX = 10_000
WRITTEN_AGAIN_SECONDS = 60.0


class Use(NamedTuple):
    """When (seconds since the epoch), for which service and Region, and the session if it was a temporary one."""

    at: float
    service: str
    region: str
    session: Session | None


class LastUsed:
    """The last use of each credential since the last group of audit records was written."""

    def __init__(self, audit: "Audit") -> None:
        self._unwritten: dict[str, Use] = {}
        self._written: dict[str, Use] = {}
        audit.write_along(self._collect)

    def note(self, call: "Call") -> None:
        """Note that a call was made with its caller's credential."""
        caller = call.caller
        self._unwritten[caller.identity.access_key_id] = Use(
            call.origin.received_at, call.operation.service.name, call.serving_region, caller.session
        )

    def _collect(self) -> Callable[[Connection], None] | None:
        if not self._unwritten:
            return None
        noted, self._unwritten = self._unwritten, {}
        uses = {key: use for key, use in noted.items() if key and self._is_news(key, use)}
        if not uses:
            return None
        if len(self._written) > NOTED_MAX:
            self._written.clear()
        self._written.update(uses)

        def write(connection: Connection) -> None:
            for access_key_id, use in uses.items():
                if use.session is None:
                    tables.update_access_key_usage(connection, access_key_id, use.at, use.service, use.region)
                elif use.session.kind == ROLE_SESSION:
                    tables.update_role_usage(connection, use.session.issuer_id, use.at, use.region)

        return write

    def _is_news(self, access_key_id: str, use: Use) -> bool:
        last = self._written.get(access_key_id)
        return (
            last is None
            or (last.service, last.region) != (use.service, use.region)
            or use.at - last.at >= WRITTEN_AGAIN_SECONDS
        )
