"""Shapes as Python types, which msgspec checks while it decodes: what decodes is valid, and needs no second look.

This is how requests that are as they should be get in cheaply. The words for those that are not are in `validate`.

Source: Smithy specification, "Constraint traits"; the documentation of msgspec, "Supported Types" and "Constraints".
"""

import re
import typing
from typing import Any

from msgspec import Meta

from strongroom.model.constraints import constraints_of, pattern_characters_max
from strongroom.model.patterns import translated
from strongroom.model.shapes import Reference, Shape

# Types that are made at run time: a type checker has nothing to say of them.
Annotated: Any = typing.Annotated
Literal: Any = typing.Literal
Required: Any = typing.Required
TypedDict: Any = typing.TypedDict
List: Any = list
Dict: Any = dict

_INTEGER_BITS = {"integer": 32, "long": 64}


class _InexpressibleError(Exception):
    pass


def annotation_of(shape: Shape) -> Any:
    """Return a type that holds only what `shape` allows, or None when no type says exactly that.

    There is none for timestamps, for free-form documents, for members named otherwise on the wire, and for shapes
    within themselves. The type also leaves out some of what is allowed: null, where it stands for an absent member.
    """
    try:
        return _annotation(shape, frozenset())
    except _InexpressibleError:
        return None


def _annotation(shape: Shape, within: frozenset[str]) -> Any:
    if shape.name in within:
        raise _InexpressibleError
    if shape.type == "boolean":
        return bool
    if shape.type in _INTEGER_BITS:
        return _integer(shape)
    if shape.type in {"float", "double"}:
        return Annotated[float, Meta(ge=shape.min, le=shape.max)]
    if shape.type == "blob":
        return Annotated[bytes, _lengths(shape)]
    if shape.type == "string":
        return _string(shape)
    return _aggregate(shape, within | {shape.name})


def _aggregate(shape: Shape, within: frozenset[str]) -> Any:
    if shape.type == "list":
        return Annotated[List[_annotation(shape.element.target, within)], _lengths(shape)]
    if shape.type == "map":
        key, value = (_annotation(reference.target, within) for reference in shape.entry)
        return Annotated[Dict[key, value], _lengths(shape)]
    if shape.type == "structure" and not shape.document:
        members = {name: _member(shape, name, reference, within) for name, reference in shape.members.items()}
        return TypedDict(shape.name, members, total=False)
    raise _InexpressibleError


def _member(shape: Shape, name: str, reference: Reference, within: frozenset[str]) -> Any:
    if reference.location_name not in {"", name}:
        raise _InexpressibleError
    annotation = _annotation(reference.target, within)
    return Required[annotation] if name in shape.required else annotation


def _integer(shape: Shape) -> Any:
    bits = _INTEGER_BITS[shape.type]
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if shape.min is not None:
        low = max(low, int(shape.min))
    if shape.max is not None:
        high = min(high, int(shape.max))
    return Annotated[int, Meta(ge=low, le=high)]


def _string(shape: Shape) -> Any:
    try:
        constraints = constraints_of(shape)
    except ValueError:
        # A pattern that cannot be compiled is told of where the validator is compiled.
        raise _InexpressibleError from None
    if shape.enum:
        allowed = tuple(value for value in shape.enum if all(constraint.holds(value) for constraint in constraints))
        if not allowed:
            raise _InexpressibleError
        return Literal[allowed]
    if not shape.pattern:
        return Annotated[str, _lengths(shape)]
    longest = pattern_characters_max if shape.max is None else int(shape.max)
    # The length is looked at first, so that the pattern is never run on more.
    pattern = rf"(?a)\A(?:{translated(shape.pattern)})\Z"
    try:
        return Annotated[str, Meta(min_length=int(shape.min or 0), max_length=longest, pattern=pattern)]
    except re.error:
        # Flags for all of a pattern stand at its very beginning.
        raise _InexpressibleError from None


def _lengths(shape: Shape) -> Meta:
    return Meta(min_length=int(shape.min or 0), max_length=None if shape.max is None else int(shape.max))
