"""The services' actions, types of resource and own condition keys, from `services.json`.

For the services served here the table is whole; of all others only the prefix is known. The table is complemented by
botocore's models, whose newer operations are newer than the table: an operation that the table does not know is taken
for an action of that name, unless `operations` says that its action is called otherwise.
Source: AWS Service Authorization Reference, tables "Actions", "Resource types" and "Condition keys".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from strongroom.policy_check.vocabulary.operations import ACTION_OF_OPERATION

_TABLE = Path(__file__).with_name("services.json")
_FOLDERS = {"servicequotas": "service-quotas"}


@dataclass(frozen=True, slots=True)
class ActionName:
    """An action. `resource_types` are ARN patterns; empty: it is about no resource; None: not known."""

    name: str
    resource_types: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """What one service calls its things. `actions` is by name in lower case, `keys` (to types) by key in lower case."""

    prefix: str
    actions: Mapping[str, ActionName]
    keys: Mapping[str, tuple[str, str]]


@cache
def service_names(prefix: str) -> ServiceNames | None:
    """Return the names of the service with this prefix (in lower case), or None when only its prefix is known."""
    entry = _table().services.get(prefix)
    if entry is None:
        return None
    arns = entry["resources"]
    actions = {
        name.lower(): ActionName(name, tuple(arns[kind] for kind in kinds.split()))
        for kinds, names in entry["actions"].items()
        for name in names
    }
    for operation in _operations(prefix):
        if operation.lower() not in actions and f"{prefix}:{operation}" not in ACTION_OF_OPERATION:
            actions[operation.lower()] = ActionName(operation, None)
    keys = {name.lower(): (name, kind) for kind, names in entry["keys"].items() for name in names}
    return ServiceNames(prefix, actions, keys)


@cache
def prefixes() -> frozenset[str]:
    """Return the prefixes of all services of AWS."""
    return frozenset(_table().prefixes)


def known_services() -> tuple[str, ...]:
    """Return the prefixes of the services whose every action is known."""
    return tuple(sorted(_table().services))


class _Table(NamedTuple):
    services: dict[str, dict[str, dict[str, Any]]]
    prefixes: list[str]


@cache
def _table() -> _Table:
    table = json.loads(_TABLE.read_text("utf-8"))
    return _Table(table["services"], table["prefixes"])


def _operations(prefix: str) -> list[str]:
    from strongroom.model.load import read_document

    return list(read_document(_FOLDERS.get(prefix, prefix))["operations"])
