"""What RDS operations need: which action on which instance. Answered before anything tells whether the instance exists.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon RDS".
"""

from collections.abc import Mapping, Sequence

from strongroom.base.arn import parse_arn
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import request_tags, tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource
from strongroom.services.rds import tables
from strongroom.services.rds.errors import invalid_arn, no_such_instance
from strongroom.services.rds.instance import Instance, instance_arn, instance_of, named_identifier

_RESOURCE_TAGS = ("aws:resourcetag/", "rds:db-tag/")
_REQUEST_TAGS = "rds:req-tag/"


def _condition(call: Call, instance: Instance | None, name: str) -> ConditionValue:
    params = call.params
    if name.startswith(_RESOURCE_TAGS):
        tags: Mapping[str, str] = instance.tags if instance is not None else {}
        return tag_value(tags, name.partition("/")[2])
    if name.startswith(_REQUEST_TAGS):
        return tag_value(request_tags(params), name.removeprefix(_REQUEST_TAGS))
    if name == "rds:managemasteruserpassword":
        value: ConditionValue = params.get("ManageMasterUserPassword")
        return value
    if name == "rds:databaseengine":
        return params.get("Engine") or (instance.engine if instance is not None else None)
    if name == "rds:databaseclass":
        return params.get("DBInstanceClass") or (instance.settings["DBInstanceClass"] if instance is not None else None)
    if name == "rds:databasename":
        return params.get("DBName") or (instance.database if instance is not None else None)
    return None


def _requirement(call: Call, action: str, arn: str, instance: Instance | None) -> Requirement:
    return Requirement(
        action=action,
        resource=arn,
        account_id=call.account_id,
        conditions=lambda name: _condition(call, instance, name),
        audited=Resource(arn, call.account_id, "AWS::RDS::DBInstance") if instance is not None else None,
    )


def about_instance(action: str) -> Needs:
    """Declare an operation on the instance that the request names by `DBInstanceIdentifier`, there or not.

    `call.target` is the instance, or None.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        identifier = named_identifier(call.params["DBInstanceIdentifier"])
        call.target = await find_instance(call, identifier)
        arn = instance_arn(call.account_id, call.region, identifier)
        return (_requirement(call, action, arn, call.target),)

    return needs


def about_resource(action: str) -> Needs:
    """Declare an operation on the instance that the request names by its ARN, as `ResourceName`.

    Raises InvalidParameterValue for what is no ARN of an instance of this account and Region.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        name: str = call.params["ResourceName"]
        arn = parse_arn(name)
        if arn is None or arn.service != "rds" or not arn.resource.startswith("db:"):
            raise invalid_arn(name)
        identifier = named_identifier(arn.resource)
        if str(arn).lower() != instance_arn(call.account_id, call.region, identifier):
            raise invalid_arn(name)
        call.target = await find_instance(call, identifier)
        return (_requirement(call, action, instance_arn(call.account_id, call.region, identifier), call.target),)

    return needs


def about_instances(action: str) -> Needs:
    """Declare a listing: of the instance that the request names, or of all."""

    async def needs(call: Call) -> Sequence[Requirement]:
        named = call.params.get("DBInstanceIdentifier")
        identifier = named_identifier(named) if named else "*"
        call.target = await find_instance(call, identifier) if named else None
        return (_requirement(call, action, instance_arn(call.account_id, call.region, identifier), call.target),)

    return needs


def account_wide(action: str) -> Needs:
    """Declare an operation that is about no instance."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return (Requirement(action=action, resource="*", account_id=call.account_id),)

    return needs


async def find_instance(call: Call, identifier: str) -> Instance | None:
    """Return an instance of the caller's account and Region, or None."""
    if "\0" in identifier:
        return None
    row = await call.read(
        lambda connection: tables.select_instance(connection, call.account_id, call.region, identifier)
    )
    return instance_of(row) if row is not None else None


def existing(call: Call) -> Instance:
    """Return the instance that a call is about. Raises DBInstanceNotFound."""
    if call.target is None:
        member = "ResourceName" if "ResourceName" in call.params else "DBInstanceIdentifier"
        raise no_such_instance(named_identifier(call.params[member]))
    instance: Instance = call.target
    return instance
