"""DeleteParameter and DeleteParameters: gone at once, with every version.

Source: AWS Systems Manager API Reference, DeleteParameter, DeleteParameters.
"""

from collections.abc import Sequence

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import control_of_parameter, find_plain, on_parameter
from strongroom.services.ssm.expiry import delete_if_expired
from strongroom.services.ssm.names import Named
from strongroom.services.ssm.parameter_directory import parameter_cache_name
from strongroom.services.ssm.service import SSM
from strongroom.storage.connection import Connection


def _delete(call: Call, connection: Connection, wanted: Named) -> bool:
    """Delete a parameter; False when there is none any more."""
    row = tables.select_parameter(connection, wanted.account_id, wanted.region, wanted.name)
    if row is None or delete_if_expired(call.house, connection, row, call.now):
        return False
    tables.delete_parameter(connection, row.parameter_id)
    return True


def _cache_name(wanted: Named) -> str:
    return parameter_cache_name(wanted.account_id, wanted.region, wanted.name)


@operation(SSM, "DeleteParameter", needs=control_of_parameter("ssm:DeleteParameter"))
async def delete_parameter(call: Call) -> Answer:
    """Delete one parameter. Source: AWS Systems Manager API Reference, DeleteParameter."""
    wanted, _ = call.target

    def write(connection: Connection) -> Answer:
        if not _delete(call, connection, wanted):
            raise errors.not_found()
        return {}

    return await call.write(write, invalidates=(_cache_name(wanted),))


async def _needs_of_delete_parameters(call: Call) -> Sequence[Requirement]:
    found: dict[str, Named | None] = {}
    required = []
    for text in call.params["Names"]:
        try:
            wanted, parameter = await find_plain(call, text)
        except AwsError:
            # It is no name: there is nothing that could be allowed or denied.
            found[text] = None
            continue
        found[text] = wanted
        required.append(on_parameter(wanted, parameter, "ssm:DeleteParameters"))
    call.target = found
    return required


@operation(SSM, "DeleteParameters", needs=_needs_of_delete_parameters)
async def delete_parameters(call: Call) -> Answer:
    """Delete up to ten parameters, and tell which of them were there. Source: API Reference, DeleteParameters."""
    found: dict[str, Named | None] = call.target

    def write(connection: Connection) -> Answer:
        deleted = [text for text, wanted in found.items() if wanted is not None and _delete(call, connection, wanted)]
        return {"DeletedParameters": deleted, "InvalidParameters": [text for text in found if text not in deleted]}

    stale = [_cache_name(wanted) for wanted in found.values() if wanted is not None]
    return await call.write(write, invalidates=stale)
