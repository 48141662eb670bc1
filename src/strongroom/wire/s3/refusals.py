"""S3's refusals of requests that cannot be read, routed or believed, each in AWS's words.

Source: Amazon S3 API Reference, "Error responses"; answers of AWS.
"""

import time
from collections.abc import Mapping

from strongroom.base.errors import AwsError
from strongroom.wire.refusals import quoted

MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"

_UNREAD_CONTENT_SHA256 = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 "
    "value."
)

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)


# Requests that cannot be read.


def invalid_argument(text: str, name: str, value: str | None) -> AwsError:
    """A header, a parameter or a field has a value that makes no sense."""
    members = {"ArgumentName": name} if value is None else {"ArgumentName": name, "ArgumentValue": value}
    return AwsError("InvalidArgument", text, 400, members=members)


def invalid_request(text: str) -> AwsError:
    """A request whose parts do not go together."""
    return AwsError("InvalidRequest", text, 400)


def bad_request(text: str) -> AwsError:
    """A browser's question that lacks what it asks about."""
    return AwsError("BadRequest", text, 400)


def missing_header(name: str) -> AwsError:
    """A header that the operation cannot be without."""
    return AwsError(
        "MissingSecurityHeader",
        "Your request was missing a required header",
        400,
        members={"MissingHeaderName": name},
    )


def malformed_xml(*, is_acl: bool = False) -> AwsError:
    """XML that is not what its schema says."""
    return AwsError("MalformedACLError" if is_acl else "MalformedXML", MALFORMED_XML, 400)


def missing_body() -> AwsError:
    """No body where the operation is nothing without one."""
    return AwsError("MissingRequestBodyError", "Request Body is empty", 400)


def missing_length() -> AwsError:
    """Nobody said how long the body is."""
    return AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)


def entity_too_large(proposed_bytes: int, bytes_max: int) -> AwsError:
    """More than one request may upload."""
    return AwsError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        400,
        members={"ProposedSize": str(proposed_bytes), "MaxSizeAllowed": str(bytes_max)},
    )


def entity_too_small(proposed_bytes: int, bytes_min: int) -> AwsError:
    """Less than the policy of a form asks for."""
    return AwsError(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        400,
        members={"ProposedSize": str(proposed_bytes), "MinSizeAllowed": str(bytes_min)},
    )


def message_too_long(bytes_max: int) -> AwsError:
    """A body that is read whole, and is too much to be."""
    return AwsError(
        "MaxMessageLengthExceeded",
        "Your request was too big.",
        400,
        members={"MaxMessageLengthBytes": str(bytes_max)},
    )


def invalid_uri() -> AwsError:
    """A path or a query string that is not UTF-8."""
    return AwsError("InvalidURI", "Couldn't parse the specified URI.", 400)


def method_not_allowed(method: str, resource_type: str) -> AwsError:
    """Nothing of this kind can be asked with this method."""
    return AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        members={"Method": method, "ResourceType": resource_type},
    )


