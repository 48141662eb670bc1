"""Why a decision came out as it did: the same evaluation again, slowly, with every statement's parts told apart."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from strongroom.policy.conditions import Condition
from strongroom.policy.context import Context
from strongroom.policy.decision import Decision, Layer, StatementReference, verdict
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy, Policies
from strongroom.policy.principal_element import NO_GRANT, TO_ACCOUNT, account_named
from strongroom.policy.request import AccessRequest
from strongroom.policy.statement import Effect, Statement
from strongroom.policy.tokens import Variable, tokenize

_DOES = {
    Effect.ALLOW: ("allows it", "would allow it, but does not apply"),
    Effect.DENY: ("denies it", "would deny it, but does not apply"),
}
_DELEGATES = (
    "leaves it to the account's identity-based policies",
    "would leave it to the account's identity-based policies, but does not apply",
)


class ConditionTrace(NamedTuple):
    """One condition: the policy's words, the request's values of the key, and whether it was met.

    `unresolved` are the keys of policy variables among the values that the request has no value for.
    """

    operator: str
    key: str
    policy_values: tuple[str, ...]
    request_values: tuple[str, ...]
    met: bool
    unresolved: tuple[str, ...]

    def __str__(self) -> str:
        wanted = _listed(self.policy_values)
        missing = f" (no value for the variable {', '.join(self.unresolved)})" if self.unresolved else ""
        has = _listed(self.request_values) if self.request_values else "no such key"
        return (
            f"{'met' if self.met else 'not met'}: {self.operator} {self.key} {wanted}{missing}; the request has {has}"
        )


def _listed(values: Sequence[str]) -> str:
    return " or ".join(map(repr, values))


class StatementTrace(NamedTuple):
    """One statement and which of its parts matched. `principal_matched` is None in policies without principals.

    `principals` and `resources` are the statement's own words for whom and what it is about. `delegates` tells that an
    Allow is for the account of the principal, whose identity-based policies decide then.
    """

    layer: Layer
    reference: StatementReference
    effect: Effect
    principal_matched: bool | None
    action_matched: bool
    resource_matched: bool
    conditions: tuple[ConditionTrace, ...]
    principals: str = ""
    resources: str = ""
    delegates: bool = False

    @property
    def applies(self) -> bool:
        """Whether every part matched, so that the statement has its effect."""
        parts = (self.principal_matched is not False, self.action_matched, self.resource_matched)
        return all(parts) and all(condition.met for condition in self.conditions)

    @property
    def relevant(self) -> bool:
        """Whether the statement is about the request's action at all."""
        return self.action_matched

    def lines(self) -> Iterator[str]:
        """Yield the trace as lines of text: what the statement does, and why it does or does not apply."""
        sid = f" ({self.reference.sid})" if self.reference.sid else ""
        does, would = _DELEGATES if self.delegates else _DOES[self.effect]
        yield f"statement {self.reference.index + 1}{sid} {does if self.applies else would}"
        if self.principal_matched is False:
            yield f"  not met: it is about {self.principals}"
        if not self.resource_matched:
            yield f"  not met: it is about {self.resources}"
        for condition in self.conditions:
            yield f"  {condition}"


class PolicyTrace(NamedTuple):
    """One policy that took part, and the traces of all its statements."""

    layer: Layer
    source: str
    statements: tuple[StatementTrace, ...]

    def lines(self, action: str) -> Iterator[str]:
        """Yield what the policy says about `action` as lines of text, the first one naming the policy."""
        layer = "" if self.layer.value in self.source else f" ({self.layer.value})"
        yield f"{self.source}{layer}"
        relevant = [trace for trace in self.statements if trace.relevant]
        if not relevant:
            yield f"  says nothing about {action}"
        for trace in relevant:
            yield from ("  " + line for line in trace.lines())


