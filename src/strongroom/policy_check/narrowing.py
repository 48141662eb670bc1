"""Which conditions narrow *who* may make a request to parties that the author knows.

A condition on how a request is made (over TLS, with which client, at what time) narrows nobody: anyone can meet it.
Source: IAM User Guide, "AWS global condition context keys"; Amazon S3 User Guide, "The meaning of public".
"""

from strongroom.policy.literals import read_network
from strongroom.policy_check.condition import CheckedCondition

IPV4_PREFIX_BITS_MIN = 8
IPV6_PREFIX_BITS_MIN = 32

_POSITIVE = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"})
_EXACT = frozenset(
    {
        "aws:principalorgid",
        "aws:principalaccount",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "aws:principalservicename",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
    }
)
_FIRST_PART = {"aws:principalorgpaths": "/", "aws:sourceorgpaths": "/", "aws:vpceorgpaths": "/", "aws:userid": ":"}
_ARNS = frozenset({"aws:principalarn", "aws:sourcearn", "aws:sourcevpcarn", "s3:dataaccesspointarn"})
_OWN_RESOURCE = {"aws:resourceaccount": "${aws:principalaccount}", "aws:resourceorgid": "${aws:principalorgid}"}
_FOR_SERVICES = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})
_CONTEXT_OF_KEY = "kms:encryptioncontext:"


def narrows_callers(condition: CheckedCondition) -> bool:
    """Return whether only callers whom the author knows can meet `condition`."""
    if condition.key == "elasticfilesystem:accessedviamounttarget":
        return condition.base == "Bool" and {text.lower() for text in condition.texts} == {"true"}
    if condition.base not in _POSITIVE or condition.met_when_absent or not condition.values:
        return False
    return all(_names_somebody(condition.key, text) for text in condition.texts)


def narrows_services(condition: CheckedCondition) -> bool:
    """Return whether a service principal meets `condition` only on behalf of a customer whom the author knows."""
    if condition.key in _FOR_SERVICES or condition.key == "kms:calleraccount":
        return narrows_callers(condition)
    is_context = condition.key.startswith(_CONTEXT_OF_KEY) and condition.base in _POSITIVE
    return is_context and not condition.met_when_absent and all(text.strip("*?") for text in condition.texts)


def _names_somebody(key: str, text: str) -> bool:
    if key == "aws:sourceip":
        network = read_network(text)
        bits_min = IPV4_PREFIX_BITS_MIN if network is not None and network.version == 4 else IPV6_PREFIX_BITS_MIN
        return network is not None and network.mask.bit_count() >= bits_min
    if key in _OWN_RESOURCE:
        return text.lower() == _OWN_RESOURCE[key]
    if key in _ARNS:
        return _names_an_owner(text)
    if key in _FIRST_PART:
        text = text.partition(_FIRST_PART[key])[0]
    elif key not in _EXACT:
        return False
    return bool(text) and not set(text) & set("*?$")


def _names_an_owner(arn: str) -> bool:
    """An ARN names its account, or it is a bucket's, whose name belongs to one account alone."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    owner = parts[5].partition("/")[0] if parts[2] == "s3" and not parts[4] else parts[4]
    return bool(owner) and not set(owner) & set("*?$")
