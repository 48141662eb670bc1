"""How requests name functions: a name, a partial ARN or an ARN, each with a qualifier or without.

Source: AWS Lambda API Reference, "FunctionName" of each action.
"""

import re
from typing import NamedTuple

from strongroom.base.arn import partition_of
from strongroom.services.lambda_ import errors

LATEST = "$LATEST"
NAME_CHARACTERS_MAX = 64

_FUNCTION = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account_id>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)
_OF_ANY_REGION = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account_id>\d{12}):function:"
    r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?",
    re.ASCII,
)
"""The ARN of a function in a Region whose name is not like AWS's; other services name functions so."""
_NUMBER = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class FunctionName(NamedTuple):
    """What a request names a function by. `qualifier` is empty, `$LATEST`, the number of a version, or an alias."""

    account_id: str
    region: str
    name: str
    qualifier: str

    @property
    def arn(self) -> str:
        """The function's ARN, without a qualifier."""
        return function_arn(self.account_id, self.region, self.name)

    @property
    def qualified_arn(self) -> str:
        """The ARN that the request means: with its qualifier, if it has one."""
        return qualified(self.arn, self.qualifier)


def function_arn(account_id: str, region: str, name: str) -> str:
    """Return the ARN of a function, without a qualifier."""
    return f"arn:{partition_of(region)}:lambda:{region}:{account_id}:function:{name}"


def qualified(arn: str, qualifier: str) -> str:
    """Return the ARN of a version or alias; of the function itself for an empty qualifier."""
    return f"{arn}:{qualifier}" if qualifier else arn


def is_number(qualifier: str) -> bool:
    """Whether a qualifier is the number of a published version."""
    return _NUMBER.fullmatch(qualifier) is not None


def read_function_name(text: str, qualifier: str | None, account_id: str, region: str) -> FunctionName:
    """Return what a request means by a function's name and its Qualifier member, called in an account and Region.

    Raises ValidationException for what is no name, ResourceNotFoundException for one of another Region, and
    InvalidParameterValueException when name and member have different qualifiers.
    """
    match = _FUNCTION.fullmatch(text) or _OF_ANY_REGION.fullmatch(text)
    if match is None:
        raise errors.not_validated(
            f"Value '{text}' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression "
            f"pattern: {_FUNCTION.pattern}"
        )
    if (match["region"] or region) != region:
        raise errors.other_region(match["region"], region)
    derived = match["qualifier"] or ""
    if qualifier and derived and qualifier != derived:
        raise errors.qualifiers_differ()
    return FunctionName(match["account_id"] or account_id, region, match["name"], qualifier or derived)
