"""One request and the policies that apply to it, to one decision.

The order is that of the IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or deny access" and
"Cross-account policy evaluation logic":

1. A Deny that applies, in any policy, ends it.
2. Every level of service control policies has to allow.
3. A resource policy that allows the principal itself (a user, a session by its own ARN, everyone), in the resource's
   own account, ends it: identity policies, boundary and session policies need not allow. One that allows the role or
   user behind a session stands in for the identity policies only. One that allows an account only lets that account's
   identity policies decide.
4. Otherwise identity policies, permissions boundary and session policies all have to allow. For a resource of another
   account, or with a decisive resource policy, the resource policy has to have named the principal or its account as
   well.
5. What no policy allowed, a grant may: to its grantee, of whatever account; to the sessions of a grantee role or user
   within their boundary and session policies. (AWS KMS Developer Guide, "Grants in AWS KMS".)

The root user is allowed everything in its own account, unless the resource policy is decisive. Callers without an
account (anonymous, services, identities of a provider) are allowed by resource policies; a service also by identity
policies that the caller of `evaluate` chose to give it.
"""

from collections.abc import Iterable, Sequence

from strongroom.policy.context import Context
from strongroom.policy.decision import Decision, Layer, Outcome, StatementReference
from strongroom.policy.policies import Match, NamedPolicy, Policies, PolicySet
from strongroom.policy.principal import Principal, PrincipalKind
from strongroom.policy.principal_element import NO_GRANT, TO_ACCOUNT, TO_ISSUER, TO_PRINCIPAL
from strongroom.policy.request import AccessRequest
from strongroom.policy.statement import Statement

__all__ = [
    "AccessRequest",
    "Decision",
    "Layer",
    "NamedPolicy",
    "Outcome",
    "Policies",
    "PolicySet",
    "Principal",
    "PrincipalKind",
    "StatementReference",
    "evaluate",
]

_WITHOUT_ACCOUNT = frozenset({PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS, PrincipalKind.FEDERATED})


def evaluate(request: AccessRequest, policies: Policies) -> Decision:
    """Decide one request. Never raises for anything that a policy or a request holds.

    What would be allowed with a context value that cannot be read is not: nobody knows what its conditions would say.
    """
    decision = _decide_in_order(request, policies)
    if decision.allowed and request.context.unreadable:
        return _no(decision.layer if decision.matched and decision.layer is not Layer.GRANT else Layer.RESOURCE)
    return decision


def _decide_in_order(request: AccessRequest, policies: Policies) -> Decision:
    denied = _explicit_deny(request, policies)
    if denied is not None:
        return denied
    for level in policies.service_control:
        if _first_allow(request, level) is None:
            return _no(Layer.SERVICE_CONTROL)
    decision = _decide(request, policies)
    return _decide_by_grants(request, policies, decision) if policies.grants and not decision.allowed else decision


def _decide(request: AccessRequest, policies: Policies) -> Decision:
    principal = request.principal
    kind = principal.kind
    grant, granted_by = _strongest_grant(request, policies.resource)
    if kind in _WITHOUT_ACCOUNT:
        return _decide_without_account(request, policies, grant, granted_by)
    own_account = principal.account_id == request.resource_account_id
    if kind is PrincipalKind.ROOT:
        return _decide_root(request, policies, grant, granted_by, own_account=own_account)
    if own_account and grant == TO_PRINCIPAL:
        return Decision(Outcome.ALLOW, Layer.RESOURCE, granted_by)
    if grant == NO_GRANT and (policies.resource_is_decisive or not own_account):
        return _no(Layer.RESOURCE)
    if own_account and grant == TO_ISSUER:
        return _limited(request, policies, Decision(Outcome.ALLOW, Layer.RESOURCE, granted_by))
    return _decide_by_identity(request, policies, granted_by)


def _explicit_deny(request: AccessRequest, policies: Policies) -> Decision | None:
    for level in policies.service_control:
        if (match := _first_deny(request, level)) is not None:
            return Decision(Outcome.EXPLICIT_DENY, Layer.SERVICE_CONTROL, (match,))
    resource = policies.resource
    if resource is not None:
        for statement in resource.document.select_about(request.action, request.resource)[0]:
            element = statement.principals
            has_boundary = policies.boundary is not None
            about = element is None or element.is_denied(request.principal, has_boundary=has_boundary)
            if about and statement.holds(request.resource, request.context):
                return Decision(Outcome.EXPLICIT_DENY, Layer.RESOURCE, ((resource, statement),))
    if (match := _first_deny(request, policies.identity)) is not None:
        return Decision(Outcome.EXPLICIT_DENY, Layer.IDENTITY, (match,))
    if policies.boundary is not None and (match := _first_deny(request, (policies.boundary,))) is not None:
        return Decision(Outcome.EXPLICIT_DENY, Layer.BOUNDARY, (match,))
    if policies.session and (match := _first_deny(request, policies.session)) is not None:
        return Decision(Outcome.EXPLICIT_DENY, Layer.SESSION, (match,))
    return None


