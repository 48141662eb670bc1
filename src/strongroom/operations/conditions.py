"""Global condition keys (`aws:...`): what every request answers, whatever the service.

Source: IAM User Guide, "AWS global condition context keys". A key that a request does not have answers None, and the
policy engine applies the rules on absent keys.
"""

from collections.abc import Callable, Mapping

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.policy.context import ContextValue


def _called_via(call: Call) -> ContextValue:
    return f"{call.via}.amazonaws.com" if call.via else None


_PRINCIPAL_TYPES: Mapping[str, str] = {
    "Root": "Account",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
}

_GLOBAL: Mapping[str, Callable[[Call], ContextValue]] = {
    "aws:securetransport": lambda call: call.origin.secure,
    "aws:sourceip": lambda call: call.origin.source_ip or None,
    "aws:useragent": lambda call: call.origin.user_agent or None,
    "aws:currenttime": lambda call: as_datetime(call.origin.received_at),
    "aws:epochtime": lambda call: int(call.origin.received_at),
    "aws:principalarn": lambda call: call.caller.principal.issuer_arn or call.caller.arn,
    "aws:principalaccount": lambda call: call.account_id,
    "aws:principaltype": lambda call: _PRINCIPAL_TYPES.get(call.caller.identity.type),
    "aws:userid": lambda call: call.caller.user_id,
    "aws:username": lambda call: call.caller.identity.username,
    "aws:requestedregion": lambda call: call.region,
    "aws:viaawsservice": lambda call: call.via is not None,
    "aws:calledvia": _called_via,
    "aws:calledviafirst": _called_via,
    "aws:calledvialast": _called_via,
}


def global_condition(call: Call, resource_account_id: str, name: str) -> ContextValue:
    """Return the value of a global condition key, named in lower case, or None when the request does not have it."""
    if name == "aws:resourceaccount":
        return resource_account_id
    value = _GLOBAL.get(name)
    return value(call) if value is not None else None
