"""Network interfaces. Source: Amazon EC2 API Reference, the actions on network interfaces."""

from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import inventory_of, made, named
from strongroom.services.ec2.building import build_network_interface
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import ELASTIC_IP, NETWORK_INTERFACE, SECURITY_GROUP, SUBNET
from strongroom.services.ec2.listing import Listing, attribute, describe
from strongroom.services.ec2.permissions import allowed_text
from strongroom.services.ec2.placing import chosen_address, chosen_groups
from strongroom.services.ec2.quotas import GROUPS_PER_INTERFACE_QUOTA, NETWORK_INTERFACES_QUOTA, must_have_room
from strongroom.services.ec2.served import change, ec2_operation
from strongroom.services.ec2.tag_specifications import shown_tags, specified_tags
from strongroom.services.ec2.vpcs import refuse_unserved
from strongroom.services.ec2.zones import zone_id
from strongroom.storage.connection import Connection

_NOT_SERVED = {
    "Ipv4Prefixes": "prefixes of network interfaces",
    "Ipv4PrefixCount": "prefixes of network interfaces",
    "Ipv6Prefixes": "IPv6",
    "Ipv6PrefixCount": "IPv6",
    "Ipv6Addresses": "IPv6",
    "Ipv6AddressCount": "IPv6",
    "EnablePrimaryIpv6": "IPv6",
    "SecondaryPrivateIpAddressCount": "secondary addresses",
    "ConnectionTrackingSpecification": "connection tracking settings",
    "Operator": "managed network interfaces",
}
_SHOWN_AS_KEPT = (
    "VpcId",
    "SubnetId",
    "AvailabilityZone",
    "PrivateIpAddress",
    "Description",
    "InterfaceType",
    "MacAddress",
    "RequesterManaged",
    "SourceDestCheck",
    "Status",
)
_MODIFIABLE = ("Description", "SourceDestCheck", "Groups")


