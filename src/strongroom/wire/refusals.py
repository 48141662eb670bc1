"""How a signature that does not hold is refused: JSON and XML services differ in their codes, hardly in their texts.

Source: AWS IAM User Guide, "Troubleshoot Signature Version 4 signing for AWS API requests"; the Common Errors pages of
the AWS KMS and AWS STS API References; the texts are those that AWS answers.
"""

import base64
import hashlib
import time
from dataclasses import dataclass

from strongroom.base.errors import AwsError

# What a message quotes of a header or parameter is cut off here.
quoted_characters_max = 256

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Refusals:
    """The error codes and HTTP statuses of one family of services, and its words for a missing signature."""

    missing: tuple[str, int]
    missing_text: str
    incomplete: tuple[str, int]
    mismatch: tuple[str, int]
    unknown_client: tuple[str, int]
    expired_token: tuple[str, int]

    def no_signature(self) -> AwsError:
        """Return the refusal of a request that is not signed."""
        return _refusal(self.missing, self.missing_text)

    def incomplete_signature(self, text: str) -> AwsError:
        """Return the refusal of a signature that lacks a part or cannot be read."""
        return _refusal(self.incomplete, text)

    def wrong_signature(self, text: str = _MISMATCH) -> AwsError:
        """Return the refusal of a signature that does not hold. The text never tells what the right one is made of."""
        return _refusal(self.mismatch, text)

    def mismatch_of(self, access_key_id: str, signed: bytes, signature: bytes, canonical: bytes) -> AwsError:
        """Return the refusal of a signature that does not hold. Most services keep what was signed to themselves."""
        return self.wrong_signature()

    def headers_not_signed(self, names: list[str]) -> AwsError:
        """Return the refusal of a signature that leaves out headers of AWS's own."""
        return self.wrong_signature(
            f"There were headers present in the request which were not signed: {', '.join(names)}"
        )

    def unknown_token(self) -> AwsError:
        """Return the refusal of an access key, or of a session token, that nobody knows."""
        return _refusal(self.unknown_client, "The security token included in the request is invalid.")

    def token_expired(self) -> AwsError:
        """Return the refusal of temporary credentials whose time is over."""
        return _refusal(self.expired_token, "The security token included in the request is expired")

    def not_current(self, signed_at: float, now: float, seconds: int) -> AwsError:
        """Return the refusal of a signature outside the `seconds` around `now`. Times are seconds since the epoch."""
        span = f"{seconds // 60} min." if seconds % 60 == 0 else f"{seconds} sec."
        if signed_at < now:
            text = f"Signature expired: {_basic(signed_at)} is now earlier than {_basic(now - seconds)}"
            return self.wrong_signature(f"{text} ({_basic(now)} - {span})")
        text = f"Signature not yet current: {_basic(signed_at)} is still later than {_basic(now + seconds)}"
        return self.wrong_signature(f"{text} ({_basic(now)} + {span})")


JSON_REFUSALS = Refusals(
    missing=("MissingAuthenticationTokenException", 400),
    missing_text="Missing Authentication Token",
    incomplete=("IncompleteSignatureException", 400),
    mismatch=("InvalidSignatureException", 400),
    unknown_client=("UnrecognizedClientException", 400),
    expired_token=("ExpiredTokenException", 400),
)

REST_JSON_REFUSALS = Refusals(
    missing=("MissingAuthenticationTokenException", 403),
    missing_text="Missing Authentication Token",
    incomplete=("IncompleteSignatureException", 403),
    mismatch=("InvalidSignatureException", 403),
    unknown_client=("UnrecognizedClientException", 403),
    expired_token=("ExpiredTokenException", 403),
)

QUERY_REFUSALS = Refusals(
    missing=("MissingAuthenticationToken", 403),
    missing_text="Request is missing Authentication Token",
    incomplete=("IncompleteSignature", 400),
    mismatch=("SignatureDoesNotMatch", 403),
    unknown_client=("InvalidClientTokenId", 403),
    expired_token=("ExpiredToken", 403),
)

EC2_REFUSALS = Refusals(
    missing=("MissingAuthenticationToken", 401),
    missing_text="Request is missing Authentication Token",
    incomplete=("IncompleteSignature", 400),
    mismatch=("SignatureDoesNotMatch", 401),
    unknown_client=("AuthFailure", 401),
    expired_token=("RequestExpired", 400),
)


def quoted(value: bytes) -> str:
    """Return a piece of a request as a message may quote it: text, and not much of it."""
    return value[:quoted_characters_max].decode("utf-8", "replace")


def fingerprint(value: bytes) -> str:
    """Return the SHA-256 of a header in Base64: AWS's messages tell a bad Authorization header in this way, unread."""
    return base64.b64encode(hashlib.sha256(value).digest()).decode()


def _refusal(kind: tuple[str, int], text: str) -> AwsError:
    code, status = kind
    return AwsError(code, text, status)


def _basic(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
