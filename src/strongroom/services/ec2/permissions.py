"""What security groups allow, between the two ways in which it is written: IpPermissions and rules.

An IpPermission holds any number of peers for one protocol and range of ports; a rule is one of them.

Source: Amazon EC2 API Reference, "IpPermission", "SecurityGroupRule", AuthorizeSecurityGroupIngress.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.ec2 import errors
from strongroom.services.ec2.building import ALL_PROTOCOLS
from strongroom.services.ec2.inventory import Inventory, Resource
from strongroom.services.ec2.kinds import SECURITY_GROUP

PORT_MAX = 65_535
_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": ALL_PROTOCOLS}
_WITH_PORTS = ("tcp", "udp")
_ICMP = ("icmp", "icmpv6")
_ICMP_MAX = 255
_DESCRIPTION = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-:/()#,@[]+=&;{}!$*")
DESCRIPTION_CHARACTERS_MAX = 255

Rule = dict[str, Any]
"""The attributes of one rule: IpProtocol, FromPort, ToPort, its peer, and Description where it has one."""

_PEERS = ("CidrIpv4", "CidrIpv6", "ReferencedGroupInfo")


def allowed_text(text: str, what: str) -> str:
    """Return a name or a description. Raises AwsError for characters, or a length, that it may not have."""
    if len(text) > DESCRIPTION_CHARACTERS_MAX:
        raise errors.invalid_value(text, what, "Character count exceeds 255 characters.")
    if not _DESCRIPTION.issuperset(text):
        raise errors.invalid_value(
            text, what, "Character sets beyond a-zA-Z0-9. _-:/()#,@[]+=&;{}!$* are not supported."
        )
    return text


def protocol_of(text: str | None) -> str:
    """Return a protocol as rules name it. Raises AwsError for what is none."""
    if not text:
        raise errors.missing("ipProtocol")
    name = _NUMBERS.get(text.lower(), text.lower())
    if name in (*_WITH_PORTS, *_ICMP, ALL_PROTOCOLS):
        return name
    if name.isascii() and name.isdecimal() and len(name) <= 3 and int(name) <= 255:
        return str(int(name))
    raise errors.invalid_value(text, "ipProtocol", "Invalid IP protocol")


def ports_of(protocol: str, first: int | None, last: int | None) -> tuple[int, int]:
    """Return the range of ports, or ICMP's type and code, of a rule; -1 is all. Raises AwsError."""
    if protocol in _WITH_PORTS:
        if first is None or last is None:
            raise errors.invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
        if first == last == -1:
            raise errors.invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
        for port in (first, last):
            if not 0 <= port <= PORT_MAX:
                raise errors.invalid(f"Invalid value '{port}' for portRange. Port must be from 0 to {PORT_MAX}.")
        if first > last:
            raise errors.invalid(f"Invalid TCP/UDP port range ({first}:{last})")
        return first, last
    if protocol in _ICMP:
        kind, code = -1 if first is None else first, -1 if last is None else last
        if not (-1 <= kind <= _ICMP_MAX and -1 <= code <= _ICMP_MAX):
            raise errors.invalid(f"ICMP code ({code}) or type ({kind}) out of range")
        return kind, code
    return -1, -1