def not_a_form() -> AwsError:
    """A POST to a bucket that is neither a browser's form nor anything else."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        members={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
    )


# Bodies that are not what was announced.


def incomplete_body() -> AwsError:
    """The body ended early, or late."""
    return AwsError(
        "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header", 400
    )


def content_hash_mismatch(declared: str, computed: str) -> AwsError:
    """The body is not the one whose hash was signed."""
    return AwsError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        400,
        members={"ClientComputedContentSHA256": declared, "S3ComputedContentSHA256": computed},
    )


def invalid_chunk_size(chunk: int, bad_bytes: int) -> AwsError:
    """A signed chunk, not the last one, that is smaller than chunks may be."""
    return AwsError(
        "InvalidChunkSizeError",
        "Only the last chunk is allowed to have a size less than 8192 bytes",
        403,
        members={"Chunk": str(chunk), "BadChunkSize": str(bad_bytes)},
    )


def malformed_trailer() -> AwsError:
    """What follows the last chunk is not what was announced, or is not well-formed."""
    return AwsError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        400,
    )


# Requests that are not believed.


def unsupported_version() -> AwsError:
    """Signature version 2."""
    return invalid_request(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )


def unsupported_type(header: bytes) -> AwsError:
    """An Authorization header of some other kind."""
    return invalid_argument("Unsupported Authorization Type", "Authorization", quoted(header))


def only_one_mechanism(header: bytes) -> AwsError:
    """A signature in the header and another one in the query string."""
    return invalid_argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
        "or the Authorization header should be specified",
        "Authorization",
        quoted(header),
    )


def malformed_authorization(text: str) -> AwsError:
    """An Authorization header that does not say what it has to."""
    return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {text}", 400)


def malformed_query_authorization(text: str) -> AwsError:
    """A presigned URL whose parameters do not say what they have to."""
    return AwsError("AuthorizationQueryParametersError", text, 400)


def absent_query_authorization() -> AwsError:
    """A presigned URL that lacks one of its parameters."""
    return malformed_query_authorization(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )


def no_date() -> AwsError:
    """A signature without a date, or with one that is none."""
    return access_denied("AWS authentication requires a valid Date or x-amz-date header")


def access_denied(text: str = "Access Denied", members: Mapping[str, str] | None = None) -> AwsError:
    """A refusal for the reason that it tells, if it tells one."""
    return AwsError("AccessDenied", text, 403, members=members)


def unknown_access_key(access_key_id: str) -> AwsError:
    """An access key that nobody has."""
    return AwsError(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
        members={"AWSAccessKeyId": access_key_id},
    )


def invalid_token() -> AwsError:
    """A session token that is not one, or not the one of this access key."""
    return AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)


def expired_token() -> AwsError:
    """Temporary credentials whose time is over."""
    return AwsError("ExpiredToken", "The provided token has expired.", 400)


def time_too_skewed(signed_at: str, now: float, skew_seconds_max: int) -> AwsError:
    """A signature that is too old, or of the future. `now` is in seconds since the epoch."""
    return AwsError(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        403,
        members={
            "RequestTime": signed_at,
            "ServerTime": iso(now),
            "MaxAllowedSkewMilliseconds": str(skew_seconds_max * 1000),
        },
    )


def request_expired(expires_seconds: int, expired_at: float, now: float) -> AwsError:
    """A presigned URL whose time is over. Times are seconds since the epoch."""
    return access_denied(
        "Request has expired",
        {"X-Amz-Expires": str(expires_seconds), "Expires": iso(expired_at), "ServerTime": iso(now)},
    )


def headers_not_signed(names: list[str]) -> AwsError:
    """Headers of AWS's own that the signature leaves out."""
    return access_denied(
        "There were headers present in the request which were not signed", {"HeadersNotSigned": ", ".join(names)}
    )


def unread_content_hash(value: bytes) -> AwsError:
    """An x-amz-content-sha256 that is neither a hash nor one of the words that may stand for one."""
    return invalid_argument(_UNREAD_CONTENT_SHA256, "x-amz-content-sha256", quoted(value))


def signature_of_nothing() -> AwsError:
    """A signature over headers that the request does not have."""
    return AwsError("SignatureDoesNotMatch", _MISMATCH, 403)


def signature_mismatch(access_key_id: str, signed: bytes, signature: bytes, canonical: bytes = b"") -> AwsError:
    """A signature that does not hold. What was signed is told, so that a client can find its mistake; it is its own.

    `signed` is the string to sign, `canonical` the canonical request. Neither says anything of the secret.
    """
    members = {
        "AWSAccessKeyId": access_key_id,
        "StringToSign": _text(signed),
        "SignatureProvided": quoted(signature),
        "StringToSignBytes": signed.hex(" "),
    }
    if canonical:
        members["CanonicalRequest"] = _text(canonical)
        members["CanonicalRequestBytes"] = canonical.hex(" ")
    return AwsError(
        "SignatureDoesNotMatch",
        _MISMATCH,
        403,
        members=members,
    )


def iso(seconds: float) -> str:
    """Return seconds since the epoch as S3 writes a time in an error."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
