"""What a request to invoke brings: checked, and refused in AWS's words.

Source: AWS Lambda API Reference, Invoke; Developer Guide, "Lambda quotas"; recorded answers.
"""

import base64
import binascii
import json
import random

import msgspec

from strongroom.base.errors import AwsError
from strongroom.services.lambda_ import errors

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
EVENT_BYTES_MAX = 1024 * 1024
BODY_BYTES_MAX = 8 * 1024 * 1024
"""Longer than a payload may be: it is Lambda that says no, with the figure."""
CLIENT_CONTEXT_BYTES_MAX = 3_583

# It has to be unique, and is no secret.
_random_bits = random.SystemRandom().getrandbits

_is_json = msgspec.json.Decoder(msgspec.Raw).decode


def checked_payload(payload: bytes, *, is_event: bool) -> bytes:
    """Return the payload of an invocation; none is an empty object.

    Raises InvalidRequestContentException for what is not JSON, RequestEntityTooLargeException.
    """
    if is_event and len(payload) > EVENT_BYTES_MAX:
        raise errors.too_large(
            f"{len(payload)} byte payload is too large for the Event invocation type (limit {EVENT_BYTES_MAX} bytes)"
        )
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise errors.too_large(
            f"Request must be smaller than {PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation"
        )
    if not payload:
        return b"{}"
    try:
        payload.decode()
        _is_json(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise invalid_content(
            f"Could not parse request body into json: Could not parse payload into json: {_told(problem)}"
        ) from None
    return payload


def _told(problem: Exception) -> str:
    """Return what is wrong with a payload, without any of it."""
    if isinstance(problem, UnicodeDecodeError):
        return f"Invalid UTF-8 start byte 0x{problem.object[problem.start]:02x} at byte {problem.start + 1}"
    return str(problem) or "it nests too deeply"


def checked_client_context(text: str | None) -> str:
    """Return a client context as JSON in ASCII, empty for none. Raises InvalidRequestContentException."""
    if not text:
        return ""
    if len(text) > CLIENT_CONTEXT_BYTES_MAX:
        raise invalid_content(f"Client context must be at most {CLIENT_CONTEXT_BYTES_MAX} bytes of Base64.")
    try:
        value = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise invalid_content("Client context must be a valid Base64-encoded JSON object.") from None
    if not isinstance(value, dict):
        raise invalid_content("Client context must be a valid Base64-encoded JSON object.")
    return json.dumps(value, separators=(",", ":"))


def invalid_content(message: str) -> AwsError:
    """The payload is not JSON."""
    return AwsError("InvalidRequestContentException", message, members={"Type": "User"})


def new_trace_id(now: float) -> str:
    """Return a trace header for an invocation that is not traced. Source: AWS X-Ray Developer Guide, "Concepts"."""
    return f"Root=1-{int(now):08x}-{_random_bits(96):024x};Parent={_random_bits(64):016x};Sampled=0"
