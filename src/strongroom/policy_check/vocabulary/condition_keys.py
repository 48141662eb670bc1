"""Condition keys and the types of their values; what is known of when a request has them.

Source: IAM User Guide, "AWS global condition context keys"; AWS Service Authorization Reference, "Condition keys".
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.policy_check.vocabulary.services import known_services, prefixes, service_names

_GLOBAL = {
    "Strings": "aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths "
    "aws:SourceOrgPaths aws:TagKeys aws:VpceOrgPaths",
    "Arn": "aws:PrincipalArn aws:SourceArn aws:SourceVpcArn aws:ChatbotSourceArn aws:SignInSessionArn "
    "ec2:SourceInstanceARN lambda:SourceFunctionArn ssm:SourceInstanceARN",
    "Bool": "aws:AssumedRoot aws:IsMcpServiceAction aws:MultiFactorAuthPresent aws:PrincipalIsAWSService "
    "aws:SecureTransport aws:ViaAWSMCPService aws:ViaAWSService",
    "Numeric": "aws:MultiFactorAuthAge ec2:RoleDelivery",
    "Date": "aws:CurrentTime aws:EpochTime aws:TokenIssueTime",
    "IPAddress": "aws:SourceIp aws:VpcSourceIp aws:Ec2InstanceSourcePrivateIPv4",
    "String": "glue:RoleAssumedBy glue:CredentialIssuingService aws:CalledViaFirst aws:CalledViaLast "
    "aws:CalledViaAWSMCP aws:Ec2InstanceSourceVpc aws:FederatedProvider aws:PrincipalAccount aws:PrincipalOrgID "
    "aws:PrincipalServiceName aws:PrincipalTag/* aws:PrincipalType aws:RequestTag/* aws:RequestedRegion "
    "aws:ResourceAccount aws:ResourceOrgID aws:ResourceTag/* aws:SourceAccount aws:SourceIdentity aws:SourceOrgID "
    "aws:SourceOwner aws:SourceVpc aws:SourceVpce aws:UserAgent aws:VpceAccount aws:VpceOrgID aws:referer "
    "aws:userid aws:username",
}

ALWAYS_PRESENT = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:securetransport",
        "aws:viaawsservice",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:principaltype",
        "aws:principalisawsservice",
    }
)
"""Keys, in lower case, that every signed request has."""


@dataclass(frozen=True, slots=True)
class KeyType:
    """A condition key as AWS writes it (`*` stands for a part of one's own) and the type of its values.

    `kind` is one of String, Arn, Bool, Numeric, Date, IPAddress. `many` is whether a request may have several values.
    """

    name: str
    kind: str
    many: bool


def key_type(key: str) -> KeyType | None:
    """Return what is known of the lower-case `key`, or None when AWS has none of that name."""
    exact = _KEYS.get(key)
    if exact is not None:
        return exact
    for name, found in _PREFIXED.items():
        if key.startswith(name) and len(key) > len(name):
            return found
    # The keys of SAML and of the identity providers that AWS knows stand in the table of sts.
    service = service_names(key.partition(":")[0]) or service_names("sts")
    entries = service.keys.items() if service is not None else ()
    return next((_type(*entry) for name, entry in entries if _matches(name, key)), None)


def may_exist(key: str) -> bool:
    """Return whether the lower-case `key` is known, or is of a service or identity provider whose keys are not."""
    prefix = key.partition(":")[0]
    if key_type(key) is not None or "." in prefix or "/" in prefix:
        return True
    return prefix in prefixes() and prefix not in known_services() and prefix != "saml"


def closest_key(key: str) -> str | None:
    """Return the known condition key most like `key`, or None when none is."""
    prefix = key.partition(":")[0]
    service = service_names(prefix)
    names = {name.lower(): name for name in (*_NAMES, *_own_keys(service.keys.values() if service else ()))}
    found = difflib.get_close_matches(key.lower(), names, n=1)
    return names[found[0]] if found else None


def _own_keys(entries: Iterable[tuple[str, str]]) -> list[str]:
    return [name for name, _ in entries]


def _matches(pattern: str, key: str) -> bool:
    return key == pattern or (pattern.endswith("*") and key.startswith(pattern[:-1]) and len(key) >= len(pattern))


def _type(name: str, kind: str) -> KeyType:
    single = kind.removesuffix("s") if kind in ("Strings", "Arns", "Bools") else kind
    return KeyType(name, single, kind != single)


_NAMES = tuple(name for names in _GLOBAL.values() for name in names.split())
_ALL = {name.lower(): _type(name, kind) for kind, names in _GLOBAL.items() for name in names.split()}
_KEYS = {name: found for name, found in _ALL.items() if not name.endswith("*")}
_PREFIXED = {name[:-1]: found for name, found in _ALL.items() if name.endswith("*")}
