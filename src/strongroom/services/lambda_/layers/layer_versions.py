"""Versions of layers: described, listed and deleted.

Source: AWS Lambda API Reference, GetLayerVersion, GetLayerVersionByArn, ListLayerVersions, ListLayers,
DeleteLayerVersion; recorded answers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.access import account_wide
from strongroom.services.lambda_.code import discard
from strongroom.services.lambda_.code_location import code_location
from strongroom.services.lambda_.configuration import shown_time
from strongroom.services.lambda_.layers import tables
from strongroom.services.lambda_.layers.layer_name import NUMBER_MAX, read_layer_name
from strongroom.services.lambda_.layers.used_layers import (
    NamedLayer,
    find_layer_version,
    on_layer_version,
    read_layer_version_arn,
)
from strongroom.services.lambda_.paging import page_size, paged, position
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection

RESOURCE_TYPE = "AWS::Lambda::LayerVersion"


def shown_layer_version(row: Any, location: Mapping[str, str]) -> Answer:
    """Return how a version of a layer is described; `location` is where its archive can be fetched."""
    return {
        **_listed(row),
        "LayerArn": row.arn,
        "Content": {"CodeSha256": row.sha256, "CodeSize": row.size, **location},
    }


def _listed(row: Any) -> Answer:
    return {
        "LayerVersionArn": f"{row.arn}:{row.number}",
        "Version": row.number,
        "CreatedDate": shown_time(row.created_at),
        **row.settings,
    }


def about_layer_version(action: str) -> Needs:
    """Declare an operation about the version that `LayerName` and `VersionNumber` name.

    `call.target` is a NamedLayer and the row of the version, None when there is none.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        layer = read_layer_name(call.params["LayerName"], call.account_id, call.region)
        number: int = call.params["VersionNumber"]
        named = NamedLayer(layer.arn, number, layer.account_id)
        row = await find_layer_version(call, named) if 0 < number <= NUMBER_MAX else None
        call.target = (named, row)
        return (on_layer_version(call, named, row, action),)

    return needs


def existing_layer_version(call: Call) -> tuple[NamedLayer, Any]:
    """Return the version that a request names, and its row. Raises ResourceNotFoundException."""
    named, row = call.target
    if row is None:
        raise errors.not_found(f"Layer version {named.version_arn} does not exist.")
    return named, row


def _described(call: Call) -> Answer:
    _, row = call.target
    if row is None:
        raise errors.not_found("The resource you requested does not exist.")
    return shown_layer_version(row, code_location(call, row.code_id))


@operation(
    LAMBDA,
    "GetLayerVersion",
    needs=about_layer_version("lambda:GetLayerVersion"),
    quota=own_quota("GetLayerVersion"),
    reads_only=True,
)
async def get_layer_version(call: Call) -> Answer:
    """Describe a version of a layer, and tell where its archive can be fetched for some minutes."""
    return _described(call)


async def _needs_by_arn(call: Call) -> Sequence[Requirement]:
    named = read_layer_version_arn(call.params["Arn"])
    if named is None:
        raise errors.invalid_parameter(f"{call.params['Arn']} is not the ARN of a version of a layer.")
    row = await find_layer_version(call, named)
    call.target = (named, row)
    return (on_layer_version(call, named, row, "lambda:GetLayerVersion"),)


@operation(
    LAMBDA,
    "GetLayerVersionByArn",
    needs=_needs_by_arn,
    quota=own_quota("GetLayerVersionByArn"),
    reads_only=True,
)
async def get_layer_version_by_arn(call: Call) -> Answer:
    """Describe a version of a layer that is named by its ARN, in whatever Region and account."""
    return _described(call)


def _fits(row: Any, params: Mapping[str, Any]) -> bool:
    """Whether a version is made for the runtime and the architecture that a listing asks for."""
    for member, several in (
        ("CompatibleRuntime", "CompatibleRuntimes"),
        ("CompatibleArchitecture", "CompatibleArchitectures"),
    ):
        wanted = params.get(member)
        if wanted is not None and wanted not in row.settings.get(several, ()):
            return False
    return True


@operation(
    LAMBDA,
    "ListLayerVersions",
    needs=account_wide("lambda:ListLayerVersions"),
    quota=own_quota("ListLayerVersions"),
    reads_only=True,
)
async def list_layer_versions(call: Call) -> Answer:
    """List the versions of a layer of the account, the newest first."""
    named = read_layer_name(call.params["LayerName"], call.account_id, call.region)
    if named.account_id != call.account_id:
        raise errors.denied_elsewhere(call.caller.arn, "lambda:ListLayerVersions", named.arn)
    begin = position(call)
    before = int(begin) if begin is not None and begin.isdecimal() and len(begin) < 11 else 2**31 - 1
    rows = await call.read(lambda connection: tables.list_layer_versions(connection, named.arn, before))
    found = [row for row in rows if _fits(row, call.params)][: page_size(call) + 1]
    versions, next_page = paged(call, found, lambda row: str(row.number))
    return {"LayerVersions": [_listed(row) for row in versions], **next_page}


@operation(
    LAMBDA, "ListLayers", needs=account_wide("lambda:ListLayers"), quota=own_quota("ListLayers"), reads_only=True
)
async def list_layers(call: Call) -> Answer:
    """List the layers of the account by name, each with its newest version that fits the request."""
    begin = position(call) or ""

    def read(connection: Connection) -> list[tuple[Any, Any]]:
        found: list[tuple[Any, Any]] = []
        for layer in tables.list_layers(connection, call.account_id, call.region, begin):
            versions = tables.list_layer_versions(connection, layer.arn, 2**31 - 1)
            newest = next((row for row in versions if _fits(row, call.params)), None)
            if newest is not None:
                found.append((layer, newest))
            if len(found) > page_size(call):
                break
        return found

    layers, next_page = paged(call, await call.read(read), lambda item: str(item[0].name))
    shown = [
        {"LayerName": layer.name, "LayerArn": layer.arn, "LatestMatchingVersion": _listed(row)} for layer, row in layers
    ]
    return {"Layers": shown, **next_page}


@operation(
    LAMBDA,
    "DeleteLayerVersion",
    needs=about_layer_version("lambda:DeleteLayerVersion"),
    quota=own_quota("DeleteLayerVersion"),
)
async def delete_layer_version(call: Call) -> Answer:
    """Delete a version of a layer; functions that use it keep it. No change when there is none."""
    named: NamedLayer
    named, _ = call.target
    blobs: list[str] = []

    def write(connection: Connection) -> Answer:
        blobs.clear()
        if 0 < named.number <= NUMBER_MAX:
            tables.update_layer_version(connection, named.arn, named.number, {"is_deleted": True, "policy": None})
            blobs.extend(tables.purge_deleted(connection, [(named.arn, named.number)]))
        return {}

    answer = await call.write(write)
    await discard(call.house, blobs)
    return answer
