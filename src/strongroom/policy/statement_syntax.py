"""What a statement may look like, for each kind of policy.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

import enum
import re
from typing import Any

from strongroom.policy.actions import compile_actions
from strongroom.policy.conditions import Condition, compile_condition
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.principal_element import PrincipalElement, parse_principal
from strongroom.policy.resources import EVERY_RESOURCE, CompiledResources, compile_resources
from strongroom.policy.statement import Effect, Statement

_MEMBERS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
_IAM_SID = re.compile(r"[0-9A-Za-z]*")


class JsonNumber(str):
    """The text of a JSON number, kept as written, so that a condition compares exactly what the policy says."""

    __slots__ = ()


class PolicyKind(enum.Enum):
    """What a policy is attached to, which decides what its statements must and must not have.

    Session policies, permissions boundaries and service control policies have the form of identity policies.
    """

    IDENTITY = "identity policy"
    RESOURCE = "resource policy"
    TRUST = "role trust policy"


class StatementSyntax:
    """Reads the statements of one document."""

    def __init__(self, kind: PolicyKind, *, variables: bool, resource_required: bool) -> None:
        self._kind = kind
        self._variables = variables
        self._resource_required = resource_required and kind is not PolicyKind.TRUST

    def parse(self, tree: Any, index: int) -> Statement:
        """Compile one statement. Raises PolicySyntaxError, naming the statement by its place, counted from 1."""
        try:
            return self._parse(tree, index)
        except PolicySyntaxError as error:
            raise PolicySyntaxError(f"statement {index + 1}: {error}") from None

    def _parse(self, tree: Any, index: int) -> Statement:
        if not isinstance(tree, dict):
            raise PolicySyntaxError("a statement has to be a JSON object")
        unknown = sorted(tree.keys() - _MEMBERS)
        if unknown:
            raise PolicySyntaxError(f"unknown member {unknown[0]!r}")
        effect = self._effect(tree)
        actions, not_actions = _strings(tree, "Action")
        if not actions:
            raise PolicySyntaxError("Action or NotAction is missing")
        resources, not_resources, matcher = self._resources(tree, effect)
        return Statement(
            index=index,
            sid=self._sid(tree),
            effect=effect,
            principals=self._principals(tree, effect),
            actions=actions,
            not_actions=not_actions,
            matches_action=self._action_matcher(actions, negated=not_actions),
            resources=resources,
            not_resources=not_resources,
            matches_resource=matcher.matches,
            resource_varies=matcher.varies,
            conditions=self._conditions(tree, effect),
        )

    def _effect(self, tree: dict[str, Any]) -> Effect:
        value = tree.get("Effect")
        if value is None:
            raise PolicySyntaxError("Effect is missing")
        if value not in ("Allow", "Deny"):
            raise PolicySyntaxError("Effect has to be Allow or Deny")
        return Effect(value)

    def _sid(self, tree: dict[str, Any]) -> str:
        sid = tree.get("Sid", "")
        if type(sid) is not str:
            raise PolicySyntaxError("Sid has to be a string")
        if self._kind is not PolicyKind.RESOURCE and not _IAM_SID.fullmatch(sid):
            raise PolicySyntaxError("Sid has to be alphanumeric: [0-9A-Za-z]*")
        return sid

    def _principals(self, tree: dict[str, Any], effect: Effect) -> PrincipalElement | None:
        present = _one_of(tree, "Principal")
        if self._kind is PolicyKind.IDENTITY:
            if present is not None:
                raise PolicySyntaxError(f"{present} is not allowed in an {self._kind.value}")
            return None
        if present is None:
            raise PolicySyntaxError("Principal is missing")
        if present == "NotPrincipal":
            if self._kind is PolicyKind.TRUST:
                raise PolicySyntaxError("NotPrincipal is not allowed in a role trust policy")
            if effect is Effect.ALLOW:
                raise PolicySyntaxError('NotPrincipal is only allowed with "Effect": "Deny"')
        return parse_principal(tree[present], negated=present == "NotPrincipal")

    def _action_matcher(self, actions: tuple[str, ...], *, negated: bool) -> Any:
        if self._kind is PolicyKind.TRUST and not all(action.lower().startswith("sts:") for action in actions):
            raise PolicySyntaxError("a role trust policy may only have actions of sts")
        return compile_actions(actions, negated=negated)

    def _resources(self, tree: dict[str, Any], effect: Effect) -> tuple[tuple[str, ...], bool, CompiledResources]:
        present = _one_of(tree, "Resource")
        if self._kind is PolicyKind.TRUST and present is not None:
            raise PolicySyntaxError(f"{present} is not allowed in a role trust policy")
        if present is None:
            if self._resource_required:
                raise PolicySyntaxError("Resource or NotResource is missing")
            return (), False, EVERY_RESOURCE
        patterns, negated = _strings(tree, "Resource")
        matcher = compile_resources(
            patterns, negated=negated, variables=self._variables, is_allow=effect is Effect.ALLOW
        )
        return patterns, negated, matcher

    def _conditions(self, tree: dict[str, Any], effect: Effect) -> tuple[Condition, ...]:
        operators = tree.get("Condition", {})
        if not isinstance(operators, dict):
            raise PolicySyntaxError("Condition has to be an object")
        conditions: list[Condition] = []
        for name, keys in operators.items():
            if not isinstance(keys, dict) or not keys:
                raise PolicySyntaxError(f"the condition operator {name!r} needs an object with at least one key")
            for key, value in keys.items():
                if ":" not in key:
                    raise PolicySyntaxError(f"{key!r} is not a condition key: it has no service prefix")
                try:
                    condition = compile_condition(
                        name,
                        key,
                        _condition_values(value),
                        is_allow=effect is Effect.ALLOW,
                        variables=self._variables,
                    )
                except PolicySyntaxError as error:
                    raise PolicySyntaxError(f"condition {name} of {key}: {error}") from None
                conditions.append(condition)
        return tuple(conditions)


def _one_of(tree: dict[str, Any], name: str) -> str | None:
    """Return which of an element and its `Not` form is there, or None. Raises PolicySyntaxError when both are."""
    present = [form for form in (name, f"Not{name}") if form in tree]
    if len(present) > 1:
        raise PolicySyntaxError(f"{name} and Not{name} cannot both be given")
    return present[0] if present else None


def _strings(tree: dict[str, Any], name: str) -> tuple[tuple[str, ...], bool]:
    """Return the strings of an element or of its `Not` form, and which it was; no strings when neither is there."""
    present = _one_of(tree, name)
    if present is None:
        return (), False
    value = tree[present]
    values = value if isinstance(value, list) else [value]
    if not values:
        raise PolicySyntaxError(f"{present} is empty")
    if not all(type(text) is str and text for text in values):
        raise PolicySyntaxError(f"{present} has to be a string or a list of strings")
    return tuple(values), present != name


def _condition_values(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise PolicySyntaxError("the list of values is empty")
    texts = []
    for one in values:
        if isinstance(one, bool):
            texts.append("true" if one else "false")
        elif isinstance(one, str):
            texts.append(str(one))
        else:
            raise PolicySyntaxError("a value has to be a string, a number or a boolean")
    return texts
