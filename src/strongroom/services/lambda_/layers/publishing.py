"""PublishLayerVersion. Source: AWS Lambda API Reference, PublishLayerVersion; recorded answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Resource
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.code import StoredCode, insert_code, store_code, unless_committed
from strongroom.services.lambda_.code_keys import CodeOwner
from strongroom.services.lambda_.code_location import code_location
from strongroom.services.lambda_.layers import tables
from strongroom.services.lambda_.layers.layer_name import NAME_CHARACTERS_MAX, LayerName, read_layer_name
from strongroom.services.lambda_.layers.layer_versions import RESOURCE_TYPE, shown_layer_version
from strongroom.services.lambda_.quotas import GIGABYTE, STORAGE_QUOTA, own_quota
from strongroom.services.lambda_.runtimes import is_known
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.uploaded_code import REQUEST_BYTES_MAX, uploaded
from strongroom.storage.connection import Connection

_KEPT = ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")


async def _needs(call: Call) -> Sequence[Requirement]:
    named = call.target = read_layer_name(call.params["LayerName"], call.account_id, call.region)
    action = "lambda:PublishLayerVersion"
    own = named.account_id == call.account_id
    return (
        Requirement(
            action=action,
            resource=named.arn,
            account_id=named.account_id,
            refusal=None if own else errors.denied_elsewhere(call.caller.arn, action, named.arn),
        ),
    )


@operation(
    LAMBDA,
    "PublishLayerVersion",
    needs=_needs,
    quota=own_quota("PublishLayerVersion"),
    body_bytes_max=REQUEST_BYTES_MAX,
)
async def publish_layer_version(call: Call) -> Answer:
    """Make the next version of a layer from an archive, and the layer itself with the first one."""
    named: LayerName = call.target
    if len(named.name) > NAME_CHARACTERS_MAX:
        raise errors.invalid_parameter(f"The name of a layer has at most {NAME_CHARACTERS_MAX} characters.")
    settings = _settings(call.params)
    data = await uploaded(call, call.params["Content"])
    stored = await store_code(call.house, CodeOwner(named.account_id, named.region), data)
    async with unless_committed(call.house, stored):
        return await _write(call, named, stored, settings)


def _settings(params: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [runtime for runtime in params.get("CompatibleRuntimes") or () if not is_known(runtime)]
    if unknown:
        raise errors.not_validated(
            f"Value '[{', '.join(params['CompatibleRuntimes'])}]' at 'compatibleRuntimes' failed to satisfy "
            "constraint: Member must satisfy enum value set"
        )
    settings = {"Description": params.get("Description") or ""}
    settings |= {member: params[member] for member in _KEPT if params.get(member) is not None}
    if any("\0" in str(value) for value in settings.values()):
        raise errors.invalid_parameter("A description or a license must not contain the null character.")
    return settings


async def _write(call: Call, named: LayerName, stored: StoredCode, settings: Mapping[str, Any]) -> Answer:
    storage_max = call.house.quotas.most(STORAGE_QUOTA, named.account_id, named.region) * GIGABYTE
    location = code_location(call, stored.code.code_id)
    call.made = (Resource(named.arn, named.account_id, RESOURCE_TYPE),)

    def write(connection: Connection) -> Answer:
        layer = tables.select_layer(connection, named.arn)
        number = 1 if layer is None else layer.last_number + 1
        insert_code(connection, stored, storage_max)
        tables.put_layer(connection, {"arn": named.arn, **named._asdict(), "last_number": number})
        tables.insert_layer_version(
            connection,
            {
                "arn": named.arn,
                "number": number,
                "created_at": call.now,
                "settings": settings,
                "code_id": stored.code.code_id,
                "is_deleted": False,
            },
        )
        row = tables.select_layer_version(connection, named.arn, number)
        return shown_layer_version(row, location)

    return await call.write(write)
