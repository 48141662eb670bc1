"""What would turn a refusal into an allowance: the smallest statements, and where they belong.

For an implicit deny the answer is found by doing: the missing statement is added to the layer that decided, and the
request is decided again, until it is allowed. For an explicit deny it is named which statements deny, and which of
their conditions would have to come out otherwise. Grants are never proposed: they are for services and programs.
"""

import json
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from strongroom.policy.changes import Addition, NearMiss, Obstacle
from strongroom.policy.circumstances import way_out, wish
from strongroom.policy.context import Context
from strongroom.policy.decision import Decision, Layer, Outcome, StatementReference
from strongroom.policy.document import VERSION_WITH_VARIABLES, Document, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy, Policies
from strongroom.policy.principal import Principal, PrincipalKind
from strongroom.policy.request import AccessRequest
from strongroom.policy.statement import Effect, Statement
from strongroom.policy.statement_syntax import PolicyKind

STEPS_MAX = 32
NEAR_MISSES_MAX = 4

_TRUST_ACTIONS = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext")
_ESCAPES = str.maketrans({"*": "${*}", "?": "${?}", "$": "${$}"})


@dataclass(frozen=True, slots=True)
class Remedy:
    """What it takes. No `Allow` overcomes an obstacle; the additions are those needed once there is none.

    `unreadable` are condition keys whose values have no form in the policy language: what hangs on them is not allowed,
    whatever the policies say. `is_sufficient` tells that all of it together was tried, and allowed the request.
    `near_misses` are what would make an addition needless, each for its own policy.
    """

    obstacles: tuple[Obstacle, ...]
    additions: tuple[Addition, ...]
    is_sufficient: bool
    unreadable: tuple[str, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()

    @property
    def layer(self) -> Layer | None:
        """The layer of the first thing to change, None when the request is allowed as it is."""
        layers = [one.layer for one in self.obstacles] + [one.layer for one in self.additions]
        return layers[0] if layers else None

    @property
    def statement(self) -> dict[str, Any] | None:
        """The first statement to add, None when there is none."""
        return self.additions[0].statement if self.additions else None

    def lines(self) -> Iterator[str]:
        """Yield it all as lines of text; nothing when the request is allowed as it is."""
        for obstacle in self.obstacles:
            yield from obstacle.lines()
        if self.obstacles and self.additions:
            yield "And, because nothing allows it either:"
        for addition in self.additions:
            yield from addition.lines()
        for near in self.near_misses:
            yield from near.lines()
        if self.unreadable:
            yield f"No policy helps while the request's value of {', '.join(self.unreadable)} cannot be read."
        elif not self.is_sufficient:
            yield "That is not all: no single statement can be named that allows the rest."


def remedy(request: AccessRequest, policies: Policies, decision: Decision) -> Remedy:
    """Return what would have `request` allowed that `decision` refused."""
    obstacles: tuple[Obstacle, ...] = ()
    if decision.outcome is Outcome.EXPLICIT_DENY:
        obstacles = tuple(_obstacles(request, policies))
        policies = _without_denies(request, policies)
    # The same circumstances, in which a value that cannot be read is merely absent.
    readable = replace(request, context=Context(fill=request.context.values_of))
    additions: list[Addition] = []
    while len(additions) < STEPS_MAX:
        now = evaluate(readable, _extended(policies, additions))
        if now.allowed:
            unreadable = request.context.unreadable
            needed = tuple(_needed(readable, policies, additions))
            near = tuple(islice(_near_misses(readable, policies, needed), NEAR_MISSES_MAX))
            return Remedy(obstacles, needed, not unreadable, unreadable, near)
        addition = _addition(readable, policies, now.layer)
        if addition in additions or not _can_be_said(addition):
            break
        additions.append(addition)
    return Remedy(obstacles, tuple(additions), is_sufficient=False)


def _needed(request: AccessRequest, policies: Policies, additions: list[Addition]) -> list[Addition]:
    """Leave out what turned out needless: where a grant delegates to an account, the resource policy need not."""
    needed = list(additions)
    for addition in additions:
        others = [one for one in needed if one is not addition]
        if evaluate(request, _extended(policies, others)).allowed:
            needed = others
    return needed


def _addition(request: AccessRequest, policies: Policies, layer: Layer) -> Addition:
    """Return the statement that `layer` lacks. What has no layer of its own is said by the identity's."""
    principal = request.principal
    owner = principal.issuer_arn or str(principal)
    match layer:
        case Layer.RESOURCE:
            owner = request.resource if request.resource != "*" else "the resource"
            return Addition(layer, owner, _statement(request, _resource_kind(request, policies)))
        case Layer.SESSION:
            owner = str(principal)
        case Layer.SERVICE_CONTROL:
            owner = f"account {principal.account_id}"
        case Layer.BOUNDARY:
            pass
        case _:
            layer = Layer.IDENTITY
    return Addition(layer, owner, _statement(request, PolicyKind.IDENTITY))


def _parsed(addition: Addition) -> Document:
    kind = PolicyKind.IDENTITY
    if addition.layer is Layer.RESOURCE:
        kind = PolicyKind.RESOURCE if "Resource" in addition.statement else PolicyKind.TRUST
    return parse(json.dumps({"Version": VERSION_WITH_VARIABLES, "Statement": addition.statement}), kind)


def _can_be_said(addition: Addition) -> bool:
    """Whether the statement is one of the language: a resource that is no ARN cannot be named, for one."""
    try:
        _parsed(addition)
    except PolicySyntaxError:
        return False
    return True


def _extended(policies: Policies, additions: Sequence[Addition]) -> Policies:
    """Return the policies with what is to be added."""
    for addition in additions:
        policies = _with(policies, addition.layer, _parsed(addition))
    return policies


def _with(policies: Policies, layer: Layer, document: Document) -> Policies:
    """Return the policies with one document more in a layer: joined to the policy of which a layer has only one."""
    added = NamedPolicy("added", document)
    match layer:
        case Layer.RESOURCE:
            return replace(policies, resource=_joined(policies.resource, document))
        case Layer.BOUNDARY:
            return replace(policies, boundary=_joined(policies.boundary, document))
        case Layer.SESSION:
            return replace(policies, session=[*(policies.session or ()), added])
        case Layer.SERVICE_CONTROL:
            return replace(policies, service_control=[[*level, added] for level in policies.service_control])
        case _:
            return replace(policies, identity=[*policies.identity, added])


def _resource_kind(request: AccessRequest, policies: Policies) -> PolicyKind:
    if policies.resource is not None and policies.resource.document.kind is not PolicyKind.IDENTITY:
        return policies.resource.document.kind
    return PolicyKind.TRUST if request.action.lower().startswith(_TRUST_ACTIONS) else PolicyKind.RESOURCE


def _statement(request: AccessRequest, kind: PolicyKind) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow"}
    if kind is not PolicyKind.IDENTITY:
        statement["Principal"] = _named(request.principal)
    statement["Action"] = request.action
    if kind is not PolicyKind.TRUST:
        # A key policy is about its own key, which it calls "*".
        is_key_policy = kind is PolicyKind.RESOURCE and request.action.lower().startswith("kms:")
        statement["Resource"] = "*" if is_key_policy else _literal(request.resource)
    return statement


def _named(principal: Principal) -> Any:
    """Return the Principal element that means just this principal; for the session of a role, the role."""
    match principal.kind:
        case PrincipalKind.ANONYMOUS:
            return "*"
        case PrincipalKind.SERVICE:
            return {"Service": principal.name}
        case PrincipalKind.FEDERATED:
            return {"Federated": principal.name}
        case PrincipalKind.ROLE_SESSION:
            return {"AWS": principal.issuer_arn}
        case _:
            return {"AWS": principal.arn}


def _literal(resource: str) -> str:
    """Return the Resource that matches this ARN only: what would be a wildcard or a variable in it is escaped."""
    return resource if resource == "*" else resource.translate(_ESCAPES)


def _joined(policy: NamedPolicy | None, document: Document) -> NamedPolicy:
    if policy is None:
        return NamedPolicy("added", document)
    old = policy.document
    return NamedPolicy(policy.source, Document(old.kind, old.version, old.id, [*old.statements, *document.statements]))


def _layers(policies: Policies) -> Iterator[tuple[Layer, Sequence[NamedPolicy]]]:
    yield Layer.SERVICE_CONTROL, [policy for level in policies.service_control for policy in level]
    yield Layer.RESOURCE, [policies.resource] if policies.resource is not None else []
    yield Layer.IDENTITY, policies.identity
    yield Layer.BOUNDARY, [policies.boundary] if policies.boundary is not None else []
    yield Layer.SESSION, policies.session or []


def _denies(request: AccessRequest, policies: Policies, statement: Statement) -> bool:
    if statement.effect is not Effect.DENY or not statement.matches_action(request.action.lower()):
        return False
    element = statement.principals
    has_boundary = policies.boundary is not None
    if element is not None and not element.is_denied(request.principal, has_boundary=has_boundary):
        return False
    return statement.covers(request.resource, request.context)


def _obstacles(request: AccessRequest, policies: Policies) -> Iterator[Obstacle]:
    for layer, members in _layers(policies):
        for policy in members:
            for statement in policy.document.statements:
                if _denies(request, policies, statement):
                    reference = StatementReference(policy.source, statement.index, statement.sid)
                    yield Obstacle(layer, reference, tuple(way_out(request, one) for one in statement.conditions))


def _near_misses(request: AccessRequest, policies: Policies, needed: Sequence[Addition]) -> Iterator[NearMiss]:
    """Yield the statements that would take the place of an addition, were it not for their conditions."""
    for layer, members in _layers(policies):
        others = [addition for addition in needed if addition.layer is not layer]
        if len(others) == len(needed):
            continue
        for policy in members:
            for statement in policy.document.select_about(request.action, request.resource)[1]:
                unmet = [one for one in statement.conditions if not one.is_met(request.context)]
                old = policy.document
                met = _with(
                    _extended(policies, others),
                    layer,
                    Document(old.kind, old.version, old.id, [_without_conditions(statement)]),
                )
                if unmet and evaluate(request, met).allowed:
                    reference = StatementReference(policy.source, statement.index, statement.sid)
                    yield NearMiss(layer, reference, tuple(wish(request, one) for one in unmet))


def _without_conditions(statement: Statement) -> Statement:
    bare = copy(statement)
    bare.conditions, bare.conditions_met = (), None
    return bare


def _without_denies(request: AccessRequest, policies: Policies) -> Policies:
    def spared(policy: NamedPolicy) -> NamedPolicy:
        old = policy.document
        kept = [statement for statement in old.statements if not _denies(request, policies, statement)]
        return NamedPolicy(policy.source, Document(old.kind, old.version, old.id, kept))

    return replace(
        policies,
        service_control=[[spared(policy) for policy in level] for level in policies.service_control],
        resource=None if policies.resource is None else spared(policies.resource),
        identity=[spared(policy) for policy in policies.identity],
        boundary=None if policies.boundary is None else spared(policies.boundary),
        session=None if policies.session is None else [spared(policy) for policy in policies.session],
    )
