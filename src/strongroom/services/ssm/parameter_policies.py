"""Parameter policies: what happens to a parameter when a time has come.

Source: AWS Systems Manager User Guide, "Assigning parameter policies in Parameter Store"; API Reference, PutParameter.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.ssm.errors import policy_error

EXPIRATION, EXPIRATION_NOTIFICATION = "Expiration", "ExpirationNotification"
NO_CHANGE_NOTIFICATION = "NoChangeNotification"
PENDING, FINISHED = "Pending", "Finished"
POLICIES_MAX = 10
UNITS_MAX = 100_000
_SECONDS = {"Days": 86_400.0, "Hours": 3_600.0}
_VERSION = "1.0"

Policy = dict[str, Any]
"""`text` as it was sent, `type`, `status`; `at` (seconds since the epoch) of an Expiration, `seconds` of the others."""


def _invalid(message: str) -> AwsError:
    return policy_error("InvalidPolicyAttributeException", message)


def parse_policies(text: str, now: float) -> list[Policy]:
    """Return the policies that a request sends, `[]` and `[{}]` being none. `now` is in seconds.

    Raises InvalidPolicyAttributeException, InvalidPolicyTypeException, IncompatiblePolicyException or
    PoliciesLimitExceededException.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("The policies are not valid JSON.") from None
    if not isinstance(tree, list) or not all(isinstance(one, dict) for one in tree):
        raise _invalid("The policies must be a JSON array of objects.")
    if tree in ([], [{}]):
        return []
    if len(tree) > POLICIES_MAX:
        raise policy_error(
            "PoliciesLimitExceededException",
            "You specified more than the maximum number of allowed policies for the parameter. The maximum is 10.",
        )
    policies = [_parse(one, now) for one in tree]
    types = [policy["type"] for policy in policies]
    if types.count(EXPIRATION) > 1:
        raise policy_error("IncompatiblePolicyException", "You can't specify two Expiration policies for a parameter.")
    if EXPIRATION_NOTIFICATION in types and EXPIRATION not in types:
        raise policy_error(
            "IncompatiblePolicyException", "An ExpirationNotification policy needs an Expiration policy beside it."
        )
    return policies


def _parse(one: Mapping[str, Any], now: float) -> Policy:
    kind, attributes = one.get("Type"), one.get("Attributes")
    if kind not in (EXPIRATION, EXPIRATION_NOTIFICATION, NO_CHANGE_NOTIFICATION):
        raise policy_error(
            "InvalidPolicyTypeException",
            "The policy type is not supported. Parameter Store supports the following policy types: Expiration, "
            "ExpirationNotification, and NoChangeNotification.",
        )
    if one.get("Version") != _VERSION or set(one) != {"Type", "Version", "Attributes"}:
        raise _invalid(f"A policy has a Type, the Version {_VERSION}, Attributes, and nothing else.")
    expected = {EXPIRATION: {"Timestamp"}, EXPIRATION_NOTIFICATION: {"Before", "Unit"}}.get(kind, {"After", "Unit"})
    if not isinstance(attributes, dict) or set(attributes) != expected:
        raise _invalid(f"The attributes of the policy type {kind} are {' and '.join(sorted(expected))}.")
    policy: Policy = {"type": kind, "status": PENDING, "text": json.dumps(one, separators=(",", ":"))}
    if kind == EXPIRATION:
        policy["at"] = _time(attributes["Timestamp"], now)
    else:
        policy["seconds"] = _duration(attributes.get("Before", attributes.get("After")), attributes["Unit"])
    return policy


def _time(text: object, now: float) -> float:
    try:
        if not isinstance(text, str):
            raise TypeError
        at = datetime.fromisoformat(text)
        seconds = at.timestamp() if at.tzinfo is not None and "T" in text else None
    except (TypeError, ValueError, OverflowError):
        seconds = None
    if seconds is None:
        raise _invalid("The Timestamp must be a time in ISO_INSTANT or ISO_OFFSET_DATE_TIME format.")
    if seconds <= now:
        raise _invalid("The Timestamp must be in the future.")
    return seconds


def _duration(number: object, unit: object) -> float:
    if not isinstance(unit, str) or unit not in _SECONDS:
        raise _invalid("The Unit must be Days or Hours.")
    is_number = isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= 6
    if not is_number or not 0 < int(str(number)) <= UNITS_MAX:
        raise _invalid(f"The number of {unit} must be text that is a number from 1 to {UNITS_MAX}.")
    return int(str(number)) * _SECONDS[unit]


def expires_at(policies: Iterable[Policy]) -> float | None:
    """Return when a parameter is to be deleted, in seconds, or None."""
    return next((policy["at"] for policy in policies if policy["type"] == EXPIRATION), None)


def due_at(policy: Policy, policies: Sequence[Policy], modified_at: float) -> float:
    """Return when a policy has something to do, in seconds. `modified_at` is when the parameter last changed."""
    if policy["type"] == EXPIRATION:
        at: float = policy["at"]
        return at
    if policy["type"] == NO_CHANGE_NOTIFICATION:
        return modified_at + float(policy["seconds"])
    return (expires_at(policies) or 0.0) - float(policy["seconds"])


def next_due_at(policies: Sequence[Policy], modified_at: float) -> float | None:
    """Return when the first of the policies that are pending has something to do, or None."""
    due = (due_at(policy, policies, modified_at) for policy in policies if policy["status"] == PENDING)
    return min(due, default=None)


def kept_after_change(policies: Iterable[Policy]) -> list[Policy]:
    """Return the policies of a parameter whose value changes: those that wait for no change wait anew."""
    return [
        policy | {"status": PENDING} if policy["type"] == NO_CHANGE_NOTIFICATION else dict(policy)
        for policy in policies
    ]
