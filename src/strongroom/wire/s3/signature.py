"""Signature Version 4 as S3 wants it: who signed, and what of the body was signed with it.

Paths are signed as they came, encoded once. The body's hash stands in x-amz-content-sha256, or a word in its place that
says how the body is signed instead. S3 has its own words for everything that is wrong.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; answers of AWS.
"""

from dataclasses import dataclass
from typing import NamedTuple

from strongroom.base.errors import AwsError
from strongroom.wire.canonical import Pairs, canonical_query, literal_path, query_pairs
from strongroom.wire.http import HttpRequest
from strongroom.wire.refusals import Refusals, quoted
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.chunked import ChunkSigner
from strongroom.wire.s3.payload import UNSIGNED, Framing, framing_of
from strongroom.wire.scope import ALGORITHM, TERMINATOR, SignedScope, read_authorization
from strongroom.wire.signers import SIGNATURE_CHARACTERS, Signers, clock_skew_seconds_max
from strongroom.wire.sigv4 import Claim, SigningRules, Verified, presigned_seconds_max
from strongroom.wire.timestamps import basic_seconds, from_http_date

SIGNING_NAME = "s3"
IN_HEADER, IN_QUERY, IN_FORM = "REST-HEADER", "REST-QUERY-STRING", "POST"
"""Where a signature was; the names are those of the condition key s3:authType."""

_CREDENTIAL_FORM = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
_PRESIGNED = (b"X-Amz-Credential", b"X-Amz-Signature", b"X-Amz-SignedHeaders", b"X-Amz-Date", b"X-Amz-Expires")
_VERSION_2 = frozenset({b"AWSAccessKeyId", b"Signature"})


@dataclass(frozen=True, slots=True)
class S3Refusals(Refusals):
    """How S3 refuses what the verification of all services finds wrong. `lead` begins what is wrong with a claim."""

    in_query: bool = False

    def incomplete_signature(self, text: str) -> AwsError:
        """Return the refusal of a signature that lacks a part or cannot be read."""
        if text.startswith("Credential must"):
            text = _CREDENTIAL_FORM
        if self.in_query:
            return refusals.malformed_query_authorization(f"Error parsing the X-Amz-Credential parameter; {text}")
        return refusals.malformed_authorization(text)

    def wrong_signature(self, text: str = "") -> AwsError:
        """Return the refusal of a credential scope, or of signed headers, that cannot be."""
        return self.incomplete_signature(text) if text else refusals.signature_of_nothing()

    def mismatch_of(self, access_key_id: str, signed: bytes, signature: bytes, canonical: bytes) -> AwsError:
        """Return the refusal of a signature that does not hold, with what was signed."""
        return refusals.signature_mismatch(access_key_id, signed, signature, canonical)

    def headers_not_signed(self, names: list[str]) -> AwsError:
        """Return the refusal of a signature that leaves out headers of AWS's own."""
        return refusals.headers_not_signed(names)

    def token_expired(self) -> AwsError:
        """Return the refusal of temporary credentials whose time is over."""
        return refusals.expired_token()


def _refusals(*, in_query: bool) -> S3Refusals:
    code = ("AccessDenied", 403)
    return S3Refusals(code, "Access Denied", code, code, code, code, in_query=in_query)


HEADER_REFUSALS = _refusals(in_query=False)
QUERY_REFUSALS = _refusals(in_query=True)

_HEADER_RULES = SigningRules(SIGNING_NAME, HEADER_REFUSALS, literal_path)
# Some clients send the hash of the body with a URL that was made before there was a body.
_QUERY_RULES = SigningRules(SIGNING_NAME, QUERY_REFUSALS, literal_path, frozenset({b"x-amz-content-sha256"}))


class S3Claim(NamedTuple):
    """What a request says of its signature, and of its body, not yet verified.

    `auth_type` is where the signature is, `content_sha256` what stands for the body in what was signed.
    """

    claim: Claim
    auth_type: str
    content_sha256: bytes

    @property
    def rules(self) -> SigningRules:
        """The rules that the signature is verified by."""
        return _QUERY_RULES if self.auth_type == IN_QUERY else _HEADER_RULES


def read_claim(request: HttpRequest, signers: Signers) -> S3Claim | None:
    """Return what a request says of its signature, or None when it is not signed. Raises AwsError, in S3's words."""
    header = request.fields.get(b"authorization")
    pairs = query_pairs(request.query_string) if request.query_string else []
    names = {name for name, _ in pairs}
    is_presigned = not names.isdisjoint({b"X-Amz-Algorithm", b"X-Amz-Signature", b"X-Amz-Credential"})
    is_version_2 = not names.isdisjoint(_VERSION_2)
    if header is not None:
        if is_presigned or is_version_2:
            raise refusals.only_one_mechanism(header)
        return _read_header(request, header, pairs, signers)
    if is_presigned:
        return _read_presigned(request, pairs)
    if is_version_2:
        raise refusals.unsupported_version()
    return None


