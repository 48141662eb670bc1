"""The condition keys of CodeBuild that are members of a project: `codebuild:source.location` and so on.

Source: Service Authorization Reference, "Condition keys for AWS CodeBuild"; AWS CodeBuild User Guide, "Use CodeBuild
condition keys as IAM service role variables".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import ConditionValue

_PREFIX = "codebuild:"
_IDENTIFIERS = ("sourceIdentifier", "artifactIdentifier", "identifier", "name")
_ONLY_THERE = frozenset({"buildspec"})
"""Text of which a key tells only whether it is there."""


def condition_of(settings: Mapping[str, Any], name: str) -> ConditionValue:
    """Return the value of a condition key, asked in lower case, from the members of a request; None without one.

    A structure answers whether it is there. One element of a list is named by its identifier
    (`secondarySources/ID.location`); without it, the values of all elements are told.
    """
    if not name.startswith(_PREFIX):
        return None
    steps = name.removeprefix(_PREFIX).split(".")
    values, of_list = _follow(settings, steps)
    if not values:
        return None
    if steps[-1] in _ONLY_THERE or any(_is_structure(value) for value in values):
        return True
    if of_list:
        return [_text(value) for value in values]
    value: ConditionValue = values[0] if isinstance(values[0], bool | int) else _text(values[0])
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_structure(value: Any) -> bool:
    return isinstance(value, Mapping)


def _follow(settings: Mapping[str, Any], steps: Sequence[str]) -> tuple[list[Any], bool]:
    """Return what is at the end of some steps, the elements of lists one by one, and whether there was a list."""
    values: list[Any] = [settings]
    of_list = False
    for step in steps:
        member, _, identifier = step.partition("/")
        found: list[Any] = []
        for value in values:
            for key in value if isinstance(value, Mapping) else ():
                inner = value[key]
                if key.lower() != member or inner is None:
                    continue
                if not isinstance(inner, list):
                    found.append(inner)
                elif identifier:
                    found += [each for each in inner if _is(each, identifier)]
                else:
                    of_list = True
                    found += inner
        values = found
    return values, of_list


def _is(element: Any, identifier: str) -> bool:
    if not isinstance(element, Mapping):
        return False
    return any(str(element.get(name, "")).lower() == identifier for name in _IDENTIFIERS)
