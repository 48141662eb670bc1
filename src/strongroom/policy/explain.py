"""Why a decision came out as it did: the same evaluation again, slowly, with every statement's parts told apart."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strongroom.policy.conditions import Condition
from strongroom.policy.context import Context
from strongroom.policy.decision import Decision, Layer, StatementReference
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy, Policies
from strongroom.policy.principal_element import NO_GRANT
from strongroom.policy.request import AccessRequest
from strongroom.policy.statement import Effect, Statement
from strongroom.policy.tokens import Variable, tokenize


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
        request = ", ".join(map(repr, self.request_values)) or "(absent)"
        wanted = ", ".join(map(repr, self.policy_values))
        verdict = "met" if self.met else "not met"
        missing = f"; no value for the variable {', '.join(self.unresolved)}" if self.unresolved else ""
        return (
            f"condition {self.operator} {self.key}: {verdict}, the request has {request}, the policy {wanted}{missing}"
        )


class StatementTrace(NamedTuple):
    """One statement and which of its parts matched. `principal_matched` is None in policies without principals."""

    layer: Layer
    reference: StatementReference
    effect: Effect
    principal_matched: bool | None
    action_matched: bool
    resource_matched: bool
    conditions: tuple[ConditionTrace, ...]

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
        """Yield the trace as lines of text, the first one naming the statement."""
        name = f"{self.layer.value} {self.reference.source}, statement {self.reference.index + 1}"
        sid = f" ({self.reference.sid})" if self.reference.sid else ""
        yield f"{name}{sid}: {self.effect.value} {'applies' if self.applies else 'does not apply'}"
        for part, matched in (
            ("principal", self.principal_matched),
            ("action", self.action_matched),
            ("resource", self.resource_matched),
        ):
            if matched is not None:
                yield f"  {part}: {'matches' if matched else 'does not match'}"
        for condition in self.conditions:
            yield f"  {condition}"


class Explanation(NamedTuple):
    """A decision and the traces of all statements of all policies, in the order of evaluation."""

    decision: Decision
    statements: tuple[StatementTrace, ...]

    def lines(self) -> Iterator[str]:
        """Yield the explanation as lines of text: the decision, then each statement that is about the action."""
        decision = self.decision
        yield f"{decision.outcome.value}, decided by the {decision.layer.value}"
        for trace in self.statements:
            if trace.relevant:
                yield from trace.lines()


def explain(request: AccessRequest, policies: Policies) -> Explanation:
    """Decide like `evaluate`, and tell for every statement which parts matched and which conditions were met."""
    return Explanation(evaluate(request, policies), tuple(_traces(request, policies)))


def _traces(request: AccessRequest, policies: Policies) -> Iterator[StatementTrace]:
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
            for statement in policy.document.statements:
                yield _trace(request, policies, layer, policy, statement)


def _trace(
    request: AccessRequest, policies: Policies, layer: Layer, policy: NamedPolicy, statement: Statement
) -> StatementTrace:
    variables = policy.document.has_variables
    matches_resource = statement.matches_resource
    return StatementTrace(
        layer=layer,
        reference=StatementReference(policy.source, statement.index, statement.sid),
        effect=statement.effect,
        principal_matched=_principal_matched(request, policies, statement),
        action_matched=statement.matches_action(request.action.lower()),
        resource_matched=matches_resource is None or matches_resource(request.resource, request.context),
        conditions=tuple(_condition(one, request.context, variables=variables) for one in statement.conditions),
    )


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
