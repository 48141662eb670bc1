"""One statement of a policy, as rules look at it: read leniently, so that one fault does not hide the others."""

from dataclasses import dataclass, field

from strongroom.policy.statement import Effect, Statement
from strongroom.policy_check.condition import CheckedCondition, Term
from strongroom.policy_check.source import Node

PrincipalTerm = tuple[str, Term]


@dataclass(slots=True, eq=False)
class CheckedStatement:
    """The words of one statement with their places. What is not of the right shape is left out.

    `compiled` is None when the policy engine refuses the statement, and `fault` is why. `principals` are pairs of
    type (`AWS`, `Service`, `Federated`) and name; `"Principal": "*"` is ("AWS", "*").
    """

    index: int
    node: Node
    sid: str = ""
    effect: Effect | None = None
    principals: tuple[PrincipalTerm, ...] = ()
    not_principal: bool = False
    actions: tuple[Term, ...] = ()
    not_action: bool = False
    resources: tuple[Term, ...] = ()
    not_resource: bool = False
    conditions: tuple[CheckedCondition, ...] = ()
    compiled: Statement | None = None
    fault: str = ""
    principal_node: Node | None = field(default=None)

    @property
    def allows(self) -> bool:
        """Whether the effect is Allow."""
        return self.effect is Effect.ALLOW

    @property
    def denies(self) -> bool:
        """Whether the effect is Deny."""
        return self.effect is Effect.DENY

    @property
    def is_for_everyone(self) -> bool:
        """Whether the Principal element names everyone."""
        return not self.not_principal and any(kind == "AWS" and name.text == "*" for kind, name in self.principals)

    @property
    def covers_all_resources(self) -> bool:
        """Whether Resource is missing or holds a lone `*`."""
        return not self.not_resource and (not self.resources or any(term.text == "*" for term in self.resources))

    def conditions_on(self, key: str) -> list[CheckedCondition]:
        """Return the conditions on the lower-case `key`."""
        return [condition for condition in self.conditions if condition.key == key]

    def matches_action(self, action: str) -> bool:
        """Whether the compiled statement is about `action` (in any case)."""
        return self.compiled is not None and self.compiled.matches_action(action.lower())


def read_statement(node: Node, index: int) -> CheckedStatement:
    """Return what can be read of a statement."""
    statement = CheckedStatement(index, node)
    sid = node.member("Sid")
    statement.sid = sid.text if sid is not None and sid.is_string else ""
    effect = node.member("Effect")
    if effect is not None and effect.is_string and effect.text in ("Allow", "Deny"):
        statement.effect = Effect(effect.text)
    statement.actions, statement.not_action = _terms(node, "Action")
    statement.resources, statement.not_resource = _terms(node, "Resource")
    statement.not_principal = node.member("NotPrincipal") is not None
    statement.principal_node = node.member("Principal") or node.member("NotPrincipal")
    statement.principals = _principals(statement.principal_node)
    statement.conditions = _conditions(node.member("Condition"))
    return statement


def _terms(node: Node, name: str) -> tuple[tuple[Term, ...], bool]:
    for form in (name, f"Not{name}"):
        found = node.member(form)
        if found is not None:
            return tuple(Term(item.text, item) for item in found.listed() if item.is_string), form != name
    return (), False


def _principals(node: Node | None) -> tuple[PrincipalTerm, ...]:
    if node is None:
        return ()
    if node.is_string:
        return (("AWS", Term(node.text, node)),)
    return tuple(
        (kind, Term(name.text, name)) for kind, named in node.members or () for name in named.listed() if name.is_string
    )


def _conditions(node: Node | None) -> tuple[CheckedCondition, ...]:
    if node is None:
        return ()
    return tuple(
        CheckedCondition.of(operator, key, value)
        for operator, keys in node.members or ()
        for key, value in keys.members or ()
    )
