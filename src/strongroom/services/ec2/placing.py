"""Where a network interface comes to be: which address it gets, and which security groups it is in.

Source: Amazon EC2 API Reference, CreateNetworkInterface; Amazon EC2 User Guide, "Elastic network interfaces".
"""

from collections.abc import Sequence

from strongroom.base.errors import AwsError
from strongroom.services.ec2 import errors
from strongroom.services.ec2.addressing import first_free, is_reserved, parse_address
from strongroom.services.ec2.building import DEFAULT_GROUP
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import NETWORK_INTERFACE, SECURITY_GROUP, SUBNET
from strongroom.services.ec2.subnets import block_of, interfaces_in


def chosen_address(inventory: Inventory, subnet: Resource, wanted: str | None) -> str:
    """Return the address that is wanted in a subnet, or the first free one. Raises AwsError."""
    block = block_of(subnet)
    taken = [interface["PrivateIpAddress"] for interface in interfaces_in(inventory, subnet)]
    if wanted is None:
        found = first_free(block, taken)
        if found is None:
            raise AwsError(
                "InsufficientFreeAddressesInSubnet",
                "The specified subnet does not have enough free addresses to satisfy the request.",
            )
        return found
    address = parse_address(wanted, "privateIpAddress")
    if address not in block:
        raise errors.invalid("Address does not fall within the subnet's address range")
    if is_reserved(address, block):
        raise errors.invalid(f"Address {address} is in subnet's reserved address range")
    if str(address) in taken:
        raise AwsError("InvalidIPAddress.InUse", f"Address {address} is in use.")
    return str(address)


def chosen_groups(inventory: Inventory, vpc_id: str, wanted: Sequence[str], most: int) -> list[str]:
    """Return the security groups of an interface, the default one of its VPC unless others are wanted.

    Raises AwsError for one that the VPC does not have, and for more than `most`.
    """
    groups = inventory.within(SECURITY_GROUP, vpc_id)
    if not wanted:
        return [group.id for group in groups if group["GroupName"] == DEFAULT_GROUP]
    chosen = list(dict.fromkeys(wanted))
    if len(chosen) > most:
        raise errors.limit_exceeded("SecurityGroupsPerInterfaceLimitExceeded", "security groups per interface")
    own = {group.id for group in groups}
    for group_id in chosen:
        if group_id not in own:
            inventory.get(SECURITY_GROUP, group_id)
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist in VPC '{vpc_id}'")
    return chosen


def roomiest(inventory: Inventory, subnet_ids: Sequence[str]) -> Resource:
    """Return the subnet with the most free addresses. Raises AwsError for one that is not there."""
    subnets = [inventory.get(SUBNET, subnet_id) for subnet_id in dict.fromkeys(subnet_ids)]
    taken: dict[str, int] = {}
    for interface in inventory.all(NETWORK_INTERFACE):
        taken[interface["SubnetId"]] = taken.get(interface["SubnetId"], 0) + 1
    return max(subnets, key=lambda subnet: block_of(subnet).num_addresses - taken.get(subnet.id, 0))