def rules_in(inventory: Inventory, group: Resource, permissions: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return the rules that IpPermissions are about. Raises AwsError for what no rule of this group can say."""
    rules: list[Rule] = []
    for permission in permissions:
        protocol = protocol_of(permission.get("IpProtocol"))
        first, last = ports_of(protocol, permission.get("FromPort"), permission.get("ToPort"))
        if permission.get("PrefixListIds"):
            raise errors.not_served("prefix lists")
        peers = [
            _with_text({"CidrIpv4": _block(each.get("CidrIp"))}, each) for each in permission.get("IpRanges") or ()
        ]
        peers += [
            _with_text({"CidrIpv6": _block6(each.get("CidrIpv6"))}, each) for each in permission.get("Ipv6Ranges") or ()
        ]
        peers += [
            _with_text({"ReferencedGroupInfo": _referenced(inventory, group, each)}, each)
            for each in permission.get("UserIdGroupPairs") or ()
        ]
        if not peers:
            raise errors.missing("ipRanges, ipv6Ranges or userIdGroupPairs")
        rules += [{"IpProtocol": protocol, "FromPort": first, "ToPort": last, **peer} for peer in peers]
    return rules


def requested_rule(inventory: Inventory, group: Resource, sent: Mapping[str, Any]) -> Rule:
    """Return the rule that a SecurityGroupRuleRequest says. Raises AwsError."""
    protocol = protocol_of(sent.get("IpProtocol"))
    first, last = ports_of(protocol, sent.get("FromPort"), sent.get("ToPort"))
    if sent.get("PrefixListId"):
        raise errors.not_served("prefix lists")
    peer: Rule
    if sent.get("CidrIpv4"):
        peer = {"CidrIpv4": _block(sent["CidrIpv4"])}
    elif sent.get("CidrIpv6"):
        peer = {"CidrIpv6": _block6(sent["CidrIpv6"])}
    elif sent.get("ReferencedGroupId"):
        peer = {"ReferencedGroupInfo": _referenced(inventory, group, {"GroupId": sent["ReferencedGroupId"]})}
    else:
        raise errors.missing("cidrIpv4, cidrIpv6 or referencedGroupId")
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, **_with_text(peer, sent)}


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two rules of one group and direction allow the same; their descriptions do not count."""
    names = ("IpProtocol", "FromPort", "ToPort", *_PEERS)
    return all(one.get(name) == other.get(name) for name in names)


def told(rule: Mapping[str, Any]) -> str:
    """Return a rule as AWS's messages tell it."""
    peer = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule["ReferencedGroupInfo"]["GroupId"]
    if rule["IpProtocol"] == ALL_PROTOCOLS:
        return f'"peer: {peer}, ALL, ALLOW"'
    first, last = rule["FromPort"], rule["ToPort"]
    return f'"peer: {peer}, {rule["IpProtocol"].upper()}, from port: {first}, to port: {last}, ALLOW"'


def permissions_of(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rules of one direction as IpPermissions."""
    together: dict[tuple[str, int, int], dict[str, Any]] = {}
    for rule in rules:
        key = rule["IpProtocol"], rule["FromPort"], rule["ToPort"]
        permission = together.get(key)
        if permission is None:
            permission = together[key] = {"IpProtocol": key[0]}
            if key[0] != ALL_PROTOCOLS:
                permission |= {"FromPort": key[1], "ToPort": key[2]}
            permission |= {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
        text = {"Description": rule["Description"]} if rule.get("Description") else {}
        if rule.get("CidrIpv4"):
            permission["IpRanges"].append({"CidrIp": rule["CidrIpv4"], **text})
        elif rule.get("CidrIpv6"):
            permission["Ipv6Ranges"].append({"CidrIpv6": rule["CidrIpv6"], **text})
        else:
            permission["UserIdGroupPairs"].append({**rule["ReferencedGroupInfo"], **text})
    return list(together.values())


def old_style(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the IpPermissions of a request: given as such, or as parameters of the request's own."""
    sent: list[dict[str, Any]] = list(params.get("IpPermissions") or ())
    alone = {name: params[name] for name in ("IpProtocol", "FromPort", "ToPort") if params.get(name) is not None}
    if params.get("CidrIp"):
        alone["IpRanges"] = [{"CidrIp": params["CidrIp"]}]
    if params.get("SourceSecurityGroupName"):
        pair = {"GroupName": params["SourceSecurityGroupName"]}
        if params.get("SourceSecurityGroupOwnerId"):
            pair["UserId"] = params["SourceSecurityGroupOwnerId"]
        alone["UserIdGroupPairs"] = [pair]
        # A group as a whole was all that this could say, of every protocol.
        alone.setdefault("IpProtocol", ALL_PROTOCOLS)
    if alone and sent:
        raise errors.combination("The parameter 'ipPermissions' may not be used in combination with 'ipProtocol'")
    return [alone] if alone else sent


def _with_text(peer: Rule, sent: Mapping[str, Any]) -> Rule:
    text = sent.get("Description")
    return peer | {"Description": allowed_text(text, "description")} if text else peer


def _block(text: str | None) -> str:
    try:
        block = ipaddress.IPv4Network(text or "", strict=False)
    except ValueError:
        raise errors.invalid(f"CIDR block {(text or '')[:64]} is malformed") from None
    if not text or "/" not in text:
        raise errors.invalid(f"CIDR block {(text or '')[:64]} is malformed")
    return str(block)


def _block6(text: str | None) -> str:
    try:
        return str(ipaddress.IPv6Network(text or "", strict=False))
    except ValueError:
        raise errors.invalid(f"CIDR block {(text or '')[:64]} is malformed") from None


def _referenced(inventory: Inventory, group: Resource, pair: Mapping[str, Any]) -> dict[str, str]:
    owner = pair.get("UserId") or inventory.account_id
    if owner != inventory.account_id or pair.get("VpcPeeringConnectionId"):
        raise errors.not_served("security groups of other accounts")
    if pair.get("GroupId"):
        referenced = inventory.find(SECURITY_GROUP, pair["GroupId"])
        if referenced is None or referenced.vpc_id != group.vpc_id:
            raise SECURITY_GROUP.not_found(pair["GroupId"])
        return {"GroupId": referenced.id, "UserId": owner}
    for each in inventory.within(SECURITY_GROUP, group.vpc_id):
        if each["GroupName"] == pair.get("GroupName"):
            return {"GroupId": each.id, "UserId": owner}
    name = str(pair.get("GroupName") or "")[:255]
    raise AwsError("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
