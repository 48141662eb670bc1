"""What Parameter Store operations need: which action on which parameter, decided with its resource policy.

Whether a parameter is there is told to nobody who may not know: its ARN follows from its name.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS Systems Manager"; AWS Systems
Manager User Guide, "Restricting access to Parameter Store parameters using IAM policies", "Preventing access to
Parameter Store API operations".
"""

from collections.abc import Callable, Mapping, Sequence

from strongroom.base.arn import partition_of
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource
from strongroom.services.ssm.names import Named, named, parameter_arn, plain_name
from strongroom.services.ssm.parameter_directory import ParameterDirectory
from strongroom.services.ssm.parameters import RESOURCE_TYPE, Parameter
from strongroom.services.ssm.settings import ServiceSettings

Own = Mapping[str, ConditionValue]
NO_OWN: Own = {}

_RESOURCE_TAGS = ("aws:resourcetag/", "ssm:resourcetag/")


def _conditions(parameter: Parameter | None, own: Own) -> Callable[[str], ConditionValue]:
    def value(name: str) -> ConditionValue:
        if name in own:
            return own[name]
        if parameter is not None and parameter.tags and name.startswith(_RESOURCE_TAGS):
            return tag_value(parameter.tags, name.partition("/")[2])
        return None

    return value


def on_parameter(wanted: Named, parameter: Parameter | None, action: str, own: Own = NO_OWN) -> Requirement:
    """Return the requirement of an action on a parameter, there or not; `own` are the operation's condition values."""
    if parameter is None:
        return Requirement(
            action=action,
            resource=wanted.arn,
            account_id=wanted.account_id,
            conditions=_conditions(None, own),
            audited=Resource(wanted.arn, wanted.account_id, RESOURCE_TYPE),
        )
    return Requirement(
        action=action,
        resource=parameter.arn,
        account_id=parameter.account_id,
        policy=parameter.policy,
        conditions=_conditions(parameter, own),
        audited=parameter.audited,
        remembered=parameter.decisions,
    )


def on_path(call: Call, action: str, path: str, own: Own) -> Requirement:
    """Return the requirement of an action on what is below a path, which is decided by the path alone."""
    arn = parameter_arn(call.account_id, call.region, path)
    return Requirement(action=action, resource=arn, account_id=call.account_id, conditions=_conditions(None, own))


async def find_named(call: Call, text: str) -> tuple[Named, Parameter | None]:
    """Return what a request names by name or ARN, with or without a selector, and the parameter if it is there.

    Raises ValidationException for what can't be a name.
    """
    wanted = named(text, call.account_id, call.region)
    directory = call.house.part(ParameterDirectory)
    return wanted, directory.known(wanted) or await directory.find_named(wanted)


async def find_plain(call: Call, text: str) -> tuple[Named, Parameter | None]:
    """Return what a request names by name alone, and the parameter if it is there. Raises ValidationException."""
    wanted = plain_name(text, call.account_id, call.region)
    return wanted, await call.house.part(ParameterDirectory).find_named(wanted)


def read_of_parameter(action: str) -> Needs:
    """Declare an operation on the parameter that `Name` names, by name or by ARN."""

    async def needs(call: Call) -> Sequence[Requirement]:
        settings = call.house.part(ServiceSettings)
        if not settings.is_known(call.account_id, call.region):
            await settings.know(call.account_id, call.region)
        wanted, parameter = call.target = await find_named(call, call.params["Name"])
        return (on_parameter(wanted, parameter, action),)

    return needs


def control_of_parameter(action: str, member: str = "Name") -> Needs:
    """Declare an operation on the parameter that a member names, by name alone."""

    async def needs(call: Call) -> Sequence[Requirement]:
        wanted, parameter = call.target = await find_plain(call, call.params[member])
        return (on_parameter(wanted, parameter, action),)

    return needs


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        arn = f"arn:{partition_of(call.region)}:ssm:{call.region}:{call.account_id}:*"
        return (Requirement(action=action, resource=arn, account_id=call.account_id),)

    return needs
