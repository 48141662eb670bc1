"""Values that a shape allows, made at random, and botocore's view of the same operations."""

import string
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

import botocore.session
from botocore.model import OperationModel as BotocoreOperation

from strongroom.model.shapes import Shape

LETTERS = string.ascii_letters + string.digits + " -_/:.+=@&<>\"'%\u00e9\u6f22\U0001f600\t"
FLOATS = (0.0, 0.5, -1.25, 1e6)


@cache
def botocore_operation(service: str, operation: str) -> BotocoreOperation:
    """Return botocore's model of an operation."""
    return botocore_service(service).operation_model(operation)


@cache
def botocore_service(service: str) -> Any:
    """Return botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


class Values:
    """Makes values from a seed; `fullness` is how likely an optional member is there.

    Within a request, the query protocol has no way to say that a structure or a map is there but empty: `none_empty`
    leaves such values out.
    """

    def __init__(self, seed: object, fullness: float = 0.7, *, none_empty: bool = False) -> None:
        self._none_empty = none_empty
        self._random = Random(repr(seed))
        self._fullness = fullness

    def of(self, shape: Shape, depth: int = 0) -> Any:
        """Return a value of `shape`, of an allowed length and size; patterns are not followed."""
        random = self._random
        if shape.type == "structure":
            names = list(shape.members)
            if shape.union:
                names = [random.choice(names)]
            chosen = [
                name
                for name in names
                if shape.union or name in shape.required or (depth < 6 and random.random() < self._fullness)
            ]
            if not chosen and self._none_empty and depth and names:
                chosen = names[:1]
            return {name: self.of(shape.members[name].target, depth + 1) for name in chosen}
        if shape.type == "list":
            return [self.of(shape.element.target, depth + 1) for _ in range(self._size(shape, depth))]
        if shape.type == "map":
            key, value = (reference.target for reference in shape.entry)
            count = max(self._size(shape, depth), self._none_empty)
            return {str(self.of(key, depth + 1)) or "k": self.of(value, depth + 1) for _ in range(count)}
        return self._scalar(shape)

    def _size(self, shape: Shape, depth: int) -> int:
        low = int(shape.min or 0)
        high = min(int(shape.max) if shape.max is not None else low + 3, low + 3)
        return low if depth >= 6 else self._random.randint(low, high)

    def _scalar(self, shape: Shape) -> Any:
        random = self._random
        if shape.enum:
            return random.choice(shape.enum)
        if shape.type == "boolean":
            return random.random() < 0.5
        if shape.type == "blob":
            return random.randbytes(random.randint(0, 40) if shape.max is None else self._size(shape, 0))
        if shape.type in {"integer", "long"}:
            low = int(shape.min if shape.min is not None else -(2**31))
            return random.randint(low, int(shape.max if shape.max is not None else 2**31 - 1))
        if shape.type in {"float", "double"}:
            return random.choice(FLOATS)
        if shape.type == "timestamp":
            return datetime.fromtimestamp(random.randint(0, 4_000_000_000), UTC)
        return "".join(random.choice(LETTERS) for _ in range(self._size(shape, 0)))
