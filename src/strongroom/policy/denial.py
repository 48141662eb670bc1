"""AWS's sentence for a refusal. Source: IAM User Guide, "Troubleshoot access denied error messages"."""

from strongroom.policy.decision import Decision, Layer, Outcome
from strongroom.policy.request import AccessRequest


def denial_message(request: AccessRequest, decision: Decision, *, is_role_trust_policy: bool = False) -> str:
    """Return the message of the access denied error for a decision that did not allow.

    `is_role_trust_policy` tells that the resource policy is the trust policy of a role, which AWS calls by that name.
    Raises ValueError for a decision that allowed.
    """
    if decision.allowed:
        raise ValueError("the request was allowed")
    told = f"User: {request.principal} is not authorized to perform: {request.action} on resource: {request.resource}"
    name, with_article = decision.layer.value, decision.layer.with_article
    if is_role_trust_policy and decision.layer is Layer.RESOURCE:
        name = "role trust policy"
        with_article = f"the {name}"
    if decision.outcome is Outcome.EXPLICIT_DENY:
        return f"{told} with an explicit deny in {with_article}"
    return f"{told} because no {name} allows the {request.action} action"
