"""What parameter policies ask for, done: parameters whose time is over are deleted, notifications leave a record.

Source: AWS Systems Manager User Guide, "Assigning parameter policies in Parameter Store".
"""

from typing import Any

from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.operations.trail import Resource, service_event
from strongroom.services.ssm import tables
from strongroom.services.ssm.names import parameter_arn
from strongroom.services.ssm.parameter_directory import parameter_cache_name
from strongroom.services.ssm.parameter_policies import EXPIRATION, FINISHED, PENDING, Policy, due_at, next_due_at
from strongroom.services.ssm.parameters import RESOURCE_TYPE
from strongroom.services.ssm.service import SSM
from strongroom.storage.connection import Connection

BATCH = 100

DELETED = "DeleteParameter"
"""What the record of an expiry is named by; that of a notification has the name of its policy's type."""


@periodic("ssm/parameter-policies")
async def apply_parameter_policies(house: House) -> None:
    """Do what is due, of up to `BATCH` parameters, each in a transaction of its own."""
    now = house.clock.now()
    for row in await house.store.read(lambda connection: tables.due_for_policy(connection, now, BATCH)):
        await _apply(house, row.account_id, row.region, row.name, now)


async def _apply(house: House, account_id: str, region: str, name: str, now: float) -> None:
    def change(connection: Connection) -> None:
        row = tables.select_parameter(connection, account_id, region, name)
        if row is None or delete_if_expired(house, connection, row, now):
            return
        policies: list[Policy] = row.details.get("policies", [])
        for policy in policies:
            if policy["status"] == PENDING and due_at(policy, policies, row.modified_at) <= now:
                policy["status"] = FINISHED
                _record(house, connection, row, policy["type"], policy, now)
        tables.update_details(connection, row.parameter_id, row.version, {**row.details, "policies": policies})
        due = {"next_policy_at": next_due_at(policies, row.modified_at)}
        tables.update_parameter(connection, row.parameter_id, due)

    await house.store.write(change, invalidates=(parameter_cache_name(account_id, region, name),))


def delete_if_expired(house: House, connection: Connection, row: Any, now: float) -> bool:
    """Delete a parameter whose time is over, and record that; False, and no change, when it is not."""
    if row.expires_at is None or row.expires_at > now:
        return False
    policies: list[Policy] = row.details.get("policies", [])
    policy = next((one for one in policies if one["type"] == EXPIRATION), None)
    tables.delete_parameter(connection, row.parameter_id)
    _record(house, connection, row, DELETED, policy, now)
    return True


def _record(house: House, connection: Connection, row: Any, name: str, policy: Policy | None, now: float) -> None:
    resource = Resource(parameter_arn(row.account_id, row.region, row.name), row.account_id, RESOURCE_TYPE)
    details = {"name": row.name, "type": row.type, "version": str(row.version)}
    if policy is not None:
        details |= {"policyType": policy["type"], "policyContent": policy["text"]}
    event = service_event(SSM.name, SSM.event_source, name, row.region, resource, now, details)
    house.audit.insert_event(connection, event)
