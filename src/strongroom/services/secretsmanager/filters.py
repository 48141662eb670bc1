"""Filters of secrets. Source: AWS Secrets Manager API Reference, Filter; User Guide, "Find secrets"."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.secretsmanager.errors import invalid_parameter

NOT = "!"
Test = Callable[[Any], bool]
"""Whether a secret's row is wanted."""


def _begins(text: str | None, value: str) -> bool:
    return text is not None and text.startswith(value)


def _has_all_words(row: Any, value: str) -> bool:
    texts = [text.lower() for text in _texts(row)]
    return all(any(word in text for text in texts) for word in value.lower().split())


def _texts(row: Any) -> Iterator[str]:
    yield row.name
    yield row.description or ""
    yield row.primary_region or ""
    for key, value in (row.tags or {}).items():
        yield key
        yield value


_KEYS: Mapping[str, Callable[[Any, str], bool]] = {
    "description": lambda row, value: (row.description or "").lower().startswith(value.lower()),
    "name": lambda row, value: _begins(row.name, value),
    "tag-key": lambda row, value: any(_begins(key, value) for key in row.tags or {}),
    "tag-value": lambda row, value: any(_begins(text, value) for text in (row.tags or {}).values()),
    "primary-region": lambda row, value: _begins(row.primary_region, value),
    "owning-service": lambda row, value: _begins(row.owning_service, value),
    "all": _has_all_words,
}


def read_filters(listed: Sequence[Mapping[str, Any]] | None) -> Test:
    """Return whether a secret passes all filters: one of a filter's values fits, and none of those with `!` before.

    Raises InvalidParameterException for a filter without a key or values.
    """
    tests = [_read_filter(each) for each in listed or ()]
    return lambda row: all(test(row) for test in tests)


def _read_filter(told: Mapping[str, Any]) -> Test:
    key, values = told.get("Key"), told.get("Values")
    if key is None:
        raise invalid_parameter("Invalid filter key")
    if not values:
        raise _no_values(key)
    fits = _KEYS[key]
    wanted = [value for value in values if not value.startswith(NOT)]
    unwanted = [value[len(NOT) :] for value in values if value.startswith(NOT)]

    def test(row: Any) -> bool:
        if any(fits(row, value) for value in unwanted):
            return False
        return not wanted or any(fits(row, value) for value in wanted)

    return test


def _no_values(key: str) -> AwsError:
    return invalid_parameter(f"Invalid filter values for key: {key}")
