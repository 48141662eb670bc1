"""Refusing what a service model refuses, in AWS's words, with one compiled check per shape.

All violations of a request are told at once: "2 validation errors detected: ...; ...". The constraints of the elements
of a list of plain values are told of the list ("Member must satisfy constraint: [...]"), those of structures within a
list of the element's own member (`tags.1.member.key`).

Source: Smithy specification, "Constraint traits"; the wordings are those that AWS services answer.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from msgspec import structs

from strongroom.base.errors import AwsError
from strongroom.model.constraints import (
    NOT_NULL,
    Constraint,
    constraints_of,
    lower_camel,
    missing,
    texts_of,
    violation,
)
from strongroom.model.shapes import SCALAR_TYPES, Reference, Shape

# A value, the path of what holds it, the label to add to that path, and the violations found so far.
Check = Callable[[Any, str, str, list[str]], None]

# Beyond this many violations the rest of a request is not looked at.
violations_max = 100


class _TooManyViolationsError(Exception):
    pass


class _Violations(list[str]):
    def append(self, text: str, /) -> None:
        super().append(text)
        if len(self) >= violations_max:
            raise _TooManyViolationsError


def compile_validator(shape: Shape | None, code: str) -> Callable[[dict[str, Any]], None]:
    """Return a function that raises AwsError(`code`, AWS's text, 400) for params that `shape` does not allow.

    The values must have the types that the shape names; that is the wire's part. Raises ValueError for a pattern that
    cannot be compiled.
    """
    check = None if shape is None else _Compiler().check_of(shape)
    if check is None:
        return _accept
    return _raising(check, code)


def _accept(params: dict[str, Any]) -> None:
    """Accept anything: nothing in the operation's input is constrained."""


def _raising(check: Check, code: str) -> Callable[[dict[str, Any]], None]:
    def validate(params: dict[str, Any]) -> None:
        found = _Violations()
        with suppress(_TooManyViolationsError):
            check(params, "", "", found)
        if found:
            noun = "error" if len(found) == 1 else "errors"
            raise AwsError(code, f"{len(found)} validation {noun} detected: {'; '.join(found)}", 400)

    return validate


class _Compiler:
    """Compiles each shape of one operation's input once. Shapes may refer to themselves."""

    def __init__(self) -> None:
        self._checks: dict[tuple[str, bool], Check | None] = {}
        self._under_way: set[tuple[str, bool]] = set()

    def check_of(self, shape: Shape) -> Check | None:
        """Return the check of a shape, or None when it and all within it accept anything."""
        key = (shape.name, shape.sensitive)
        if key in self._checks:
            return self._checks[key]
        if key in self._under_way:
            return self._later(key)
        self._under_way.add(key)
        check = self._compile(shape)
        self._under_way.discard(key)
        self._checks[key] = check
        return check

    def _later(self, key: tuple[str, bool]) -> Check:
        def check(value: Any, path: str, label: str, found: list[str]) -> None:
            compiled = self._checks[key]
            if compiled is not None:
                compiled(value, path, label, found)

        return check

    def _compile(self, shape: Shape) -> Check | None:
        if shape.type == "structure":
            return self._structure(shape)
        own = constraints_of(shape)
        if shape.type == "list":
            return self._list(shape, own)
        if shape.type == "map":
            return self._map(shape, own)
        return _plain(shape, own) if own else None

    def _structure(self, shape: Shape) -> Check | None:
        required = frozenset(shape.required)
        plan = []
        for name, member in shape.members.items():
            target = _within(shape, member)
            check = self.check_of(target)
            if check is not None or name in required:
                plan.append((name, lower_camel(name), target, name in required, check))
        if not plan:
            return None
        members = tuple(plan)

        def check_structure(value: Any, path: str, label: str, found: list[str]) -> None:
            inside = f"{path}{label}." if label else path
            for name, inner_label, target, is_required, check in members:
                item = value.get(name)
                if item is None:
                    if is_required:
                        found.append(missing(inside + inner_label, target))
                elif check is not None:
                    check(item, inside, inner_label, found)

        return check_structure

    def _list(self, shape: Shape, own: tuple[Constraint, ...]) -> Check:
        element = _within(shape, shape.element)
        if element.type in SCALAR_TYPES:
            return _list_of_plain(shape, own, constraints_of(element))
        check_element = self.check_of(element)
        report_own = _plain(shape, own)

        def check_list(value: Any, path: str, label: str, found: list[str]) -> None:
            report_own(value, path, label, found)
            place = f"{path}{label}."
            for number, item in enumerate(value, 1):
                if item is None:
                    found.append(missing(f"{place}{number}.member", element))
                elif check_element is not None:
                    check_element(item, place, f"{number}.member", found)

        return check_list

    def _map(self, shape: Shape, own: tuple[Constraint, ...]) -> Check:
        key, item = (_within(shape, reference) for reference in shape.entry)
        of_keys = constraints_of(key)
        of_items = constraints_of(item) if item.type in SCALAR_TYPES else ()
        check_item = None if item.type in SCALAR_TYPES else self.check_of(item)
        report_own = _plain(shape, own)

        def check_map(value: Any, path: str, label: str, found: list[str]) -> None:
            report_own(value, path, label, found)
            if of_keys and not _all_hold(of_keys, value):
                text = f"Map keys must satisfy constraint: [{texts_of(of_keys)}]"
                found.append(violation(path + label, shape, value, text))
            if not _all_hold(of_items, value.values()):
                text = f"Map value must satisfy constraint: [{_with_not_null(of_items)}]"
                found.append(violation(path + label, shape, value, text))
            if check_item is not None:
                for name, entry in value.items():
                    if entry is not None:
                        check_item(entry, f"{path}{label}.", f"{name}.member", found)

        return check_map


def _within(shape: Shape, reference: Reference) -> Shape:
    """Return the shape referred to; within something sensitive, it is sensitive too."""
    target = reference.target
    return structs.replace(target, sensitive=True) if shape.sensitive and not target.sensitive else target


def _plain(shape: Shape, own: tuple[Constraint, ...]) -> Check:
    tests = tuple(constraint.holds for constraint in own)

    def check_plain(value: Any, path: str, label: str, found: list[str]) -> None:
        for holds in tests:
            if not holds(value):
                break
        else:
            return
        for text, holds in own:
            if not holds(value):
                found.append(violation(path + label, shape, value, text))

    return check_plain


def _list_of_plain(shape: Shape, own: tuple[Constraint, ...], of_elements: tuple[Constraint, ...]) -> Check:
    report_own = _plain(shape, own)

    def check_list(value: Any, path: str, label: str, found: list[str]) -> None:
        report_own(value, path, label, found)
        if not _all_hold(of_elements, value):
            text = f"Member must satisfy constraint: [{_with_not_null(of_elements)}]"
            found.append(violation(path + label, shape, value, text))

    return check_list


def _all_hold(constraints: tuple[Constraint, ...], values: Iterable[Any]) -> bool:
    for value in values:
        if value is None:
            return False
        for constraint in constraints:
            if not constraint.holds(value):
                return False
    return True


def _with_not_null(constraints: tuple[Constraint, ...]) -> str:
    return f"{texts_of(constraints)}, {NOT_NULL}" if constraints else NOT_NULL
