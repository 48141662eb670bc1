"""VpcConfig: the subnets and security groups of a function, checked when it is configured.

Lambda looks them up with the caller's permissions, and demands that the execution role may have network interfaces. The
role is asked about by trials (`DryRun`), which the audit trail tells.

Source: AWS Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"; API Reference,
VpcConfig; Service Authorization Reference, "Condition keys for AWS Lambda" (lambda:VpcIds); recorded answers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.perform import perform
from strongroom.operations.private_networks import must_belong_together
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.environment import INTERNAL
from strongroom.services.lambda_.execution_role import NOT_ASSUMED, running_as
from strongroom.services.lambda_.function_name import FunctionName
from strongroom.services.lambda_.service import LAMBDA

UNAUTHORIZED, TRIED = "UnauthorizedOperation", "DryRunOperation"
_NO_INTERFACE = "eni-00000000000000000"


def refused_by_ec2(error: AwsError) -> str:
    """Return EC2's refusal as Lambda tells it."""
    return f"EC2 Error Code: {error.code}. EC2 Error Message: {error.message}"


async def vpc_ids_of(call: Call, named: FunctionName) -> Sequence[str]:
    """Return the VPC that a request's VpcConfig is of, for policies to ask about; none where it does not exist."""
    vpc = call.params.get("VpcConfig") or {}
    if not vpc.get("SubnetIds") or named.account_id != call.account_id:
        return ()
    groups = vpc.get("SecurityGroupIds") or ()
    try:
        found = await must_belong_together(call.house, named.account_id, named.region, vpc["SubnetIds"], groups)
    except AwsError:
        return ()
    return (found,)


async def with_vpc(
    call: Call, named: FunctionName, settings: Mapping[str, Any], role_arn: str | None = None
) -> dict[str, Any]:
    """Return settings whose VpcConfig, if there is one, is known to be possible, with the VPC's id.

    `role_arn` is a role that the function gets. Nothing is asked when neither is in the request.
    Raises InvalidParameterValueException for what is not there, does not belong together, or the role may not;
    AccessDeniedException when the caller may not look.
    """
    vpc = settings.get("VpcConfig")
    is_new = bool(call.params.get("VpcConfig"))
    if vpc is None or not (is_new or role_arn):
        return dict(settings)
    if is_new:
        vpc = {**vpc, "VpcId": await _vpc_of(call, named, vpc["SubnetIds"], vpc["SecurityGroupIds"])}
    await _role_must_be_allowed(call, named, settings["Role"], vpc)
    return {**settings, "VpcConfig": vpc}


async def _vpc_of(call: Call, named: FunctionName, subnet_ids: Sequence[str], group_ids: Sequence[str]) -> str:
    await _look_up(call, "DescribeSubnets", "SubnetIds", subnet_ids)
    await _look_up(call, "DescribeSecurityGroups", "GroupIds", group_ids)
    try:
        return await must_belong_together(call.house, named.account_id, named.region, subnet_ids, group_ids)
    except AwsError as error:
        if error.code == "InvalidParameterValue":
            raise errors.invalid_parameter(error.message) from None
        raise _not_described(error, "DescribeSecurityGroups") from None


async def _look_up(call: Call, operation: str, member: str, ids: Sequence[str]) -> None:
    try:
        await call.invoke("ec2", operation, {member: list(ids)})
    except AwsError as error:
        if error.status >= 500:
            raise
        if error.code == UNAUTHORIZED:
            raise errors.denied(
                "Your access has been denied by EC2, please make sure your request credentials have permission to "
                f"{operation} for {', '.join(ids)}. {refused_by_ec2(error)}"
            ) from None
        raise _not_described(error, operation) from None


def _not_described(error: AwsError, operation: str) -> AwsError:
    return errors.invalid_parameter(f"Error occurred while {operation}. {refused_by_ec2(error)}")


async def _role_must_be_allowed(call: Call, named: FunctionName, role_arn: str, vpc: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValueException unless a role may have what Lambda needs of EC2 for a function."""
    caller = await running_as(call.house, role_arn, named.name)
    if caller is None:
        raise errors.invalid_parameter(NOT_ASSUMED)
    trials: Mapping[str, dict[str, Any]] = {
        "CreateNetworkInterface": {"SubnetId": vpc["SubnetIds"][0], "Groups": list(vpc["SecurityGroupIds"])},
        "DescribeNetworkInterfaces": {},
        "DeleteNetworkInterface": {"NetworkInterfaceId": _NO_INTERFACE},
    }
    for operation, params in trials.items():
        now = call.house.clock.now()
        try:
            await perform(
                call.house,
                "ec2",
                operation,
                params | {"DryRun": True},
                caller=caller,
                origin=Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL),
                region=named.region,
                called_via=(LAMBDA.name,),
            )
        except AwsError as answer:
            if answer.code == UNAUTHORIZED:
                raise errors.invalid_parameter(
                    f"The provided execution role does not have permissions to call {operation} on EC2"
                ) from None
            if answer.code != TRIED:
                raise
