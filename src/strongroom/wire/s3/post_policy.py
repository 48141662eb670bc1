"""The policy of a form: until when it may be sent, and what may be in it. The form's maker has signed it.

Source: Amazon S3 API Reference, "POST Policy"; answers of AWS.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from strongroom.base.errors import AwsError
from strongroom.wire.blobs import from_base64
from strongroom.wire.s3 import refusals
from strongroom.wire.timestamps import from_iso_8601

conditions_max = 1_000

_EQUAL, _STARTS_WITH, _LENGTH = "eq", "starts-with", "content-length-range"
_UNCHECKED = frozenset({"x-amz-signature", "policy", "file", "bucket"})
_UNCHECKED_PREFIX = "x-ignore-"


class LengthRange(NamedTuple):
    """How many bytes the file may have."""

    least: int = 0
    most: int | None = None


class PostPolicy(NamedTuple):
    """A policy that was read: when it ends, in seconds since the epoch, and its conditions, as lists of three."""

    expires_at: float
    conditions: Sequence[Sequence[Any]]

    def check(self, fields: Mapping[str, str], bucket: str, wall_time: float) -> LengthRange:
        """Return what the policy says of the file's length, or raise AwsError for a form that it does not allow.

        `fields` are those of the form by name in lower case; all of them have to be in some condition, but those that
        need not. `wall_time` is the real time in seconds since the epoch.
        """
        if wall_time >= self.expires_at:
            raise _denied("Policy expired.")
        given = {**fields, "bucket": bucket}
        lengths = LengthRange()
        checked = set()
        for condition in self.conditions:
            operator, name, value = condition
            if operator == _LENGTH:
                lengths = _narrower(lengths, condition)
                continue
            field = _field_of(name)
            if field is None or not _holds(operator, field, value, given):
                raise _condition_failed(condition)
            checked.add(field)
        extra = [
            name
            for name in fields
            if name not in checked and name not in _UNCHECKED and not name.startswith(_UNCHECKED_PREFIX)
        ]
        if extra:
            raise _denied(f"Extra input fields: {', '.join(extra)}")
        return lengths


def read_policy(encoded: str) -> PostPolicy:
    """Return a policy from its Base64. Raises AwsError (`InvalidPolicyDocument`, 400) for what is not one."""
    try:
        document = msgspec.json.decode(from_base64("".join(encoded.split())))
    except (ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    expiration, conditions = document.get("expiration"), document.get("conditions")
    if expiration is None:
        raise _invalid("Policy missing expiration.")
    if conditions is None:
        raise _invalid("Policy missing conditions.")
    try:
        expires_at = from_iso_8601(expiration).timestamp()
    except (TypeError, ValueError):
        raise _invalid("Invalid 'expiration' value.") from None
    if not isinstance(conditions, list) or len(conditions) > conditions_max:
        raise _invalid("Invalid 'conditions' value: must be a List.")
    return PostPolicy(expires_at, [_condition(each) for each in conditions])


def _condition(each: Any) -> Sequence[Any]:
    if isinstance(each, dict):
        if len(each) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        ((name, value),) = each.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return [_EQUAL, f"${name}", value]
    if not isinstance(each, list) or not each or not isinstance(each[0], str):
        raise _invalid("Invalid 'conditions' value: a condition is a list or an object.")
    operator = each[0].lower()
    if operator not in {_EQUAL, _STARTS_WITH, _LENGTH}:
        raise _invalid(f"Invalid Condition: unknown operation '{each[0][:64]}'.")
    if len(each) != 3:
        raise _invalid(f"Invalid Condition: '{operator}' needs two arguments.")
    if operator != _LENGTH and not all(isinstance(part, str) for part in each):
        raise _invalid("Invalid Condition: arguments must be strings.")
    return [operator, each[1], each[2]]


def _field_of(name: str) -> str | None:
    return name[1:].lower() if name.startswith("$") else None


def _holds(operator: str, field: str, value: str, given: Mapping[str, str]) -> bool:
    found = given.get(field)
    if found is None:
        # A condition that allows anything allows the field to be left out.
        return operator == _STARTS_WITH and not value
    if operator == _EQUAL:
        return found == value
    if field == "content-type":
        return all(part.strip().startswith(value) for part in found.split(","))
    return found.startswith(value)


def _narrower(lengths: LengthRange, condition: Sequence[Any]) -> LengthRange:
    try:
        least, most = (_number(part) for part in condition[1:])
    except ValueError:
        raise _condition_failed(condition) from None
    return LengthRange(max(lengths.least, least), most if lengths.most is None else min(lengths.most, most))


def _number(part: Any) -> int:
    if type(part) is int and part >= 0:
        return part
    if type(part) is str and part.isascii() and part.isdigit() and len(part) <= 18:
        return int(part)
    raise ValueError("not a number of bytes")


def _condition_failed(condition: Iterable[Any]) -> AwsError:
    parts = ", ".join(msgspec.json.encode(str(part)).decode() for part in condition)
    return _denied(f"Policy Condition failed: [{parts}]")


def _denied(text: str) -> AwsError:
    return refusals.access_denied(f"Invalid according to Policy: {text}")


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidPolicyDocument", f"Invalid Policy: {text}", 400)
