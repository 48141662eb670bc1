"""What the keeper of networks is told of a VPC, from what EC2 knows of it.

Source: Amazon VPC User Guide, "Route tables", "NAT gateways", "Security group rules".
"""

from strongroom.runners.networks.messages import Interface, Rule, Subnet, Vpc
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_INTERFACE, SUBNET

_PROTOCOLS = {"-1": -1, "icmp": 1, "tcp": 6, "udp": 17}
_IPV6_ONLY = "icmpv6"


def vpc_plan(inventory: Inventory, vpc_id: str, in_use: set[str]) -> Vpc:
    """Return a VPC as it should be in force, with those of its interfaces that are in use."""
    every = inventory.within(NETWORK_INTERFACE, vpc_id)
    members: dict[str, list[str]] = {}
    for interface in every:
        for group_id in interface["Groups"]:
            members.setdefault(group_id, []).append(interface["PrivateIpAddress"])
    return Vpc(
        vpc_id,
        tuple(
            Subnet(subnet.id, subnet["CidrBlock"], blocks_led_out(inventory, subnet))
            for subnet in inventory.subnets_of(vpc_id)
        ),
        tuple(_interface(inventory, each) for each in every if each.id in in_use),
        {group_id: tuple(addresses) for group_id, addresses in members.items()},
    )


def blocks_led_out(inventory: Inventory, subnet: Resource) -> tuple[str, ...]:
    """Return the blocks of addresses that the routes of a subnet lead to the internet."""
    routes = inventory.route_table_of(subnet)["Routes"]
    return tuple(route["DestinationCidrBlock"] for route in routes if _leads_out(inventory, subnet, route))


def _leads_out(inventory: Inventory, subnet: Resource, route: dict[str, str]) -> bool:
    if route.get("GatewayId"):
        gateway = inventory.find(INTERNET_GATEWAY, route["GatewayId"])
        return gateway is not None and gateway.vpc_id == subnet.vpc_id
    nat = inventory.find(NAT_GATEWAY, route.get("NatGatewayId", ""))
    if nat is None or nat["State"] != "available" or nat["ConnectivityType"] != "public":
        return False
    # A NAT gateway leads no further than its own subnet does.
    place = inventory.find(SUBNET, nat["SubnetId"])
    return place is not None and any(
        each.get("GatewayId") and _leads_out(inventory, place, each)
        for each in inventory.route_table_of(place)["Routes"]
    )


def _interface(inventory: Inventory, interface: Resource) -> Interface:
    rules: dict[bool, list[Rule]] = {False: [], True: []}
    for group_id in interface["Groups"]:
        for rule in inventory.rules_of(group_id):
            allowed = _rule(rule)
            if allowed is not None:
                rules[rule["IsEgress"]].append(allowed)
    return Interface(
        interface.id,
        interface["SubnetId"],
        interface["PrivateIpAddress"],
        interface["MacAddress"],
        tuple(rules[False]),
        tuple(rules[True]),
    )


def _rule(rule: Resource) -> Rule | None:
    """Return what a rule allows here, None for a rule about IPv6."""
    protocol = rule["IpProtocol"]
    if rule.get("CidrIpv6") or protocol == _IPV6_ONLY:
        return None
    peer = rule.get("CidrIpv4") or rule["ReferencedGroupInfo"]["GroupId"]
    number = _PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol)
    return Rule(number, rule["FromPort"], rule["ToPort"], peer)
