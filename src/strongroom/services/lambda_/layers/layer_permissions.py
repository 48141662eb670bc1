"""Permissions of versions of layers: which accounts may use them.

Source: AWS Lambda API Reference, AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy;
recorded answers.
"""

import uuid
from collections.abc import Callable
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.layers import tables
from strongroom.services.lambda_.layers.layer_versions import about_layer_version, existing_layer_version
from strongroom.services.lambda_.layers.used_layers import NamedLayer
from strongroom.services.lambda_.policy_statements import (
    as_json,
    pinned,
    principal_element,
    shown,
    with_statement,
    without_statement,
)
from strongroom.services.lambda_.quotas import POLICY_BYTES_QUOTA, own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection


async def _change_policy(call: Call, named: NamedLayer, change: Callable[[Any], tuple[str | None, Answer]]) -> Answer:
    """Put a policy in place of a version's, as `change` makes it of the row as it is now, and return its answer."""

    def write(connection: Connection) -> Answer:
        row = tables.select_layer_version(connection, named.arn, named.number)
        if row is None or row.is_deleted:
            raise errors.not_found(f"Layer version {named.version_arn} does not exist.")
        wanted = call.params.get("RevisionId")
        if wanted is not None and wanted != row.policy_revision_id:
            raise errors.revision_changed("GetLayerPolicy")
        text, answer = change(row)
        revision_id = str(uuid.uuid4())
        values = {"policy": text, "policy_revision_id": revision_id if text is not None else None}
        tables.update_layer_version(connection, named.arn, named.number, values)
        return {**answer, "RevisionId": revision_id} if answer else {}

    return await call.write(write)


@operation(
    LAMBDA,
    "AddLayerVersionPermission",
    needs=about_layer_version("lambda:AddLayerVersionPermission"),
    quota=own_quota("AddLayerVersionPermission"),
)
async def add_layer_version_permission(call: Call) -> Answer:
    """Let an account, an organization or everybody use a version of a layer."""
    named, _ = existing_layer_version(call)
    params = call.params
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": principal_element(params["Principal"], partition_of(call.region)),
        "Action": params["Action"],
        "Resource": named.version_arn,
    }
    if params.get("OrganizationId"):
        if params["Principal"] != "*":
            raise errors.invalid_parameter("Principal must be * if OrganizationId is specified.")
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": params["OrganizationId"]}}
    stored = await pinned(call, statement)
    most = call.house.quotas.most(POLICY_BYTES_QUOTA, named.account_id, call.region)

    def change(row: Any) -> tuple[str | None, Answer]:
        return with_statement(row.policy, stored, most), {"Statement": as_json(statement)}

    return await _change_policy(call, named, change)


@operation(
    LAMBDA,
    "RemoveLayerVersionPermission",
    needs=about_layer_version("lambda:RemoveLayerVersionPermission"),
    quota=own_quota("RemoveLayerVersionPermission"),
)
async def remove_layer_version_permission(call: Call) -> Answer:
    """Take a permission away, by its statement id."""
    named, _ = existing_layer_version(call)
    statement_id = call.params["StatementId"]
    return await _change_policy(call, named, lambda row: (without_statement(row.policy, statement_id), {}))


@operation(
    LAMBDA,
    "GetLayerVersionPolicy",
    needs=about_layer_version("lambda:GetLayerVersionPolicy"),
    quota=own_quota("GetLayerVersionPolicy"),
    reads_only=True,
)
async def get_layer_version_policy(call: Call) -> Answer:
    """Return the policy of a version of a layer, and its revision."""
    _, row = existing_layer_version(call)
    if row.policy is None:
        raise errors.no_policy()
    return {"Policy": await shown(call, row.policy), "RevisionId": row.policy_revision_id}