def private_name(address: str, region: str) -> str:
    """Return the name that an address has within its VPC."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def association_of(inventory: Inventory, interface: Resource) -> dict[str, Any] | None:
    """Return the public address of an interface, as answers show it, or None."""
    for address in inventory.all(ELASTIC_IP):
        if address.get("NetworkInterfaceId") == interface.id:
            return {
                "AllocationId": address.id,
                "AssociationId": address["AssociationId"],
                "IpOwnerId": interface.account_id,
                "PublicDnsName": "",
                "PublicIp": address["PublicIp"],
            }
    return None


def shown_interface(inventory: Inventory, interface: Resource) -> dict[str, Any]:
    """Return a network interface as answers show it."""
    address, association = interface["PrivateIpAddress"], association_of(inventory, interface)
    name = private_name(address, interface.region)
    primary: dict[str, Any] = {"Primary": True, "PrivateIpAddress": address, "PrivateDnsName": name}
    shown: dict[str, Any] = {each: interface[each] for each in _SHOWN_AS_KEPT} | {
        "NetworkInterfaceId": interface.id,
        "OwnerId": interface.account_id,
        "AvailabilityZoneId": zone_id(interface["AvailabilityZone"]),
        "PrivateDnsName": name,
        "PrivateIpAddresses": [primary],
        "Groups": [
            {"GroupId": group.id, "GroupName": group["GroupName"]}
            for group_id in interface["Groups"]
            if (group := inventory.find(SECURITY_GROUP, group_id)) is not None
        ],
        "Ipv6Addresses": [],
        "DenyAllIgwTraffic": False,
        "TagSet": shown_tags(interface.tags),
    }
    if association is not None:
        shown["Association"] = primary["Association"] = association
    if interface.get("RequesterId"):
        shown["RequesterId"] = interface["RequesterId"]
    if interface.get("Attachment"):
        attachment = interface["Attachment"]
        shown["Attachment"] = attachment | {"AttachTime": as_datetime(attachment["AttachTime"])}
    return shown


def _group_names(inventory: Inventory, interface: Resource) -> Iterable[object]:
    return [inventory.get(SECURITY_GROUP, group_id)["GroupName"] for group_id in interface["Groups"]]


def _associated(name: str) -> Any:
    return lambda inventory, interface: ((association_of(inventory, interface) or {}).get(name),)


def _attached(name: str) -> Any:
    return lambda inventory, interface: ((interface.get("Attachment") or {}).get(name),)


INTERFACES = Listing(
    kind=NETWORK_INTERFACE,
    member="NetworkInterfaces",
    ids="NetworkInterfaceIds",
    show=shown_interface,
    filters={
        "addresses.private-ip-address": attribute("PrivateIpAddress"),
        "addresses.primary": lambda inventory, interface: (True,),
        "addresses.association.public-ip": _associated("PublicIp"),
        "addresses.association.owner-id": _associated("IpOwnerId"),
        "association.allocation-id": _associated("AllocationId"),
        "association.association-id": _associated("AssociationId"),
        "association.ip-owner-id": _associated("IpOwnerId"),
        "association.public-ip": _associated("PublicIp"),
        "association.public-dns-name": lambda inventory, interface: (),
        "attachment.attachment-id": _attached("AttachmentId"),
        "attachment.delete-on-termination": _attached("DeleteOnTermination"),
        "attachment.device-index": _attached("DeviceIndex"),
        "attachment.instance-id": lambda inventory, interface: (),
        "attachment.instance-owner-id": _attached("InstanceOwnerId"),
        "attachment.status": _attached("Status"),
        "availability-zone": attribute("AvailabilityZone"),
        "availability-zone-id": lambda inventory, interface: (zone_id(interface["AvailabilityZone"]),),
        "description": attribute("Description"),
        "group-id": lambda inventory, interface: interface["Groups"],
        "group-name": _group_names,
        "interface-type": attribute("InterfaceType"),
        "mac-address": attribute("MacAddress"),
        "network-interface-id": lambda inventory, interface: (interface.id,),
        "owner-id": lambda inventory, interface: (interface.account_id,),
        "private-dns-name": lambda inventory, interface: (
            private_name(interface["PrivateIpAddress"], interface.region),
        ),
        "private-ip-address": attribute("PrivateIpAddress"),
        "requester-id": attribute("RequesterId"),
        "requester-managed": attribute("RequesterManaged"),
        "source-dest-check": attribute("SourceDestCheck"),
        "status": attribute("Status"),
        "subnet-id": attribute("SubnetId"),
        "vpc-id": attribute("VpcId"),
    },
)


def _wanted_address(params: Mapping[str, Any]) -> str | None:
    """Return the one private address that a request wants. Raises AwsError for more of them."""
    listed = params.get("PrivateIpAddresses") or []
    if len(listed) > 1 or (listed and listed[0].get("Primary") is False):
        raise errors.not_served("secondary addresses")
    if listed and params.get("PrivateIpAddress"):
        raise errors.combination("You may specify either privateIpAddress or privateIpAddresses, not both.")
    return listed[0].get("PrivateIpAddress") if listed else params.get("PrivateIpAddress")


@ec2_operation(
    "CreateNetworkInterface",
    made(NETWORK_INTERFACE),
    named(SUBNET, "SubnetId"),
    named(SECURITY_GROUP, "Groups"),
)
async def create_network_interface(call: Call) -> Answer:
    """Make a network interface with one private address. Source: API Reference, CreateNetworkInterface."""
    params = call.params
    refuse_unserved(params, _NOT_SERVED)
    if params.get("InterfaceType") not in (None, "interface"):
        raise errors.not_served(f"interfaces of the type {params['InterfaceType'][:64]}")
    description = allowed_text(params.get("Description") or "", "description")
    tags = specified_tags(params, NETWORK_INTERFACE)[NETWORK_INTERFACE.name]
    token = {"ClientToken": params["ClientToken"]} if params.get("ClientToken") else {}

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        for interface in inventory.all(NETWORK_INTERFACE) if token else ():
            if interface.get("ClientToken") == params["ClientToken"]:
                if interface["SubnetId"] != params["SubnetId"]:
                    raise AwsError(
                        "IdempotentParameterMismatch",
                        "The request uses the same client token as a previous, but non-identical request.",
                    )
                return token | {"NetworkInterface": shown_interface(inventory, interface)}
        subnet = inventory.get(SUBNET, params["SubnetId"])
        must_have_room(call, NETWORK_INTERFACES_QUOTA, len(inventory.all(NETWORK_INTERFACE)))
        interface = build_network_interface(
            inventory,
            subnet,
            chosen_address(inventory, subnet, _wanted_address(params)),
            chosen_groups(inventory, subnet.vpc_id, params.get("Groups") or (), _groups_max(call)),
            tags,
            Description=description,
            RequesterId=call.caller.user_id,
            **token,
        )
        return token | {"NetworkInterface": shown_interface(inventory, interface) | {"Status": "pending"}}

    return await change(call, write)


@ec2_operation("DescribeNetworkInterfaces", reads_only=True)
async def describe_network_interfaces(call: Call) -> Answer:
    """List network interfaces. Source: API Reference, DescribeNetworkInterfaces."""
    return await call.read(describe(call, INTERFACES))


@ec2_operation("DeleteNetworkInterface", named(NETWORK_INTERFACE, "NetworkInterfaceId"))
async def delete_network_interface(call: Call) -> Answer:
    """Remove a network interface that is not in use. Source: API Reference, DeleteNetworkInterface."""

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        interface = inventory.get(NETWORK_INTERFACE, call.params["NetworkInterfaceId"])
        if interface["Status"] == "in-use":
            raise AwsError("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
        inventory.remove(interface)
        return {}

    return await change(call, write)


@ec2_operation(
    "ModifyNetworkInterfaceAttribute",
    named(NETWORK_INTERFACE, "NetworkInterfaceId"),
    named(SECURITY_GROUP, "Groups"),
)
async def modify_network_interface_attribute(call: Call) -> Answer:
    """Change one attribute of an interface. Source: API Reference, ModifyNetworkInterfaceAttribute."""
    params = call.params
    sent = [name for name in params if name not in ("NetworkInterfaceId", "DryRun")]
    if not sent:
        raise errors.missing("attribute")
    if len(sent) > 1:
        raise errors.combination("Multiple attributes may not be specified in the same request.")
    if sent[0] not in _MODIFIABLE:
        raise errors.not_served(f"changes of the attribute {sent[0]}")

    def write(connection: Connection) -> Answer:
        inventory = inventory_of(call, connection)
        interface = inventory.get(NETWORK_INTERFACE, params["NetworkInterfaceId"])
        if "Groups" in params:
            if not params["Groups"]:
                raise errors.missing("groupId")
            interface.attributes["Groups"] = chosen_groups(
                inventory, interface.vpc_id, params["Groups"], _groups_max(call)
            )
        elif "Description" in params:
            interface.attributes["Description"] = allowed_text(params["Description"].get("Value") or "", "description")
        else:
            interface.attributes["SourceDestCheck"] = bool(params["SourceDestCheck"].get("Value"))
        inventory.save(interface)
        return {}

    return await change(call, write)


def _groups_max(call: Call) -> int:
    return call.house.quotas.most(GROUPS_PER_INTERFACE_QUOTA.quota, call.account_id, call.region)
