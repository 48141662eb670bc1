"""Which documents may be a managed or an inline policy, and how large they may be.

Sources: IAM User Guide, "IAM and AWS STS quotas", "Policies and permissions in IAM"; answers of AWS.
"""

from strongroom.identities.accepted_policies import PolicyRefused, accepted_identity_policy
from strongroom.policy.document import VERSION_WITH_VARIABLES, Document
from strongroom.services.iam import errors
from strongroom.services.iam.documents import counted_characters

MANAGED_POLICY_CHARACTERS_MAX = 6_144


def parsed_identity_policy(text: str) -> Document:
    """Return a document that may be an inline policy, compiled. Raises MalformedPolicyDocument."""
    try:
        return accepted_identity_policy(text)
    except PolicyRefused as refusal:
        raise errors.malformed_policy(str(refusal)) from None


def accepted_managed_policy(text: str) -> str:
    """Return `text` when it may be a version of a managed policy.

    Raises MalformedPolicyDocument, also for the language's version of 2008, and LimitExceeded above
    MANAGED_POLICY_CHARACTERS_MAX, white space not counted.
    """
    if parsed_identity_policy(text).version != VERSION_WITH_VARIABLES:
        raise errors.malformed_policy(f"Policy document must be version {VERSION_WITH_VARIABLES} or greater.")
    if counted_characters(text) > MANAGED_POLICY_CHARACTERS_MAX:
        raise errors.quota_exceeded("PolicySize", MANAGED_POLICY_CHARACTERS_MAX)
    return text