def _read_header(request: HttpRequest, header: bytes, pairs: Pairs, signers: Signers) -> S3Claim:
    signer = signers.of(header)
    if signer is not None:
        scope, signature = signer.scope, header[-SIGNATURE_CHARACTERS:]
    else:
        _check_algorithm(header)
        scope, signature = read_authorization(header, HEADER_REFUSALS)
    fields = request.fields
    date = fields.get(b"x-amz-date") or _date_of_header(fields.get(b"date"))
    signed_at = basic_seconds(date)
    if signed_at is None:
        raise refusals.no_date()
    content_sha256 = fields.get(b"x-amz-content-sha256")
    if content_sha256 is None:
        raise refusals.invalid_request("Missing required header for this request: x-amz-content-sha256")
    framing_of(content_sha256)
    token = fields.get(b"x-amz-security-token")
    query = canonical_query(pairs) if pairs else b""
    claim = Claim(
        scope, signature, date, signed_at, None if token is None else token.decode("latin-1"), 0, query, header
    )
    return S3Claim(claim, IN_HEADER, content_sha256)


def _check_algorithm(header: bytes) -> None:
    algorithm, space, _ = header.partition(b" ")
    if algorithm == ALGORITHM and space:
        return
    if algorithm == b"AWS" or algorithm.startswith(b"AWS4-"):
        raise refusals.unsupported_version()
    raise refusals.unsupported_type(header)


def _read_presigned(request: HttpRequest, pairs: Pairs) -> S3Claim:
    given: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name.startswith(b"X-Amz-"):
            if name in given:
                raise refusals.malformed_query_authorization(f"The parameter {quoted(name)} is there twice.")
            given[name] = value
    algorithm = given.get(b"X-Amz-Algorithm")
    if algorithm is None or not all(given.get(name) for name in _PRESIGNED):
        raise refusals.absent_query_authorization()
    if algorithm != ALGORITHM:
        raise refusals.malformed_query_authorization('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    expires_seconds = _expires_seconds(given[b"X-Amz-Expires"])
    date = given[b"X-Amz-Date"]
    signed_at = basic_seconds(date)
    if signed_at is None:
        raise refusals.malformed_query_authorization(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    scope = SignedScope(given[b"X-Amz-Credential"], given[b"X-Amz-SignedHeaders"], QUERY_REFUSALS)
    token = given.get(b"X-Amz-Security-Token")
    claim = Claim(
        scope,
        given[b"X-Amz-Signature"],
        date,
        signed_at,
        None if token is None else token.decode("latin-1"),
        expires_seconds,
        canonical_query([pair for pair in pairs if pair[0] != b"X-Amz-Signature"]),
        b"",
    )
    content_sha256 = given.get(b"X-Amz-Content-Sha256", UNSIGNED)
    if b"x-amz-content-sha256" in scope.header_names:
        content_sha256 = request.fields.get(b"x-amz-content-sha256", content_sha256)
    framing_of(content_sha256)
    return S3Claim(claim, IN_QUERY, content_sha256)


def _expires_seconds(expires: bytes) -> int:
    digits = expires.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 18:
        raise refusals.malformed_query_authorization("X-Amz-Expires should be a number")
    seconds = int(expires)
    if seconds < 1:
        raise refusals.malformed_query_authorization("X-Amz-Expires must be non-negative")
    if seconds > presigned_seconds_max:
        raise refusals.malformed_query_authorization(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{presigned_seconds_max} seconds"
        )
    return seconds


def _date_of_header(header: bytes | None) -> bytes:
    if header is None:
        raise refusals.no_date()
    try:
        return from_http_date(header.decode("ascii")).strftime("%Y%m%dT%H%M%SZ").encode()
    except ValueError:
        raise refusals.no_date() from None


def check_scope(claimed: S3Claim) -> None:
    """Raise AwsError unless the claim's scope is of its day, and for S3."""
    claim, refuse = claimed.claim, claimed.rules.refusals
    scope = claim.scope
    if scope.date != claim.date[:8]:
        raise refuse.incomplete_signature(
            f'Invalid credential date "{quoted(scope.date)}". This date is not the same as X-Amz-Date: '
            f'"{quoted(claim.date[:8])}".'
        )
    if scope.service != SIGNING_NAME:
        raise refuse.incomplete_signature(f'incorrect service "{scope.service}". This endpoint belongs to "s3".')
    if scope.terminator != TERMINATOR:
        raise refuse.incomplete_signature(
            f'incorrect terminator "{quoted(scope.terminator)}". This endpoint uses "aws4_request".'
        )


def check_claim(claimed: S3Claim, wall_time: float) -> None:
    """Raise AwsError unless the claim is of this time, and its scope of its day and for S3.

    `wall_time` is the real time in seconds since the epoch.
    """
    check_scope(claimed)
    claim = claimed.claim
    age_seconds = wall_time - claim.signed_at
    if claimed.auth_type == IN_QUERY:
        if age_seconds < -clock_skew_seconds_max:
            raise refusals.access_denied("Request is not valid yet")
        if age_seconds > claim.expires_seconds:
            expired_at = claim.signed_at + claim.expires_seconds
            raise refusals.request_expired(claim.expires_seconds, expired_at, wall_time)
    elif abs(age_seconds) > clock_skew_seconds_max:
        raise refusals.time_too_skewed(quoted(claim.date), wall_time, clock_skew_seconds_max)


def chunk_signer_of(verified: Verified, content_sha256: bytes) -> ChunkSigner | None:
    """Return what verifies a body's chunks after a signature that holds, or None when they are not signed."""
    if framing_of(content_sha256) in {Framing.PLAIN, Framing.UNSIGNED_CHUNKS_AND_TRAILERS}:
        return None
    return ChunkSigner(
        verified.signing_key,
        verified.date,
        verified.scope,
        verified.signature,
        verified.credential.access_key_id,
    )
