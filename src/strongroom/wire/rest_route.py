"""Operations found by method, path and query string, as the REST services do.

Every operation has a template (`/{Bucket}/{Key+}?uploads`). Of those that a path fits, the one is meant whose literal
parameters are all there and that knows most of the others.

Source: Smithy specification, "http trait".
"""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from strongroom.model.service import OperationModel, ServiceModel
from strongroom.wire.rest import Query

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


class RestRoute(NamedTuple):
    """Where a request goes: the operation, the labels in its path, and its query string, both as text."""

    operation: OperationModel
    labels: Mapping[str, str]
    query: Query

    @property
    def service(self) -> ServiceModel:
        """The service that the operation belongs to."""
        return self.operation.service


class Rule:
    """What tells one operation from the others of the same path and method."""

    __slots__ = ("headers", "known", "literals", "operation", "required")

    def __init__(self, operation: OperationModel, literal_query: str) -> None:
        self.operation = operation
        pairs = [part.partition("=") for part in literal_query.split("&") if part]
        self.literals: Mapping[str, str] = {name: value for name, _, value in pairs}
        members = operation.input.members if operation.input is not None else {}
        required = operation.input.required if operation.input is not None else ()
        named = {
            name: reference.location_name or name
            for name, reference in members.items()
            if reference.location == "querystring"
        }
        self.known = frozenset(named.values())
        self.required = frozenset(named[name] for name in required if name in named)
        self.headers = tuple(
            members[name].location_name.lower().encode() for name in required if members[name].location == "header"
        )

    def weight(self, query: Query, fields: Mapping[bytes, bytes]) -> tuple[int, int, int, int] | None:
        """Return how well a request fits, greater is better, or None when it does not."""
        for name, value in self.literals.items():
            if name not in query or (value and query[name][0] != value):
                return None
        known = len(self.known.intersection(query))
        absent = sum(name not in query for name in self.required)
        if absent and not known and not self.literals:
            # Nothing in the request speaks of this operation.
            return None
        headers = sum(header in fields for header in self.headers)
        return len(self.literals), known, headers - len(self.headers) - absent, headers


class Rules:
    """The operations of one path and method."""

    __slots__ = ("_bare", "_rules")

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._bare: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """Add an operation."""
        self._rules.append(rule)
        if not rule.literals and not rule.required:
            self._bare.append(rule)

    def best(self, query: Query, fields: Mapping[bytes, bytes]) -> Rule | None:
        """Return the rule that fits a request best, or None when none does."""
        best, found = None, None
        for rule in self._rules if query else self._bare:
            weight = rule.weight(query, fields)
            if weight is not None and (best is None or weight > best):
                best, found = weight, rule
        return found


class _Place:
    """The operations of one path. `begins` is what every such path begins with."""

    def __init__(self, path: str, rules: Mapping[str, Rules]) -> None:
        self.path = path
        self.begins = path.partition("{")[0].encode()
        self.rules = rules

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """What paths of this template match, compiled when one begins so: all of them would hold up the start."""
        return path_pattern(self.path)


class RestTable:
    """The operations of one service, without those that another has taken the place of, and those in `without`."""

    def __init__(self, service: ServiceModel, without: Iterable[str] = ()) -> None:
        self.service = service
        self.literals: set[str] = set()
        """Every parameter that is a literal part of some operation's template."""
        omitted = frozenset(without)
        places: dict[str, dict[str, Rules]] = {}
        for operation in service.operations.values():
            if operation.is_deprecated or operation.name in omitted:
                continue
            path, _, literal_query = operation.http.request_uri.partition("?")
            rule = Rule(operation, literal_query)
            self.literals.update(rule.literals)
            places.setdefault(path, {}).setdefault(operation.http.method, Rules()).add(rule)
        # What has more literal text in its path is more particular, and is looked at first.
        ordered = sorted(places, key=lambda path: (-len(_LABEL.sub("", path)), path.count("{"), path))
        self._places = [_Place(path, places[path]) for path in ordered]

    def place_of(self, raw_path: bytes) -> tuple[Mapping[str, Rules], dict[str, bytes]] | None:
        """Return the operations of a path by method, and the labels in it, decoded; or None for an unknown path."""
        for place in self._places:
            if raw_path.startswith(place.begins):
                match = place.pattern.fullmatch(raw_path)
                if match is not None:
                    return place.rules, _decoded(match)
        return None


NO_RULES = Rules()


def labels_in(pattern: re.Pattern[bytes], raw_path: bytes) -> dict[str, bytes]:
    """Return the labels in a path that fits `path_pattern`, decoded; none in one that does not."""
    match = pattern.fullmatch(raw_path)
    return {} if match is None else _decoded(match)


def _decoded(match: re.Match[bytes]) -> dict[str, bytes]:
    return {name: unquote_to_bytes(value) for name, value in match.groupdict().items()}


def path_pattern(path: str) -> re.Pattern[bytes]:
    """Return what paths of a template (`/{Bucket}/{Key+}`) match, with a group for each label."""
    pattern, end = "", 0
    for match in _LABEL.finditer(path):
        pattern += re.escape(path[end : match.start()])
        pattern += f"(?P<{match[1]}>.+)" if match[2] else f"(?P<{match[1]}>[^/]+)"
        end = match.end()
    return re.compile((pattern + re.escape(path[end:])).encode(), re.DOTALL)