class Explanation(NamedTuple):
    """A decision and the traces of all policies, in the order of evaluation. `action` is what was asked for."""

    decision: Decision
    action: str
    policies: tuple[PolicyTrace, ...]

    @property
    def statements(self) -> tuple[StatementTrace, ...]:
        """The traces of all statements of all policies."""
        return tuple(trace for policy in self.policies for trace in policy.statements)

    def lines(self) -> Iterator[str]:
        """Yield the explanation as lines of text: the decision, then what each policy says about the action."""
        yield verdict(self.decision.outcome, self.decision.layer)
        for policy in self.policies:
            yield from policy.lines(self.action)


def explain(request: AccessRequest, policies: Policies) -> Explanation:
    """Decide like `evaluate`, and tell for every statement which parts matched and which conditions were met."""
    return Explanation(evaluate(request, policies), request.action, tuple(_traces(request, policies)))


def _traces(request: AccessRequest, policies: Policies) -> Iterator[PolicyTrace]:
    layers: tuple[tuple[Layer, Iterable[NamedPolicy]], ...] = (
        (Layer.SERVICE_CONTROL, [policy for level in policies.service_control for policy in level]),
        (Layer.RESOURCE, [policies.resource] if policies.resource is not None else []),
        (Layer.IDENTITY, policies.identity),
        (Layer.BOUNDARY, [policies.boundary] if policies.boundary is not None else []),
        (Layer.SESSION, policies.session or []),
        (Layer.GRANT, policies.grants),
    )
    for layer, members in layers:
        for policy in members:
            statements = [_trace(request, policies, layer, policy, one) for one in policy.document.statements]
            yield PolicyTrace(layer, policy.source, tuple(statements))


def _trace(
    request: AccessRequest, policies: Policies, layer: Layer, policy: NamedPolicy, statement: Statement
) -> StatementTrace:
    variables = policy.document.has_variables
    matches_resource = statement.matches_resource
    element = statement.principals
    is_allow = statement.effect is Effect.ALLOW
    return StatementTrace(
        layer=layer,
        reference=StatementReference(policy.source, statement.index, statement.sid),
        effect=statement.effect,
        principal_matched=_principal_matched(request, policies, statement),
        action_matched=statement.matches_action(request.action.lower()),
        resource_matched=matches_resource is None or matches_resource(request.resource, request.context),
        conditions=tuple(_condition(one, request.context, variables=variables) for one in statement.conditions),
        principals=_principals(statement),
        delegates=is_allow and element is not None and element.grant(request.principal) == TO_ACCOUNT,
        resources=("everything but " if statement.not_resources else "") + ", ".join(statement.resources),
    )


def _principals(statement: Statement) -> str:
    element = statement.principals
    if element is None:
        return ""
    accounts = [(value, account_named(value)) for _, value in element.entries]
    named = [f"account {account_id}" if account_id is not None else value for value, account_id in accounts]
    return ("everyone but " if element.negated else "") + ", ".join(named)


def _principal_matched(request: AccessRequest, policies: Policies, statement: Statement) -> bool | None:
    element = statement.principals
    if element is None:
        return None
    if statement.effect is Effect.DENY:
        return element.is_denied(request.principal, has_boundary=policies.boundary is not None)
    return element.grant(request.principal) != NO_GRANT


def _condition(condition: Condition, context: Context, *, variables: bool) -> ConditionTrace:
    return ConditionTrace(
        operator=condition.operator,
        key=condition.key,
        policy_values=condition.values,
        request_values=context.values_of(condition.key.lower()),
        met=condition.is_met(context),
        unresolved=tuple(_unresolved(condition, context)) if variables else (),
    )


def _unresolved(condition: Condition, context: Context) -> Iterator[str]:
    """Operators without variables refuse `${` when the document is parsed, so every variable found here is one."""
    for value in condition.values:
        for token in tokenize(value, variables=True):
            if isinstance(token, Variable) and token.default is None and len(context.values_of(token.key)) != 1:
                yield token.key
