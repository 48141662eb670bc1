"""What is kept of a refusal, and the encoded message with which its caller can ask for it.

The encoded message is a sealed reference to the audit record: it tells nothing to whoever may not decode it.
Source: AWS STS API Reference, "DecodeAuthorizationMessage"; IAM User Guide, "Troubleshoot access denied error
messages".
"""

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from strongroom.envelope.sealed import SealBroken, Sealer
from strongroom.operations.trail import Explanation
from strongroom.policy.decision import Decision
from strongroom.policy.explain import explain
from strongroom.policy.policies import Policies
from strongroom.policy.remedy import remedy
from strongroom.policy.request import AccessRequest

if TYPE_CHECKING:
    from strongroom.operations.call import Call

EXPLANATION_LINES_MAX = 200
ENCODED_MESSAGE_CHARACTERS_MAX = 10_240
ENCODED_MESSAGE_LEAD = ". Encoded authorization failure message: "
_PLACE = "authorization messages"


class DenialReference(NamedTuple):
    """Which refusal an encoded message is about. Every part is as the audit record has it."""

    account_id: str
    request_id: str
    service: str
    operation: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(DenialReference).decode


def explanation_of(request: AccessRequest, policies: Policies, decision: Decision) -> Explanation:
    """Return why a request was refused, from every policy that took part."""
    explanation = explain(request, policies)
    lines = list(explanation.lines())[1:]
    if len(lines) > EXPLANATION_LINES_MAX:
        lines = [*lines[:EXPLANATION_LINES_MAX], f"and {len(lines) - EXPLANATION_LINES_MAX} more lines"]
    asked = {key: list(values) for key, values in sorted(request.context.asked.items())}
    cure = remedy(request, policies, decision)
    additions = [one.as_plain() for one in cure.additions]
    return Explanation(request.action, request.resource, asked, lines, list(cure.lines()), additions)


def with_encoded_message(call: "Call", message: str) -> str:
    """Return a refusal's message followed by the encoded message that leads to its audit record."""
    names = call.operation
    reference = DenialReference(call.account_id, call.origin.request_id, names.service.name, names.name)
    sealed = call.house.sealer.seal(_encode(reference), _PLACE)
    return f"{message}{ENCODED_MESSAGE_LEAD}{base64.urlsafe_b64encode(sealed).decode()}"


def without_encoded_message(message: str) -> str:
    """Return a refusal's message as it is recorded."""
    return message.partition(ENCODED_MESSAGE_LEAD)[0]


def reference_in(encoded: str, sealer: Sealer) -> DenialReference | None:
    """Return which refusal an encoded message is about, or None when it is not one that was given out here."""
    try:
        sealed = base64.b64decode(encoded, altchars=b"-_", validate=True)
        return _decode(sealer.open(sealed, _PLACE))
    except (ValueError, binascii.Error, SealBroken, msgspec.DecodeError):
        return None
