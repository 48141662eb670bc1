"""The place in a VPC of an execution environment: a network interface that is made when it starts, and ends with it.

Source: AWS Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"; API Reference,
Invoke (the errors that it answers when EC2 refuses).
"""

from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.private_networks import Attachment, PrivateNetworkUnavailable, attachment_for
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.service import PRINCIPAL
from strongroom.services.lambda_.vpc_config import UNAUTHORIZED, refused_by_ec2


async def attachment_of(house: House, version: FunctionVersion, role: Caller | None) -> Attachment | None:
    """Return a place in the VPC of a function, which whoever has it must `release`; None for one without a VPC.

    `role` is the function's. Raises AwsError as Invoke does: EC2AccessDeniedException, EC2ThrottledException,
    EC2UnexpectedException, InvalidSubnetIDException, InvalidSecurityGroupIDException,
    SubnetIPAddressLimitReachedException.
    """
    vpc = version.vpc
    if vpc is None:
        return None
    if house.configuration.sandbox == "unsafe":
        raise _unexpected("This server runs functions without a sandbox (the setting sandbox), in its own network.")
    if role is None:
        raise AwsError("EC2AccessDeniedException", "The function's execution role does not exist.", 502)
    try:
        return await attachment_for(
            house,
            version.account_id,
            version.region,
            vpc["SubnetIds"],
            vpc["SecurityGroupIds"],
            caller=role,
            description=f"AWS Lambda VPC ENI-{version.name}",
            requester=PRINCIPAL,
        )
    except PrivateNetworkUnavailable as unavailable:
        raise _unexpected(f"The VPC cannot be in force on this server: {unavailable}") from None
    except AwsError as error:
        raise _refused_start(error) from None


def _unexpected(message: str, code: str = "") -> AwsError:
    return AwsError("EC2UnexpectedException", message, 502, members={"EC2ErrorCode": code} if code else None)


def _refused_start(error: AwsError) -> AwsError:
    """Return what Invoke answers when EC2 refuses an interface."""
    told = refused_by_ec2(error)
    if error.code == UNAUTHORIZED:
        return AwsError(
            "EC2AccessDeniedException",
            "Your access has been denied by EC2, please make sure your function execution role have permission to "
            f"CreateNetworkInterface. {told}",
            502,
        )
    if error.code == "RequestLimitExceeded":
        return AwsError("EC2ThrottledException", f"EC2 throttled Lambda. {told}", 502)
    if error.code == "InsufficientFreeAddressesInSubnet":
        return AwsError("SubnetIPAddressLimitReachedException", f"The subnets have no free addresses. {told}", 502)
    for beginning, code in (
        ("InvalidSubnet", "InvalidSubnetIDException"),
        ("InvalidGroup", "InvalidSecurityGroupIDException"),
    ):
        if error.code.startswith(beginning):
            return AwsError(code, f"The VpcConfig of the function is not valid any more. {told}", 502)
    return _unexpected(f"EC2 answered Lambda with an error. {told}", error.code)
