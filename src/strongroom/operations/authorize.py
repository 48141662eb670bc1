"""May they: every requirement that an operation declares is put to the policy engine, before its handler runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.conditions import global_condition
from strongroom.operations.decisions import Matched, RememberedDecisions
from strongroom.operations.denials import explanation_of, with_encoded_message
from strongroom.operations.trail import Reason, Resource
from strongroom.policy.context import Context, ContextValue
from strongroom.policy.decision import Decision
from strongroom.policy.denial import denial_message
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy, Policies
from strongroom.policy.request import AccessRequest

ConditionValue = ContextValue


@dataclass(slots=True, eq=False, kw_only=True)
class Requirement:
    """One action on one resource that a call must be allowed.

    `resource` is an ARN, or `*` for an action about no resource; `account_id` owns it. `policy` is the resource's own
    policy; when it is decisive, identity policies count only where it hands over to the account. `grants` are those of
    the resource's grants that fit the request. `conditions` answers the service's own condition keys, asked in lower
    case, and None for the others. `audited` is how the audit trail lists the resource, None when it does not. `refusal`
    is what is answered instead of the policy engine's sentence where that would tell too much: whether another
    account's resource exists. `remembered` is what need not be decided again about this resource. `is_trust_policy`
    tells that `policy` is the trust policy of a role.
    """

    action: str
    resource: str
    account_id: str
    policy: NamedPolicy | None = None
    policy_is_decisive: bool = False
    grants: Sequence[NamedPolicy] = ()
    conditions: Callable[[str], ConditionValue] | None = None
    audited: Resource | None = None
    refusal: AwsError | None = None
    remembered: RememberedDecisions | None = None
    is_trust_policy: bool = False


def authorize(call: Call) -> None:
    """Raise the service's refusal, in AWS's words, unless every requirement of the call is allowed."""
    for requirement in call.requirements:
        reason = _allowance(call, requirement)
        call.reason = reason if call.reason is None else _joined(call.reason, reason)


def _allowance(call: Call, requirement: Requirement) -> Reason:
    """Return why a requirement is allowed, or raise the refusal."""
    service_control = _service_control(call)
    # What was decided while no such policy was in force would be remembered past it, and the other way round.
    remembered = requirement.remembered if not service_control else None
    last = remembered.find(call.caller, requirement.action) if remembered is not None else None
    if last is not None and not last.asked:
        return last.reason
    request = access_request(call, requirement)
    if last is not None and last.holds_in(request.context):
        return last.reason
    policies = policies_for(call, requirement)
    decision = evaluate(request, policies)
    if not decision.allowed:
        raise refusal(call, requirement, request, policies, decision)
    reason = _reason_of(call, requirement, decision)
    # A grant comes and goes without a change to the policies that are remembered with.
    if remembered is not None and not requirement.grants:
        remembered.remember(call.caller, requirement.action, reason, request.context.asked)
    return reason


def _joined(first: Reason, second: Reason) -> Reason:
    """Return the reason of a call that needed two allowances (ReEncrypt: of two keys)."""
    if first is second:
        return second
    statements = tuple(dict.fromkeys(first.statements + second.statements))
    return Reason(second.outcome, second.layer, statements, tuple(dict.fromkeys(first.sources + second.sources)))


def is_allowed(call: Call, requirement: Requirement) -> bool:
    """Whether a call would be allowed something more, for answers that depend on it. Leaves no reason behind."""
    return evaluate(access_request(call, requirement), policies_for(call, requirement)).allowed


def access_request(call: Call, requirement: Requirement) -> AccessRequest:
    """Return what is asked of the policy engine for one requirement of a call."""
    own = requirement.conditions

    def fill(name: str) -> ConditionValue:
        if own is not None:
            value = own(name)
            if value is not None:
                return value
        return global_condition(call, requirement.account_id, name)

    return AccessRequest(
        call.caller.principal,
        requirement.action,
        requirement.resource,
        requirement.account_id,
        Context(None, fill),
    )


def policies_for(call: Call, requirement: Requirement) -> Policies:
    """Return every policy that takes part in the decision on one requirement."""
    caller = call.caller
    return Policies(
        caller.asked,
        caller.boundary,
        caller.session_policies,
        requirement.policy,
        requirement.policy_is_decisive,
        _service_control(call),
        requirement.grants,
    )


def _service_control(call: Call) -> Sequence[Sequence[NamedPolicy]]:
    faults = call.house.faults
    return () if faults is None else faults.service_control(call)


def _reason_of(call: Call, requirement: Requirement, decision: Decision) -> Reason:
    remembered = requirement.remembered
    # The words for it depend on the grants that were looked at, too.
    by: Matched = (*decision.matched, *requirement.grants) if requirement.grants else decision.matched
    if remembered is not None:
        kept = remembered.reason_for(call.caller, requirement.action, by)
        if kept is not None:
            return kept
    sources = _sources(call, requirement)
    reason = Reason(decision.outcome.value, decision.layer.value, decision.statements, sources)
    if remembered is not None:
        remembered.keep_reason(call.caller, requirement.action, by, reason)
    return reason


def _sources(call: Call, requirement: Requirement) -> tuple[str, ...]:
    policy = requirement.policy
    sources = call.caller.sources if policy is None else (policy.source, *call.caller.sources)
    return (*sources, *(grant.source for grant in requirement.grants)) if requirement.grants else sources


def refusal(
    call: Call, requirement: Requirement, request: AccessRequest, policies: Policies, decision: Decision
) -> AwsError:
    """Return the service's refusal of a decision that did not allow, having noted why for the audit trail."""
    if call.house.faults is not None:
        call.house.faults.note(decision)
    explanation = explanation_of(request, policies, decision)
    sources = _sources(call, requirement)
    call.reason = Reason(decision.outcome.value, decision.layer.value, decision.statements, sources, explanation)
    if requirement.refusal is not None:
        return requirement.refusal
    message = denial_message(request, decision, is_role_trust_policy=requirement.is_trust_policy)
    return call.operation.service.denied(with_encoded_message(call, message))
