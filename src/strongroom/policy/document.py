"""A policy document: JSON text in, an immutable compiled Document out.

Strict where leniency could change what a policy means: unknown members, operators and principals are refused, and so
is a member written twice. Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from strongroom.policy.context import EMPTY_CONTEXT
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.statement import Effect, Statement
from strongroom.policy.statement_syntax import JsonNumber, PolicyKind, StatementSyntax

__all__ = ["Document", "PolicyKind", "Selection", "parse"]

ACTIONS_REMEMBERED_MAX = 1024
RESOURCES_REMEMBERED_MAX = 128

VERSION_WITH_VARIABLES = "2012-10-17"
VERSIONS = ("2008-10-17", VERSION_WITH_VARIABLES)
_MEMBERS = frozenset({"Version", "Id", "Statement"})

Selection = tuple[tuple[Statement, ...], tuple[Statement, ...]]


class Document:
    """A compiled policy. `id` is empty when there is none; without a Version, `version` is 2008-10-17."""

    __slots__ = ("_by_action", "_by_resource", "id", "kind", "statements", "version")

    def __init__(self, kind: PolicyKind, version: str, policy_id: str, statements: Sequence[Statement]) -> None:
        self.kind = kind
        self.version = version
        self.id = policy_id
        self.statements = tuple(statements)
        self._by_action: dict[str, Selection] = {}
        self._by_resource: dict[tuple[str, str], Selection] = {}

    def select(self, action: str) -> Selection:
        """Return the Deny statements and the Allow statements whose Action element matches `action` (in any case).

        Remembers the answer: a server serves a fixed set of actions. At most ACTIONS_REMEMBERED_MAX are remembered.
        """
        selection = self._by_action.get(action)
        if selection is None:
            lower = action.lower()
            about = [statement for statement in self.statements if statement.matches_action(lower)]
            selection = (
                tuple(statement for statement in about if statement.effect is Effect.DENY),
                tuple(statement for statement in about if statement.effect is Effect.ALLOW),
            )
            if len(self._by_action) < ACTIONS_REMEMBERED_MAX:
                self._by_action[action] = selection
        return selection

    def select_about(self, action: str, resource: str) -> Selection:
        """Return of `select(action)` the statements that can be about `resource`: `Statement.holds` tells the rest.

        Remembers the answer, which makes the next question about the same resource cheap. At most
        RESOURCES_REMEMBERED_MAX are remembered, then it starts anew.
        """
        selection = self._by_resource.get((action, resource))
        if selection is None:
            denies, allows = self.select(action)
            selection = _that_can_cover(resource, denies), _that_can_cover(resource, allows)
            if len(self._by_resource) >= RESOURCES_REMEMBERED_MAX:
                self._by_resource.clear()
            self._by_resource[action, resource] = selection
        return selection

    @property
    def has_variables(self) -> bool:
        """Whether `${...}` is a policy variable in this document, or plain text."""
        return self.version == VERSION_WITH_VARIABLES

    def __repr__(self) -> str:
        return f"<{self.kind.value} of {len(self.statements)} statements>"


def _that_can_cover(resource: str, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Return those of `statements` that `covers` may say yes of, for `resource` and one context or another."""
    found = []
    for one in statements:
        matches = one.matches_resource
        if matches is None or one.resource_varies or matches(resource, EMPTY_CONTEXT):
            found.append(one)
    return tuple(found)


def parse(text: str, kind: PolicyKind = PolicyKind.IDENTITY, *, resource_required: bool = True) -> Document:
    """Read a policy document of the given kind.

    `resource_required` matters to resource policies only: without it a statement without Resource is about the resource
    that the policy is attached to. The caller limits the size of `text`; the time taken is proportional to it.
    Raises PolicySyntaxError.
    """
    tree = _parse_json(text)
    if not isinstance(tree, dict):
        raise PolicySyntaxError("a policy has to be a JSON object")
    unknown = sorted(tree.keys() - _MEMBERS)
    if unknown:
        raise PolicySyntaxError(f"unknown member {unknown[0]!r} in the policy")
    version = tree.get("Version", VERSIONS[0])
    if type(version) is not str or version not in VERSIONS:
        raise PolicySyntaxError("Version has to be 2012-10-17 or 2008-10-17")
    policy_id = tree.get("Id", "")
    if type(policy_id) is not str:
        raise PolicySyntaxError("Id has to be a string")
    if "Statement" not in tree:
        raise PolicySyntaxError("the policy has no Statement")
    listed = tree["Statement"]
    members = listed if isinstance(listed, list) else [listed]
    if not members:
        raise PolicySyntaxError("Statement is empty")
    syntax = StatementSyntax(kind, variables=version == VERSION_WITH_VARIABLES, resource_required=resource_required)
    statements = [syntax.parse(member, index) for index, member in enumerate(members)]
    _refuse_equal_sids(statements)
    return Document(kind, version, policy_id, statements)


def _refuse_equal_sids(statements: Sequence[Statement]) -> None:
    seen: set[str] = set()
    for sid in (statement.sid for statement in statements if statement.sid):
        if sid in seen:
            raise PolicySyntaxError(f"two statements have the Sid {sid!r}")
        seen.add(sid)


def _parse_json(text: str) -> Any:
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_object_without_repetition,
            parse_int=JsonNumber,
            parse_float=JsonNumber,
            parse_constant=_refuse_constant,
        )
        if "\\u" in text:
            # A lone surrogate would be valid JSON, yet nothing that has one can be written out again.
            json.dumps(tree, ensure_ascii=False).encode()
    except PolicySyntaxError:
        raise
    except RecursionError:
        raise PolicySyntaxError("the policy is nested too deeply") from None
    except UnicodeEncodeError:
        raise PolicySyntaxError("the policy has a string that is not Unicode text") from None
    except ValueError as error:
        raise PolicySyntaxError(f"the policy is not valid JSON: {error}") from None
    return tree


def _object_without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PolicySyntaxError(f"the member {twice!r} is given twice in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise PolicySyntaxError(f"{name} is not a JSON value")
