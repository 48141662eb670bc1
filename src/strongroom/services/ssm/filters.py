"""Filters of listings: which there are, what they may say, and which parameters they let through.

Source: AWS Systems Manager API Reference, ParameterStringFilter, ParametersFilter; answers of AWS.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.services.ssm import errors
from strongroom.services.ssm.names import checked_path, parent_of
from strongroom.services.ssm.parameters import (
    ADVANCED,
    INTELLIGENT,
    SECURE_STRING,
    STANDARD,
    STRING,
    STRING_LIST,
    Parameter,
)

EQUALS, BEGINS_WITH, CONTAINS = "Equals", "BeginsWith", "Contains"
RECURSIVE, ONE_LEVEL = "Recursive", "OneLevel"
LABEL, PATH, NAME = "Label", "Path", "Name"
_TAG = "tag:"

_KEYS_OF_DESCRIBE = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
_KEYS_BY_PATH = ("Type", "KeyId", LABEL)
_OPTIONS = {
    PATH: (RECURSIVE, ONE_LEVEL),
    NAME: (BEGINS_WITH, EQUALS, CONTAINS),
    LABEL: (EQUALS,),
}
_ENUMS = {"Type": (STRING, STRING_LIST, SECURE_STRING), "Tier": (STANDARD, ADVANCED, INTELLIGENT)}
_RESERVED_PATH = re.compile(r"/(aws|ssm)", re.IGNORECASE)


class Filter(NamedTuple):
    """One filter: it lets through what has one of the values, compared as `option` says."""

    key: str
    option: str
    values: tuple[str, ...]

    def lets_through(self, parameter: Parameter) -> bool:
        """Return whether a parameter passes; a filter by label is the query's part, and lets everything through."""
        if self.key == LABEL:
            return True
        if self.key == PATH:
            return any(self._is_below(parameter.name, value) for value in self.values)
        if self.key == NAME:
            return self._matches_name(parameter.name)
        value = self._value_of(parameter)
        if value is None:
            return False
        # A tag's filter without values asks whether there is the tag.
        return not self.values or self._matches(value, self.values)

    def _value_of(self, parameter: Parameter) -> str | None:
        if self.key.startswith(_TAG):
            return parameter.tags.get(self.key[len(_TAG) :])
        if self.key == "Type":
            return parameter.type
        if self.key == "Tier":
            return parameter.tier
        details: Mapping[str, Any] = parameter.version.details
        return details["data_type"] if self.key == "DataType" else details.get("key_id")

    def _matches(self, value: str, wanted: Iterable[str]) -> bool:
        if self.option == BEGINS_WITH:
            return value.startswith(tuple(wanted))
        if self.option == CONTAINS:
            return any(each in value for each in wanted)
        return value in wanted

    def _matches_name(self, name: str) -> bool:
        """A name outside a hierarchy is found with and without a leading slash."""
        if self.option == CONTAINS:
            return self._matches(name, self.values)
        return self._matches("/" + name.removeprefix("/"), ["/" + value.removeprefix("/") for value in self.values])

    def _is_below(self, name: str, path: str) -> bool:
        path = path.rstrip("/")
        if self.option == ONE_LEVEL:
            return parent_of(name) == (path or "/")
        return not path or name.startswith(f"{path}/")


def parse_filters(listed: Sequence[Mapping[str, Any]] | None, *, by_path: bool) -> tuple[Filter, ...]:
    """Return the filters of a request's `ParameterFilters`.

    Raises InvalidFilterKey, InvalidFilterOption, InvalidFilterValue, or ValidationException for a path that is none.
    """
    found: list[Filter] = []
    for one in listed or ():
        key, values = one["Key"], tuple(one.get("Values") or ())
        _check_key(key, by_path)
        if not values and not key.startswith(_TAG):
            raise errors.invalid_filter_value(f"The following filter values are missing : null for filter key {key}.")
        if any(each.key == key for each in found):
            raise errors.invalid_filter_key(
                f"The following filter is duplicated in the request: {key}. A request can contain only one occurrence "
                "of a specific filter."
            )
        option = one.get("Option") or (ONE_LEVEL if key == PATH else EQUALS)
        valid = _OPTIONS.get(key, (BEGINS_WITH, EQUALS))
        if option not in valid:
            raise errors.invalid_filter_option(option, valid)
        _check_values(key, option, values)
        found.append(Filter(key, option, values))
    return tuple(found)


def _check_key(key: str, by_path: bool) -> None:
    valid = _KEYS_BY_PATH if by_path else _KEYS_OF_DESCRIBE
    if key not in valid and (by_path or not key.startswith(_TAG)):
        raise errors.invalid_filter_key(
            f"The following filter key is not valid: {key}. Valid filter keys include: [{', '.join(valid)}]."
        )


def _check_values(key: str, option: str, values: Sequence[str]) -> None:
    if key == PATH:
        for value in values:
            if _RESERVED_PATH.match(value):
                raise errors.validation(
                    'Filters for common parameters can\'t be prefixed with "aws" or "ssm" (case-insensitive). When '
                    "using global parameters, please specify within a global namespace."
                )
            checked_path(value)
    enum = _ENUMS.get(key)
    if enum is not None and option == EQUALS:
        for value in values:
            if value not in enum:
                raise errors.invalid_filter_option_value(value, enum)


def parse_old_filters(listed: Sequence[Mapping[str, Any]] | None) -> tuple[Filter, ...]:
    """Return the filters of a request's `Filters`, which are deprecated: names are compared by how they begin."""
    return tuple(
        Filter(one["Key"], BEGINS_WITH if one["Key"] == NAME else EQUALS, tuple(one["Values"])) for one in listed or ()
    )
