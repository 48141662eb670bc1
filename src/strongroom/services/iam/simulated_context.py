"""The circumstances of a simulated request: condition keys with values that a client names, typed.

Source: IAM API Reference, "ContextEntry".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.policy.context import ContextValue
from strongroom.policy.literals import read_boolean, read_bytes, read_network, read_number, read_time
from strongroom.services.iam import errors

CONTEXT_ENTRIES_MAX = 250
CONTEXT_VALUES_MAX = 1_000
"""How many keys a request may name, and how many values for each."""

_LIST = "List"
_READERS: Mapping[str, Callable[[str], object]] = {
    "string": lambda text: text,
    "numeric": read_number,
    "boolean": read_boolean,
    "ip": read_network,
    "binary": read_bytes,
    "date": read_time,
}


def simulated_facts(entries: Sequence[Mapping[str, Any]]) -> dict[str, ContextValue]:
    """Return the values of the keys that a request names, by key in lower case.

    Raises InvalidInput for a value that is not of its type, several values of a type that is no list, and a key that
    is named twice.
    """
    if len(entries) > CONTEXT_ENTRIES_MAX:
        raise errors.invalid_input(f"ContextEntries must have at most {CONTEXT_ENTRIES_MAX} entries.")
    facts: dict[str, ContextValue] = {}
    for entry in entries:
        name = entry.get("ContextKeyName")
        if not name:
            raise errors.invalid_input("Every context entry needs a ContextKeyName.")
        if name.lower() in facts:
            raise errors.invalid_input(f"The context key {name} is given more than once.")
        facts[name.lower()] = _values(name, entry.get("ContextKeyType", "string"), entry.get("ContextKeyValues", ()))
    return facts


def _values(name: str, kind: str, values: Sequence[str]) -> list[str]:
    is_list = kind.endswith(_LIST)
    if len(values) > CONTEXT_VALUES_MAX or (not is_list and len(values) > 1):
        most = CONTEXT_VALUES_MAX if is_list else 1
        raise errors.invalid_input(f"The context key {name} of type {kind} may have at most {most} values.")
    read = _READERS[kind.removesuffix(_LIST)]
    for value in values:
        if read(value) is None:
            raise errors.invalid_input(f"Invalid value for the context key {name}: it has to be of type {kind}.")
    return list(values)
