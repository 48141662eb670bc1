"""The audit records of one request, read from the store whether a server runs or not."""

import asyncio
import time

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.operations.audit import BATCH_SECONDS, Audit
from strongroom.operations.denials import reference_in
from strongroom.operations.trail import AuditRecord
from strongroom.server.operator_store import operator_store

LOOKS = 4


async def find_records(configuration: Configuration, request: str) -> list[AuditRecord]:
    """Return the records of a request by its id, or by the encoded message of a refusal; oldest first.

    A running server writes its records a moment after the answer, so a request that is not there is looked for again.
    Raises OperatorError for what is neither.
    """
    async with operator_store(configuration, time.time()) as (store, sealer):
        if len(request) > 40:
            reference = reference_in(request, sealer)
            if reference is None:
                raise OperatorError("this is neither a request's id nor an encoded message of this server")
            request = reference.request_id
        audit = Audit(store, sealer, Clock())
        for _ in range(LOOKS):
            records = await audit.find(request)
            if records:
                return records
            await asyncio.sleep(2 * BATCH_SECONDS)
    return []
