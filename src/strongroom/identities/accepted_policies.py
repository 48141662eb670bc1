"""Which documents may be an identity policy: inline, managed, or passed along with a session."""

from strongroom.identities.policy_complaints import complaint
from strongroom.identities.policy_resources import resource_complaint
from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError


class PolicyRefused(ValueError):  # noqa: N818 (it says what happened)
    """A document may not be an identity policy. The message is AWS's, as far as AWS has one."""


def accepted_identity_policy(text: str) -> Document:
    """Return a document that may be an identity policy, compiled. Raises PolicyRefused."""
    try:
        document = parse(text, PolicyKind.IDENTITY)
    except PolicySyntaxError as error:
        raise PolicyRefused(complaint(text, PolicyKind.IDENTITY, str(error))) from None
    for statement in document.statements:
        for resource in statement.resources:
            refusal = resource_complaint(resource)
            if refusal is not None:
                raise PolicyRefused(refusal)
    return document
