"""The audit records of one request, read from the store whether a server runs or not."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.operations.audit import BATCH_SECONDS, Audit
from strongroom.operations.denials import reference_in
from strongroom.operations.explanations import lines_of
from strongroom.operations.principals import directory_of
from strongroom.operations.trail import AuditRecord
from strongroom.server.clock import clock_of
from strongroom.server.operator_store import operator_store
from strongroom.storage.store import Store

LOOKS = 4
_UNIQUE_ID = re.compile(r"\bA(?:IDA|ROA)[A-Z0-9]{12,124}\b")


class FoundRecords(NamedTuple):
    """The records of one request. `names` are the ARNs of the users and roles whose unique ids the records hold.

    Policies name them by unique id at rest, which no other identity will ever have.
    """

    records: Sequence[AuditRecord]
    names: Mapping[str, str]

    def lines(self, record: AuditRecord) -> list[str]:
        """Return the explanation of one of the records, with users and roles by their names of today."""
        return [_UNIQUE_ID.sub(lambda id_: self.names.get(id_[0], id_[0]), line) for line in lines_of(record)]


async def find_records(configuration: Configuration, request: str) -> FoundRecords:
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
        audit = Audit(store, sealer, clock_of(configuration))
        for _ in range(LOOKS):
            records = await audit.find(request)
            if records:
                return FoundRecords(records, await _names(records, store, configuration.region))
            await asyncio.sleep(2 * BATCH_SECONDS)
    return FoundRecords((), {})


async def _names(records: Sequence[AuditRecord], store: Store, region: str) -> Mapping[str, str]:
    ids = {id_ for record in records for line in lines_of(record) for id_ in _UNIQUE_ID.findall(line)}
    directory = directory_of(store, region)
    known = [await directory.find(id_) for id_ in ids]
    return {one.unique_id: one.arn for one in known if one is not None}
