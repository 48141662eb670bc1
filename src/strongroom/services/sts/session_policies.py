"""Session policies: the documents and managed policies that a session's permissions are cut down to.

Source: IAM User Guide, "Session policies"; AWS STS API Reference, "AssumeRole" (Policy, PolicyArns, PackedPolicySize).
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from strongroom.base.arn import parse_arn
from strongroom.identities import aws_managed, tables
from strongroom.identities.accepted_policies import PolicyRefused, accepted_identity_policy
from strongroom.operations.call import Call
from strongroom.services.sts import errors
from strongroom.services.sts.session_tags import SessionTags
from strongroom.storage.connection import Connection

POLICY_CHARACTERS_MAX = 2_048
"""Of the inline policy and the managed policies' ARNs together."""

POLICY_ARNS_MAX = 10
PACKED_BYTES_MAX = 2_048


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """The session policies that a request passes: documents, and ARNs of managed policies. None passed: both empty."""

    documents: tuple[str, ...] = ()
    arns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.documents or self.arns)


def passed_policies(call: Call) -> SessionPolicies:
    """Return the session policies of a request.

    Raises MalformedPolicyDocument for one that is no policy, ValidationError for too many or wrong ARNs, and
    PackedPolicyTooLarge for more than POLICY_CHARACTERS_MAX.
    """
    document = call.params.get("Policy")
    arns = tuple(dict.fromkeys(each.get("arn", "") for each in call.params.get("PolicyArns", ())))
    if len(arns) > POLICY_ARNS_MAX:
        raise errors.invalid(f"At most {POLICY_ARNS_MAX} managed session policies can be passed.")
    for arn in arns:
        parts = parse_arn(arn)
        if parts is None or parts.service != "iam" or not parts.resource.startswith("policy/"):
            raise errors.invalid(f"ARN {arn} is not valid.")
    characters = len(document or "") + sum(map(len, arns))
    if characters > POLICY_CHARACTERS_MAX:
        raise errors.packed_policy_too_large(
            f"The session policies have {characters} characters of plain text; at most {POLICY_CHARACTERS_MAX} fit."
        )
    if document is None:
        return SessionPolicies((), arns)
    try:
        accepted_identity_policy(document)
    except PolicyRefused as refusal:
        raise errors.malformed_policy(str(refusal)) from None
    return SessionPolicies((document,), arns)


async def check_existence(call: Call, passed: SessionPolicies, account_id: str) -> None:
    """Raise ValidationError unless the managed policies are AWS's, or exist in `account_id`, that of the role."""
    own = [arn for arn in passed.arns if aws_managed.find(arn) is None]
    if not own:
        return

    def missing(connection: Connection) -> list[str]:
        return [arn for arn in own if not _exists(connection, arn, account_id)]

    absent = await call.read(missing)
    if absent:
        raise errors.invalid(f"Policy {absent[0]} does not exist or is not attachable.")


def _exists(connection: Connection, arn: str, account_id: str) -> bool:
    parts = parse_arn(arn)
    in_account = parts is not None and parts.account_id == account_id
    return in_account and tables.default_document(connection, arn) is not None


def packed_percent(policies: SessionPolicies, tags: SessionTags) -> int | None:
    """Return how much of the space for session policies and tags these take, in percent; None when there are none.

    Raises PackedPolicyTooLarge above 100.
    """
    if not policies and not tags.tags:
        return None
    parts: Iterable[str] = (*policies.documents, *policies.arns, *(text for tag in tags.tags.items() for text in tag))
    packed_bytes = len(zlib.compress("\0".join(parts).encode(), 9))
    percent = -(-packed_bytes * 100 // PACKED_BYTES_MAX)
    if percent > 100:
        raise errors.packed_policy_too_large(
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
        )
    return percent
