"""What one plain value must satisfy, in AWS's words, and how AWS writes a value into an error message.

Source: Smithy specification, "Constraint traits"; the wordings are those that AWS services answer.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from strongroom.model.patterns import whole_match
from strongroom.model.shapes import SCALAR_TYPES, Shape

NOT_NULL = "Member must not be null"

# AWS echoes any value whole; we stop here, so that a refusal is never as large as what was refused.
echoed_characters_max = 4_096

# A pattern on a string that has no length limit of its own is not run on more than this; a longer value does not match.
pattern_characters_max = 131_072


class Constraint(NamedTuple):
    """One thing that a value must satisfy: AWS's words for it, and the test."""

    text: str
    holds: Callable[[Any], bool]


def constraints_of(shape: Shape) -> tuple[Constraint, ...]:
    """Return what values of `shape` must satisfy, length before pattern. Raises ValueError for a bad pattern."""
    found: list[Constraint] = []
    if shape.enum:
        found.append(_enum(shape))
    if shape.type in {"string", "blob", "list", "map"}:
        found.extend(_lengths(shape))
    elif shape.type in SCALAR_TYPES:
        found.extend(_bounds(shape))
    if shape.pattern and shape.type == "string":
        found.append(_pattern(shape))
    return tuple(found)


def texts_of(constraints: tuple[Constraint, ...]) -> str:
    """Return constraints as AWS lists them for the members of a list: upper limits first."""
    return ", ".join(sorted((constraint.text for constraint in constraints), key=_place_in_list))


def _place_in_list(text: str) -> int:
    return 0 if " less than " in text else 1 if " greater than " in text else 2


def _enum(shape: Shape) -> Constraint:
    allowed = frozenset(shape.enum)
    return Constraint(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]", allowed.__contains__)


def _lengths(shape: Shape) -> list[Constraint]:
    found = []
    if shape.min:
        low = int(shape.min)
        found.append(Constraint(f"Member must have length greater than or equal to {low}", lambda v: len(v) >= low))
    if shape.max is not None:
        high = int(shape.max)
        found.append(Constraint(f"Member must have length less than or equal to {high}", lambda v: len(v) <= high))
    return found


def _bounds(shape: Shape) -> list[Constraint]:
    found = []
    number = float if shape.type in {"float", "double"} else int
    if shape.min is not None:
        low = number(shape.min)
        found.append(Constraint(f"Member must have value greater than or equal to {low}", lambda v: v >= low))
    if shape.max is not None:
        high = number(shape.max)
        found.append(Constraint(f"Member must have value less than or equal to {high}", lambda v: v <= high))
    return found


def _pattern(shape: Shape) -> Constraint:
    matches = whole_match(shape.pattern)
    text = f"Member must satisfy regular expression pattern: {shape.pattern}"
    if shape.max is None:
        return Constraint(text, lambda v: len(v) <= pattern_characters_max and matches(v) is not None)
    longest = int(shape.max)
    # A longer value is refused for its length, and the pattern is never run on it.
    return Constraint(text, lambda v: len(v) > longest or matches(v) is not None)


def is_hidden(shape: Shape, _within: frozenset[str] = frozenset()) -> bool:
    """Return whether a value of `shape` is, or holds directly, what no message may echo: sensitive values and blobs."""
    if shape.sensitive or shape.type == "blob":
        return True
    if shape.name in _within:
        return False
    if shape.type in {"list", "map"}:
        return any(is_hidden(reference.target, _within | {shape.name}) for reference in shape.references())
    return False


def violation(place: str, shape: Shape, value: Any, text: str) -> str:
    """Return one violation as AWS words it, without a value that may not be echoed. `place` is the member's path."""
    if is_hidden(shape):
        return f"Value at '{place}' failed to satisfy constraint: {text}"
    return f"Value '{_shortened(echoed(shape, value))}' at '{place}' failed to satisfy constraint: {text}"


def missing(place: str, shape: Shape) -> str:
    """Return AWS's words for a required member that is absent."""
    value = "Value" if shape.sensitive else "Value null"
    return f"{value} at '{place}' failed to satisfy constraint: {NOT_NULL}"


def lower_camel(name: str) -> str:
    """Return a member's name as AWS writes it in a path: the first letter in lower case."""
    return name[:1].lower() + name[1:]


def echoed(shape: Shape, value: Any) -> str:
    """Return `value` as AWS's messages write it: `[a, b]`, `{k=v}`, `Tag(key=a, value=null)`; never what is hidden."""
    if value is None:
        return "null"
    if shape.sensitive or shape.type == "blob":
        return "***"
    if shape.type == "list":
        return f"[{', '.join(echoed(shape.element.target, item) for item in value)}]"
    if shape.type == "map":
        key, item = shape.entry
        pairs = (f"{echoed(key.target, name)}={echoed(item.target, entry)}" for name, entry in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Mapping):
        fields = (
            f"{lower_camel(name)}={echoed(member.target, value.get(name))}" for name, member in shape.members.items()
        )
        return f"{shape.name}({', '.join(fields)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= echoed_characters_max else text[:echoed_characters_max] + "..."
