"""One simulated request decided: one action, by one caller, on one resource.

The policy engine decides, as it does for real; what is added is which statements made the outcome, and which condition
keys would have been needed. Source: IAM API Reference, "EvaluationResult", "ResourceSpecificResult".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.identities.compiled import compiled
from strongroom.policy.context import Context, ContextValue
from strongroom.policy.decision import Decision, Layer, Outcome
from strongroom.policy.evaluate import evaluate
from strongroom.policy.explain import Explanation, explain
from strongroom.policy.policies import NamedPolicy, Policies
from strongroom.policy.request import AccessRequest
from strongroom.policy.statement import Effect
from strongroom.services.iam.context_keys import keys_of, unique_keys
from strongroom.services.iam.simulated_caller import SimulatedCaller
from strongroom.services.iam.source_policies import SourcePolicy

_DECISIONS = {
    Outcome.ALLOW: "allowed",
    Outcome.EXPLICIT_DENY: "explicitDeny",
    Outcome.IMPLICIT_DENY: "implicitDeny",
}
_IDENTITY_TYPE, _RESOURCE_TYPE = "IAM Policy", "Resource Policy"
_ALLOW_ALL = '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What a request asks to simulate. `service_control` has one list of policies for each level of an organization."""

    caller: SimulatedCaller
    facts: Mapping[str, ContextValue]
    identity: Sequence[SourcePolicy]
    boundary: SourcePolicy | None = None
    resource: SourcePolicy | None = None
    service_control: Sequence[Sequence[SourcePolicy]] = ()
    in_organization: bool = False

    def decide(self, action: str, resource: str, owner_id: str) -> dict[str, Any]:
        """Return the result for an action on a resource that an account owns, as answers show it."""
        request = self._request(action, resource, owner_id)
        explained = explain(request, self._policies(resource))
        result: dict[str, Any] = {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _DECISIONS[explained.decision.outcome],
            "MatchedStatements": self._matched(explained),
            "MissingContextValues": unique_keys(self._missing(action, resource)),
        }
        if self.in_organization or self.service_control:
            allowed = all(self._decide_alone(request, level).allowed for level in self.service_control)
            result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
        if self.boundary is not None:
            allowed = self._decide_alone(request, (self.boundary,)).allowed
            result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
        if resource != "*":
            result["EvalDecisionDetails"] = self._details(request)
            result["ResourceSpecificResults"] = [_of_resource(result)]
        return result

    def _request(self, action: str, resource: str, owner_id: str) -> AccessRequest:
        # What the client says of the circumstances goes before what follows from who calls.
        facts = {**self.caller.facts, "aws:resourceaccount": owner_id, **self.facts}
        return AccessRequest(self.caller.principal, action, resource, owner_id, Context(facts))

    def _policies(self, resource: str) -> Policies:
        parts = parse_arn(resource)
        return Policies(
            # Two policies may have one name, so for the engine they go by their numbers.
            identity=[NamedPolicy(str(number), policy.document) for number, policy in enumerate(self.identity)],
            boundary=self.boundary.named if self.boundary is not None else None,
            resource=self.resource.named if self.resource is not None else None,
            # A policy sent for a KMS key is its key policy.
            resource_is_decisive=self.resource is not None and parts is not None and parts.service == "kms",
            service_control=[[policy.named for policy in level] for level in self.service_control],
        )

    def _matched(self, explained: Explanation) -> list[dict[str, Any]]:
        outcome = explained.decision.outcome
        if outcome is Outcome.IMPLICIT_DENY:
            return []
        effect = Effect.ALLOW if outcome is Outcome.ALLOW else Effect.DENY
        matched = []
        for trace in explained.statements:
            if trace.effect is not effect or not trace.applies:
                continue
            if trace.layer is Layer.IDENTITY:
                policy = self.identity[int(trace.reference.source)]
                matched.append(_statement(policy, trace.reference.index, _IDENTITY_TYPE))
            elif trace.layer is Layer.RESOURCE and self.resource is not None:
                matched.append(_statement(self.resource, trace.reference.index, _RESOURCE_TYPE))
        return matched

    def _missing(self, action: str, resource: str) -> Iterator[str]:
        known = {name.lower() for name in (*self.facts, *self.caller.facts, "aws:ResourceAccount")}
        boundary = () if self.boundary is None else (self.boundary,)
        sent = () if self.resource is None else (self.resource,)
        for policy in (*self.identity, *boundary, *sent):
            denies, allows = policy.document.select_about(action, resource)
            for statement in sorted((*denies, *allows), key=lambda each: each.index):
                yield from (key for key in keys_of(policy.document, statement) if key.lower() not in known)

    def _decide_alone(self, request: AccessRequest, policies: Sequence[SourcePolicy]) -> Decision:
        """Decide by identity policies and nothing else, as if the resource were the caller's own."""
        own = AccessRequest(
            request.principal, request.action, request.resource, request.principal.account_id, request.context
        )
        return evaluate(own, Policies(identity=[policy.named for policy in policies]))

    def _details(self, request: AccessRequest) -> dict[str, str]:
        """Say what each kind of policy decides, where two accounts have a say."""
        if request.resource_account_id == request.principal.account_id:
            return {}
        everything = NamedPolicy("", compiled(_ALLOW_ALL))
        by_resource = evaluate(
            request, Policies(identity=[everything], resource=self._policies(request.resource).resource)
        )
        by_identity = self._decide_alone(request, self.identity)
        return {
            _IDENTITY_TYPE: _DECISIONS[by_identity.outcome],
            _RESOURCE_TYPE: _DECISIONS[by_resource.outcome],
        }


def _statement(policy: SourcePolicy, index: int, kind: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"SourcePolicyId": policy.source_id, "SourcePolicyType": kind}
    if index < len(policy.positions):
        start, end = policy.positions[index]
        shown |= {"StartPosition": start.shown(), "EndPosition": end.shown()}
    return shown


def _of_resource(result: Mapping[str, Any]) -> dict[str, Any]:
    members = (
        "EvalResourceName",
        "MatchedStatements",
        "MissingContextValues",
        "PermissionsBoundaryDecisionDetail",
    )
    own = {name: result[name] for name in members if name in result}
    details = {"EvalDecisionDetails": result["EvalDecisionDetails"]} if result["EvalDecisionDetails"] else {}
    return own | details | {"EvalResourceDecision": result["EvalDecision"]}
