"""A policy document as rules look at it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.policy.document import VERSION_WITH_VARIABLES
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.statement_syntax import JsonNumber, PolicyKind, StatementSyntax
from strongroom.policy_check.source import Node, Source
from strongroom.policy_check.statement import CheckedStatement, read_statement

_TRUST_ACTIONS = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext", "sts:assumeroot")
_SERVICES_WITHOUT_RESOURCE = ("ecr", "ecr-public")


@dataclass(slots=True, eq=False)
class CheckedPolicy:
    """A document, its statements and what it is attached to.

    `service` is the service whose resource a resource policy is attached to (`kms`, `s3`; empty when unknown).
    `account_id` is the account that owns what the policy is attached to, empty when unknown.
    """

    source: Source
    kind: PolicyKind
    service: str
    account_id: str
    version: str | None
    statements: Sequence[CheckedStatement]

    @property
    def root(self) -> Node:
        """The document as a whole."""
        return self.source.root

    @property
    def sound(self) -> list[CheckedStatement]:
        """The statements that the policy engine accepts: what they mean is certain."""
        return [statement for statement in self.statements if statement.compiled is not None]

    @property
    def has_variables(self) -> bool:
        """Whether `${...}` is a policy variable."""
        return self.version == VERSION_WITH_VARIABLES

    @property
    def resource_required(self) -> bool:
        """Whether statements need a Resource; the policies of some services are about what they are attached to."""
        return self.service not in _SERVICES_WITHOUT_RESOURCE

    @property
    def is_key_policy(self) -> bool:
        """Whether it is attached to a KMS key."""
        return self.kind is PolicyKind.RESOURCE and self.service == "kms"


def read_policy(source: Source, kind: PolicyKind | None, service: str, account_id: str) -> CheckedPolicy:
    """Read a document. `kind` None and an empty `service` are guessed from its words."""
    listed = source.root.member("Statement")
    nodes = listed.listed() if listed is not None else []
    statements = [read_statement(node, index) for index, node in enumerate(nodes)]
    kind = kind or guess_kind(statements)
    service = service or (guess_service(statements) if kind is PolicyKind.RESOURCE else "")
    version = source.root.member("Version")
    policy = CheckedPolicy(source, kind, service, account_id, version.text if version is not None else None, statements)
    syntax = StatementSyntax(kind, variables=policy.has_variables, resource_required=policy.resource_required)
    for statement in statements:
        try:
            statement.compiled = syntax.parse(_plain(statement.node), statement.index)
        except PolicySyntaxError as error:
            statement.fault = str(error).partition(": ")[2]
    return policy


def guess_kind(statements: Sequence[CheckedStatement]) -> PolicyKind:
    """Return what a document most likely is: who has principals is a resource's; who only assumes roles, a role's."""
    if not any(statement.principal_node is not None for statement in statements):
        return PolicyKind.IDENTITY
    actions = [action.text.lower() for statement in statements for action in statement.actions]
    names_resource = any(statement.resources for statement in statements)
    if actions and not names_resource and all(action.startswith(_TRUST_ACTIONS) for action in actions):
        return PolicyKind.TRUST
    return PolicyKind.RESOURCE


def guess_service(statements: Sequence[CheckedStatement]) -> str:
    """Return the one service whose actions a resource policy has, or an empty string."""
    prefixes = {action.text.lower().partition(":")[0] for statement in statements for action in statement.actions}
    return prefixes.pop() if len(prefixes) == 1 and "*" not in prefixes else ""


def _plain(node: Node) -> Any:
    """Return a node as the plain values that the policy engine reads. Raises PolicySyntaxError for a repetition."""
    if node.members is not None:
        members: dict[str, Any] = {}
        for name, member in node.members:
            if name in members:
                raise PolicySyntaxError(f"statement: the member {name!r} is given twice in one object")
            members[name] = _plain(member)
        return members
    if node.items is not None:
        return [_plain(item) for item in node.items]
    if node.is_string:
        return node.text
    value = json.loads(node.text)
    return JsonNumber(node.text) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
