"""UpdateFunctionCode. Source: AWS Lambda API Reference, UpdateFunctionCode; recorded answers."""

import uuid
from dataclasses import replace
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.access import NamedFunction, about_function
from strongroom.services.lambda_.change import change_function, require_latest, require_revision
from strongroom.services.lambda_.code import (
    StoredCode,
    checked_code,
    discard,
    insert_code,
    store_code,
    unless_committed,
)
from strongroom.services.lambda_.code_keys import CodeOwner
from strongroom.services.lambda_.configuration import shown_configuration
from strongroom.services.lambda_.environment import shown_environment
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import load
from strongroom.services.lambda_.layers.used_layers import check_unzipped_size
from strongroom.services.lambda_.quotas import GIGABYTE, STORAGE_QUOTA, own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.settings import refuse_unserved
from strongroom.services.lambda_.uploaded_code import REQUEST_BYTES_MAX, uploaded
from strongroom.services.lambda_.version_rows import publish
from strongroom.storage.connection import Connection


@operation(
    LAMBDA,
    "UpdateFunctionCode",
    needs=about_function("lambda:UpdateFunctionCode"),
    quota=own_quota("UpdateFunctionCode"),
    body_bytes_max=REQUEST_BYTES_MAX,
)
async def update_function_code(call: Call) -> Answer:
    """Put an archive in place of a function's code, and publish a version if asked to; or try whether it would do."""
    target: NamedFunction = call.target
    function, params = target.existing(), call.params
    require_latest(target.named.qualifier)
    require_revision(params.get("RevisionId"), function.latest.revision_id)
    refuse_unserved(params)
    data = await uploaded(call, params)
    environment = await shown_environment(call, function.latest)
    if params.get("DryRun"):
        code = await checked_code(data)
        check_unzipped_size(code, function.latest.layers)
        return shown_configuration(replace(function.latest, code=code), environment, function.arn)
    owner = CodeOwner(function.account_id, function.region, function.arn, params.get("SourceKMSKeyArn") or None)
    stored = await store_code(call.house, owner, data)
    async with unless_committed(call.house, stored):
        check_unzipped_size(stored.code, function.latest.layers)
        return await _write(call, function, stored, environment)


async def _write(call: Call, function: Function, stored: StoredCode, environment: dict[str, Any] | None) -> Answer:
    storage_max = call.house.quotas.most(STORAGE_QUOTA, function.account_id, function.region) * GIGABYTE
    params = call.params
    blobs: list[str] = []

    def change(connection: Connection, current: Function) -> Answer:
        blobs.clear()
        latest = current.latest
        require_revision(params.get("RevisionId"), latest.revision_id)
        check_unzipped_size(stored.code, latest.layers)
        insert_code(connection, stored, storage_max)
        settings = dict(latest.settings)
        if params.get("Architectures"):
            settings["Architectures"] = list(params["Architectures"])
        values = {
            "code_id": stored.code.code_id,
            "settings": settings,
            "modified_at": call.now,
            "revision_id": str(uuid.uuid4()),
        }
        tables.update_version(connection, current.arn, tables.LATEST_NUMBER, values)
        blobs.extend(tables.delete_unused_codes(connection, (latest.code.code_id,)))
        changed = load(connection, current.account_id, current.region, current.name)
        if changed is None:
            raise LookupError("a row that was just written is not there")
        if params.get("Publish"):
            published = publish(connection, changed, None)
            return shown_configuration(published, environment, published.qualified_arn)
        return shown_configuration(changed.latest, environment, changed.arn)

    answer = await change_function(call, function, change)
    await discard(call.house, blobs)
    return answer
