"""AWS Signature Version 4: is this request from who it says, whole, and of this time?

Two forms: the Authorization header, and the query string of a presigned URL. The body is always part of what is signed.
Verification raises; only a `Verified` comes back. No message tells what a right signature would have been made of.

Source: AWS IAM User Guide, "Create a signed AWS API request"; the refusals are in `refusals`.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from strongroom.crypto.mac import HmacSha256, equal, hmac_sha256
from strongroom.wire.canonical import canonical_query, folded, normalised_path, query_pairs
from strongroom.wire.http import HttpRequest
from strongroom.wire.refusals import JSON_REFUSALS, Refusals, quoted
from strongroom.wire.scope import TERMINATOR, SignedScope, check_algorithm, read_authorization
from strongroom.wire.signers import SIGNATURE_CHARACTERS, Signers, clock_skew_seconds_max
from strongroom.wire.timestamps import basic_seconds, from_http_date

presigned_seconds_max = 7 * 24 * 60 * 60

_PRESIGNED = (b"X-Amz-Algorithm", b"X-Amz-Credential", b"X-Amz-Signature", b"X-Amz-SignedHeaders", b"X-Amz-Date")


class Credential(NamedTuple):
    """An access key as the house knows it. `principal` is whoever holds it; it is handed back as it is."""

    access_key_id: str
    secret_access_key: str
    principal: Any
    is_expired: bool = False


# Given an access key id and the session token that came with it (or None), the credential, or None for an unknown one.
Lookup = Callable[[str, str | None], Credential | None]


class SigningRules(NamedTuple):
    """What a service asks of a signature: the name it is scoped to, its error codes, and how its paths are signed.

    `unsigned_headers` are those of AWS's own headers that need not be signed, where there are any.
    """

    service: str
    refusals: Refusals = JSON_REFUSALS
    canonical_path: Callable[[bytes], bytes] = normalised_path
    unsigned_headers: frozenset[bytes] = frozenset()


class Claim(NamedTuple):
    """What a request says of its signature, not yet verified. `signed_at` is in seconds since the epoch.

    `expires_seconds` is how long a presigned request holds, 0 for a signature in the Authorization header. `query` is
    the query string as it is signed, `header` the Authorization header, if there is one.
    """

    scope: SignedScope
    signature: bytes
    date: bytes
    signed_at: float
    session_token: str | None
    expires_seconds: int
    query: bytes
    header: bytes


class Verified(NamedTuple):
    """A signature that holds. `signing_key` verifies what continues it (the chunks of a streamed body)."""

    credential: Credential
    region: str
    service: str
    signed_at: float
    is_presigned: bool
    scope: bytes
    date: bytes
    signature: bytes
    signing_key: HmacSha256


class Verifier:
    """Verifies signatures, and remembers what makes the next verification cheap.

    `signers.verify` is the short way in for a client that was verified here before. What it does not vouch for is for
    `verify`, or its parts `read`, `check_time_and_scope` and `check`.
    """

    def __init__(self) -> None:
        self.signers = Signers()

    def verify(
        self, request: HttpRequest, body: bytes, lookup: Lookup, wall_time: float, rules: SigningRules
    ) -> Verified:
        """Return who signed `request` with this `body`. `wall_time` is the real time in seconds since the epoch.

        Raises AwsError with the service's own code when the request is not signed, the signature cannot be read, is
        not of this time, is scoped to something else, is by nobody known, leaves headers out, or does not match.
        """
        claim = self.read(request, rules)
        check_time_and_scope(claim, wall_time, rules)
        credential = lookup(claim.scope.access_key_id, claim.session_token)
        if credential is None:
            raise rules.refusals.unknown_token()
        return self.check(request, claim, credential, payload_hash(request, body, rules), rules)

    def read(self, request: HttpRequest, rules: SigningRules) -> Claim:
        """Return what the request says of its signature. Raises AwsError when it is not signed, or cannot be read."""
        header = request.fields.get(b"authorization")
        query_string = request.query_string
        if query_string and (b"X-Amz-Signature" in query_string or b"X-Amz-Algorithm" in query_string):
            pairs = query_pairs(query_string)
            if any(name in {b"X-Amz-Signature", b"X-Amz-Algorithm"} for name, _ in pairs):
                if header is not None:
                    raise rules.refusals.incomplete_signature(
                        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the "
                        "Authorization header should be specified"
                    )
                return _read_presigned(pairs, rules.refusals)
        if header is None:
            raise rules.refusals.no_signature()
        return self._read_header(request, header, rules.refusals)

    def _read_header(self, request: HttpRequest, header: bytes, refusals: Refusals) -> Claim:
        signer = self.signers.of(header)
        if signer is not None:
            scope, signature = signer.scope, header[-SIGNATURE_CHARACTERS:]
        else:
            scope, signature = read_authorization(header, refusals)
        fields = request.fields
        date = fields.get(b"x-amz-date")
        if date is None:
            date = _date_of_header(fields.get(b"date"), refusals)
        token = fields.get(b"x-amz-security-token")
        query = canonical_query(query_pairs(request.query_string)) if request.query_string else b""
        return Claim(
            scope,
            signature,
            date,
            _seconds_of(date, refusals),
            None if token is None else token.decode("latin-1"),
            0,
            query,
            header,
        )

    def check(
        self, request: HttpRequest, claim: Claim, credential: Credential, hashed: bytes, rules: SigningRules
    ) -> Verified:
        """Return the proof that `claim` is true of `request` and of a body whose `payload_hash` is `hashed`.

        S3 allows other things in its place (`UNSIGNED-PAYLOAD`). Raises AwsError when the claim is not true, or when
        the credential has expired.
        """
        scope = claim.scope
        fields = request.fields
        header_lines = _canonical_headers(scope, fields, rules.refusals)
        # All signed headers are there, so as many of AWS's own headers as are signed means that all of them are.
        if b"\n".join((b"", *fields)).count(b"\nx-amz-") != scope.amz_headers:
            _check_unsigned(scope, fields, rules)
        path = b"/" if request.raw_path == b"/" else rules.canonical_path(request.raw_path)
        canonical_request = b"%b\n%b\n%b\n%b%b" % (
            request.method.encode(),
            path,
            claim.query,
            header_lines,
            hashed,
        )
        string_to_sign = b"AWS4-HMAC-SHA256\n%b\n%b\n%b" % (
            claim.date,
            scope.text,
            hashlib.sha256(canonical_request).hexdigest().encode(),
        )
        secret = credential.secret_access_key
        signer = self.signers.of(claim.header)
        # An access key whose secret has changed must not be verified with a key derived from the old one. Both secrets
        # are the house's own here, so a plain comparison tells a stranger nothing.
        is_known = signer is not None and signer.secret_access_key == secret
        key = signer.key if signer is not None and is_known else signing_key(scope, secret)
        if not equal(key.digest(string_to_sign).hex().encode(), claim.signature):
            raise rules.refusals.mismatch_of(scope.access_key_id, string_to_sign, claim.signature, canonical_request)
        if credential.is_expired:
            raise rules.refusals.token_expired()
        if claim.header and not is_known:
            self.signers.remember(claim.header, scope, secret, key)
        return Verified(
            credential,
            scope.region,
            scope.service,
            claim.signed_at,
            claim.expires_seconds > 0,
            scope.text,
            claim.date,
            claim.signature,
            key,
        )


def signing_key(scope: SignedScope, secret_access_key: str) -> HmacSha256:
    """Return the key that is derived from a secret for one day, Region and service."""
    key = b"AWS4" + secret_access_key.encode()
    for part in scope.text.split(b"/"):
        key = hmac_sha256(key, part)
    return HmacSha256(key)


def payload_hash(request: HttpRequest, body: bytes, rules: SigningRules) -> bytes:
    """Return the SHA-256 of the body in hexadecimal. Raises AwsError when the request declares another one."""
    hashed = hashlib.sha256(body).hexdigest().encode()
    declared = request.fields.get(b"x-amz-content-sha256")
    if declared is not None and declared != hashed:
        raise rules.refusals.wrong_signature(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    return hashed


def check_time_and_scope(claim: Claim, wall_time: float, rules: SigningRules) -> None:
    """Raise AwsError unless the claim is of this time, of the day that it is scoped to, and for this service."""
    scope = claim.scope
    if scope.date != claim.date[:8] or scope.service != rules.service or scope.terminator != TERMINATOR:
        raise rules.refusals.wrong_signature(_scope_text(claim, rules.service))
    age_seconds = wall_time - claim.signed_at
    if age_seconds < -clock_skew_seconds_max:
        raise rules.refusals.not_current(claim.signed_at, wall_time, clock_skew_seconds_max)
    holds_seconds = claim.expires_seconds or clock_skew_seconds_max
    if age_seconds > holds_seconds:
        raise rules.refusals.not_current(claim.signed_at, wall_time, holds_seconds)


def _scope_text(claim: Claim, service: str) -> str:
    scope = claim.scope
    found = []
    if scope.service != service:
        found.append(f"Credential should be scoped to correct service: '{service}'.")
    if scope.terminator != TERMINATOR:
        found.append(
            f"Credential should be scoped with a valid terminator: 'aws4_request', not '{quoted(scope.terminator)}'."
        )
    if scope.date != claim.date[:8]:
        found.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{quoted(scope.date)}' != '{quoted(claim.date[:8])}', from '{quoted(claim.date)}'."
        )
    return " ".join(found)


def _canonical_headers(scope: SignedScope, fields: dict[bytes, bytes], refusals: Refusals) -> bytes:
    try:
        lines: bytes = scope.header_lines % scope.header_values(fields)
    except KeyError:
        raise refusals.wrong_signature() from None
    # Values rarely hold white space at all: look for it once, in all of them together.
    if b" " in lines or b"\t" in lines:
        values = tuple(folded(fields[name]) for name in scope.ordered_names)
        lines = scope.header_lines % values
    return lines


def _check_unsigned(scope: SignedScope, fields: dict[bytes, bytes], rules: SigningRules) -> None:
    unsigned = fields.keys() - scope.header_names - rules.unsigned_headers
    names = sorted(quoted(name) for name in unsigned if name.startswith(b"x-amz-"))
    if names:
        raise rules.refusals.headers_not_signed(names)


def _read_presigned(pairs: list[tuple[bytes, bytes]], refusals: Refusals) -> Claim:
    given: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name.startswith(b"X-Amz-"):
            if name in given:
                raise refusals.incomplete_signature(f"AWS query-string parameter '{quoted(name)}' is there twice.")
            given[name] = value
    absent = [name for name in _PRESIGNED if not given.get(name)]
    if absent:
        lacks = " ".join(f"AWS query-string parameters must include '{name.decode()}'." for name in absent)
        raise refusals.incomplete_signature(f"{lacks} Re-examine the query-string parameters.")
    check_algorithm(given[b"X-Amz-Algorithm"], refusals)
    expires = given.get(b"X-Amz-Expires", b"%d" % clock_skew_seconds_max)
    if not (expires.isdigit() and len(expires) <= 6 and 0 < int(expires) <= presigned_seconds_max):
        raise refusals.incomplete_signature(
            f"X-Amz-Expires must be a number of seconds between 1 and {presigned_seconds_max}, a week."
        )
    token = given.get(b"X-Amz-Security-Token")
    date = given[b"X-Amz-Date"]
    return Claim(
        SignedScope(given[b"X-Amz-Credential"], given[b"X-Amz-SignedHeaders"], refusals),
        given[b"X-Amz-Signature"],
        date,
        _seconds_of(date, refusals),
        None if token is None else token.decode("latin-1"),
        int(expires),
        canonical_query([pair for pair in pairs if pair[0] != b"X-Amz-Signature"]),
        b"",
    )


def _date_of_header(header: bytes | None, refusals: Refusals) -> bytes:
    if header is None:
        raise refusals.incomplete_signature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        moment = from_http_date(header.decode("ascii"))
    except ValueError:
        raise refusals.incomplete_signature(f"Date must be a valid HTTP date. Got '{quoted(header)}'.") from None
    return moment.strftime("%Y%m%dT%H%M%SZ").encode()


def _seconds_of(date: bytes, refusals: Refusals) -> float:
    seconds = basic_seconds(date)
    if seconds is None:
        raise refusals.incomplete_signature(
            f"Date must be in ISO-8601 'basic format'. Got '{quoted(date)}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )
    return seconds