def _first_deny(request: AccessRequest, policies: Iterable[NamedPolicy]) -> Match | None:
    action, resource, context = request.action, request.resource, request.context
    if type(policies) is PolicySet:
        return _first_that_holds(policies.select_about(action, resource)[0], resource, context)
    for policy in policies:
        for statement in policy.document.select_about(action, resource)[0]:
            if statement.holds(resource, context):
                return policy, statement
    return None


def _first_allow(request: AccessRequest, policies: Iterable[NamedPolicy]) -> Match | None:
    action, resource, context = request.action, request.resource, request.context
    if type(policies) is PolicySet:
        return _first_that_holds(policies.select_about(action, resource)[1], resource, context)
    for policy in policies:
        for statement in policy.document.select_about(action, resource)[1]:
            if statement.holds(resource, context):
                return policy, statement
    return None


def _first_that_holds(matches: tuple[Match, ...], resource: str, context: Context) -> Match | None:
    for match in matches:
        statement = match[1]
        # What `Statement.holds` does, without a call for each of the many that only their conditions decide.
        if statement.resource_varies:
            if statement.holds(resource, context):
                return match
        elif statement.conditions_met is None or statement.conditions_met(context):
            return match
    return None


def _strongest_grant(request: AccessRequest, policy: NamedPolicy | None) -> tuple[int, tuple[Match, ...]]:
    """Return the most that the resource policy allows the principal, and the first statement that does."""
    if policy is None:
        return NO_GRANT, ()
    strongest = NO_GRANT
    by: Statement | None = None
    for statement in policy.document.select_about(request.action, request.resource)[1]:
        # A statement without principals is about nobody: the document was parsed as an identity policy.
        grant = NO_GRANT if statement.principals is None else statement.principals.grant(request.principal)
        if grant > strongest and statement.holds(request.resource, request.context):
            strongest, by = grant, statement
            if grant == TO_PRINCIPAL:
                break
    return (NO_GRANT, ()) if by is None else (strongest, ((policy, by),))


def _decide_without_account(
    request: AccessRequest, policies: Policies, grant: int, granted_by: tuple[Match, ...]
) -> Decision:
    if grant == TO_PRINCIPAL:
        return Decision(Outcome.ALLOW, Layer.RESOURCE, granted_by)
    is_service = request.principal.kind is PrincipalKind.SERVICE
    if is_service and policies.identity and not policies.resource_is_decisive:
        return _decide_by_identity(request, policies, ())
    return _no(Layer.RESOURCE)


def _decide_root(
    request: AccessRequest, policies: Policies, grant: int, granted_by: tuple[Match, ...], *, own_account: bool
) -> Decision:
    if grant == TO_PRINCIPAL:
        allowed = Decision(Outcome.ALLOW, Layer.RESOURCE, granted_by)
    elif own_account and not policies.resource_is_decisive:
        allowed = Decision(Outcome.ALLOW, Layer.ROOT)
    else:
        return _no(Layer.RESOURCE)
    return _limited(request, policies, allowed)


def _decide_by_grants(request: AccessRequest, policies: Policies, otherwise: Decision) -> Decision:
    limited: Decision | None = None
    for policy in policies.grants:
        level, granted_by = _strongest_grant(request, policy)
        if level == TO_PRINCIPAL:
            return Decision(Outcome.ALLOW, Layer.GRANT, granted_by)
        if level == TO_ISSUER:
            limited = _limited(request, policies, Decision(Outcome.ALLOW, Layer.GRANT, granted_by))
            if limited.allowed:
                return limited
        elif level == TO_ACCOUNT:
            delegated = _decide_by_identity(request, policies, granted_by)
            if delegated.allowed:
                return delegated
    return limited or otherwise


def _decide_by_identity(request: AccessRequest, policies: Policies, granted_by: tuple[Match, ...]) -> Decision:
    match = _first_allow(request, policies.identity)
    if match is None:
        return _no(Layer.IDENTITY)
    return _limited(request, policies, Decision(Outcome.ALLOW, Layer.IDENTITY, (match, *granted_by)))


def _limited(request: AccessRequest, policies: Policies, allowed: Decision) -> Decision:
    """Return `allowed`, unless the permissions boundary or the session policies do not allow the request too.

    A federated user session that was made without session policies is allowed nothing this way.
    """
    if policies.boundary is not None and _first_allow(request, (policies.boundary,)) is None:
        return _no(Layer.BOUNDARY)
    session: Sequence[NamedPolicy] | None = policies.session
    if session is None:
        is_federated = request.principal.kind is PrincipalKind.FEDERATED_USER
        return _no(Layer.SESSION) if is_federated else allowed
    return allowed if _first_allow(request, session) is not None else _no(Layer.SESSION)


_IMPLICIT_DENIES = {layer: Decision(Outcome.IMPLICIT_DENY, layer) for layer in Layer}


def _no(layer: Layer) -> Decision:
    return _IMPLICIT_DENIES[layer]
