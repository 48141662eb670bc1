"""vpcConfig: the network that a project's builds are in, checked as the service role when it is set.

The role needs to find the network, and to have an interface in it. Where networks cannot be in force, a build that is
to be in one does not start: whoever starts it is told.

Source: AWS CodeBuild User Guide, "Use AWS CodeBuild with Amazon Virtual Private Cloud", "Allow CodeBuild access to AWS
services required to create a VPC network interface"; API Reference, VpcConfig.
"""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.operations.private_networks import (
    Attachment,
    PrivateNetworkUnavailable,
    attachment_for,
    must_belong_together,
    why_unavailable,
)
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.names import ProjectName
from strongroom.services.codebuild.running.failures import PhaseFailed, told
from strongroom.services.codebuild.service import PRINCIPAL
from strongroom.services.codebuild.service_role import ServiceRole

VPC_CLIENT_ERROR = "VPC_CLIENT_ERROR"
_UNAUTHORIZED = "UnauthorizedOperation"


async def check_network(house: House, named: ProjectName, settings: Mapping[str, Any], role_arn: str) -> None:
    """Have the service role look for the network of a project's settings, if there is one.

    Raises InvalidInputException for what the role may not see, is not there, or does not belong together.
    """
    vpc = settings.get("vpcConfig")
    if vpc is None:
        return
    role = ServiceRole(house, named, role_arn, "AWSCodeBuild")
    subnets, groups = vpc["subnets"], vpc["securityGroupIds"]
    await _look_up(role, "DescribeVpcs", {"VpcIds": [vpc["vpcId"]]})
    await _look_up(role, "DescribeSubnets", {"SubnetIds": subnets})
    await _look_up(role, "DescribeSecurityGroups", {"GroupIds": groups})
    try:
        vpc_id = await must_belong_together(house, named.account_id, named.region, subnets, groups)
    except AwsError as error:
        raise errors.invalid_input(error.message) from None
    if vpc_id != vpc["vpcId"]:
        raise errors.invalid_input(f"The subnets and security groups are not in the VPC {vpc['vpcId']}")


async def _look_up(role: ServiceRole, operation: str, params: dict[str, Any]) -> None:
    try:
        await role.perform("ec2", operation, params)
    except AwsError as error:
        if error.status >= 500:
            raise
        if error.code == _UNAUTHORIZED:
            raise errors.invalid_input(f"Not authorized to perform {operation}") from None
        raise errors.invalid_input(error.message) from None


async def must_be_possible(house: House, settings: Mapping[str, Any]) -> None:
    """Raise InvalidInputException when a build is to be in a VPC, and no VPC can be in force on this server."""
    if settings.get("vpcConfig") is None:
        return
    if house.configuration.sandbox == "unsafe":
        reason: str | None = "builds run without a sandbox (the setting sandbox), in the server's own network"
    else:
        reason = await why_unavailable(house)
    if reason is not None:
        raise errors.invalid_input(f"The build's VPC cannot be in force on this server: {reason}")


async def attachment_of(
    house: House, named: ProjectName, settings: Mapping[str, Any], role: ServiceRole
) -> Attachment | None:
    """Return a place in the VPC of a build, which whoever has it must `release`; None for a build without a VPC.

    Raises PhaseFailed with the code VPC_CLIENT_ERROR.
    """
    vpc = settings.get("vpcConfig")
    if vpc is None:
        return None
    try:
        return await attachment_for(
            house,
            named.account_id,
            named.region,
            vpc["subnets"],
            vpc["securityGroupIds"],
            caller=(await role.credentials()).caller,
            description=f"AWS CodeBuild {named.name}",
            requester=PRINCIPAL,
        )
    except PrivateNetworkUnavailable as unavailable:
        message = f"The build's VPC cannot be in force on this server: {unavailable}"
        raise PhaseFailed(VPC_CLIENT_ERROR, message, is_fault=True) from None
    except AwsError as error:
        raise PhaseFailed(VPC_CLIENT_ERROR, f"Unexpected EC2 error: {told(error)}") from None
