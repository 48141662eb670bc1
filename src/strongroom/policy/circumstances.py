"""What would have to be otherwise about a request for a condition to be met, or not to be, in words."""

from strongroom.policy.conditions import Condition
from strongroom.policy.operators import OPERATORS
from strongroom.policy.request import AccessRequest

_WAYS_OUT = {
    ("aws:securetransport", "false"): "over HTTPS",
    ("aws:multifactorauthpresent", "false"): "to a session begun with MFA",
    ("aws:viaawsservice", "false"): "if an AWS service made the request",
}


def way_out(request: AccessRequest, condition: Condition) -> str:
    """Say how a condition that is met would not be. AWS's words for the key, the request's for its value."""
    key = condition.key
    values = request.context.values_of(key.lower())
    known = _WAYS_OUT.get((key.lower(), values[0].lower() if len(values) == 1 else ""))
    if known is not None:
        return f"{known} ({_has(request, key)})"
    return _were(request, condition, is_met=False)


def wish(request: AccessRequest, condition: Condition) -> str:
    """Say how a condition that is not met would be."""
    return _were(request, condition, is_met=True)


def _were(request: AccessRequest, condition: Condition, *, is_met: bool) -> str:
    """Say what the request would have to be for the condition to be met, or not to be."""
    key, has = condition.key, _has(request, condition.key)
    wanted = " or ".join(condition.values)
    base = condition.operator.split(":")[-1].removesuffix("IfExists")
    if base == "Null":
        is_there = bool(request.context.values_of(key.lower()))
        return f"if the request had {'no' if is_there else 'a'} {key}"
    if base.endswith(("Than", "ThanEquals")):
        return f"if {key} {'met' if is_met else 'did not meet'} {base} {wanted} ({has})"
    operator = OPERATORS.get(base)
    is_negated = operator is not None and operator.negated
    return f"if {key} were {wanted} ({has})" if is_met is not is_negated else f"if {key} were not {wanted} ({has})"


def _has(request: AccessRequest, key: str) -> str:
    values = request.context.values_of(key.lower())
    return f"{key} is {', '.join(values)}" if values else f"the request has no {key}"
