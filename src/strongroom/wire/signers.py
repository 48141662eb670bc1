"""Clients whose signature has held before: their next request is verified in one pass over what can differ.

From one request to the next a client changes the date, the values of the headers that it signs, the body, and with them
the signature. All before the signature in its Authorization header stays the same for a day, and so does whatever
follows from it. A request that is not quite of this kind, or is to be refused, is left to `sigv4.Verifier`, which has
the words for it: nothing is refused here, and nothing is let in that is not verified here.

Source: AWS IAM User Guide, "Create a signed AWS API request".
"""

from binascii import hexlify
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Protocol, TypeVar

from strongroom.crypto.mac import HmacSha256
from strongroom.wire.canonical import folded
from strongroom.wire.http import HttpRequest
from strongroom.wire.scope import SignedScope
from strongroom.wire.timestamps import basic_seconds

clock_skew_seconds_max = 15 * 60

# Only what a right signature was seen with is kept, so a stranger cannot fill it.
signers_max = 4_096
authorization_prefix_bytes_max = 1_024

SIGNATURE_CHARACTERS = 64

_SPACE, _TAB = b" \t"

# A copy of a fresh state is cheaper than a new one, for which OpenSSL looks the algorithm up.
_SHA256 = sha256()


class Holder(Protocol):
    """Whoever holds an access key."""

    @property
    def secret_access_key(self) -> str:
        """The secret of the access key."""

    @property
    def session_token(self) -> str:
        """The token that has to come with a temporary access key; empty for a long-term one."""

    @property
    def expires_at(self) -> float:
        """Until when it is good, in seconds since the epoch, by the clock of the house."""


H = TypeVar("H", bound=Holder)


class Signer:
    """What follows from an Authorization header up to its signature, and from the secret that it was verified with.

    `canonical_request % (*values, payload_hash)` is the canonical request of a POST to `/`, `lead` begins the string to
    sign at `date`. `amz_names` is how often `x-amz-` is in the names of the signed headers.
    """

    __slots__ = (
        "amz_names",
        "canonical_request",
        "date",
        "declares_hash",
        "has_token",
        "key",
        "lead",
        "scope",
        "secret_access_key",
        "signed_at",
    )

    def __init__(self, scope: SignedScope, secret_access_key: str, key: HmacSha256) -> None:
        self.scope = scope
        self.secret_access_key = secret_access_key
        self.key = key
        self.canonical_request = b"POST\n/\n\n%b%%b" % scope.header_lines
        self.has_token = b"x-amz-security-token" in scope.header_names
        self.amz_names = b"\n".join(scope.ordered_names).count(b"x-amz-")
        self.declares_hash = b"x-amz-content-sha256" in scope.header_names
        self.date = b""
        self.signed_at = 0
        self.lead = b""

    def turn_to(self, date: bytes) -> bool:
        """Make `lead` and `signed_at` those of `date`. Returns whether it is a date, and on the day of the scope."""
        seconds = basic_seconds(date)
        if seconds is None or date[:8] != self.scope.date:
            return False
        self.date, self.signed_at = date, seconds
        self.lead = b"AWS4-HMAC-SHA256\n%b\n%b\n" % (date, self.scope.text)
        return True


class Signers:
    """The clients whose signatures have held."""

    def __init__(self) -> None:
        self._signers: dict[bytes, Signer] = {}

    def __len__(self) -> int:
        return len(self._signers)

    def of(self, header: bytes) -> Signer | None:
        """Return whose Authorization header this is, by all in it but the signature, or None if it was not seen yet."""
        # With nothing but letters and digits after it, the header has no other parts than those seen.
        if header[-SIGNATURE_CHARACTERS:].isalnum():
            return self._signers.get(header[:-SIGNATURE_CHARACTERS])
        return None

    def remember(self, header: bytes, scope: SignedScope, secret_access_key: str, key: HmacSha256) -> None:
        """Keep what an Authorization header said whose signature has held, and the signing key that it held with."""
        prefix = header[:-SIGNATURE_CHARACTERS]
        # Clients end the header with the signature. One that does not is verified each time as if it were the first.
        if (
            len(prefix) > authorization_prefix_bytes_max
            or not prefix.endswith((b",Signature=", b" Signature="))
            or prefix.count(b"Signature=") > 1
        ):
            return
        if len(self._signers) >= signers_max:
            self._signers.clear()
        self._signers[prefix] = Signer(scope, secret_access_key, key)

    def verify(
        self, request: HttpRequest, body: bytes, known: Callable[[str], H | None], wall_time: float, service: str
    ) -> tuple[H, str] | None:
        """Return who signed `request` with this `body`, and for which Region; or None, to have it verified in full.

        `known` gives the holder of an access key id that is at hand. `wall_time` is the real time in seconds since the
        epoch, `service` the name that the signature must be scoped to.
        """
        fields = request.fields
        header = fields.get(b"authorization", b"")
        signer = self._signers.get(header[:-SIGNATURE_CHARACTERS])
        if signer is None:
            return None
        date = fields.get(b"x-amz-date")
        if date is None or (date != signer.date and not signer.turn_to(date)):
            return None
        scope = signer.scope
        holder = known(scope.access_key_id)
        if (
            holder is None
            # An access key whose secret has changed must not be verified with a key derived from the old one.
            or holder.secret_access_key != signer.secret_access_key
            or scope.service != service
            or not -clock_skew_seconds_max <= wall_time - signer.signed_at <= clock_skew_seconds_max
            # The token of a session is signed, and has to be the one that its access key was given out with.
            or signer.has_token != (holder.session_token != "")
            or (signer.has_token and fields.get(b"x-amz-security-token") != holder.session_token.encode())
            or request.origin.received_at >= holder.expires_at
            or request.raw_path != b"/"
            or request.query_string
            or request.method != "POST"
            # All signed headers are found below: as many of AWS's own as are signed means that all are signed.
            or b"\n".join(fields).count(b"x-amz-") != signer.amz_names
        ):
            return None
        state = _SHA256.copy()
        state.update(body)
        hashed = hexlify(state.digest())
        if signer.declares_hash and fields.get(b"x-amz-content-sha256") != hashed:
            return None
        try:
            canonical = signer.canonical_request % (*scope.header_values(fields), hashed)
        except KeyError:
            return None
        if _SPACE in canonical or _TAB in canonical:
            values = [folded(value) for value in scope.header_values(fields)]
            canonical = signer.canonical_request % (*values, hashed)
        state = _SHA256.copy()
        state.update(canonical)
        signature = hexlify(signer.key.digest(signer.lead + hexlify(state.digest())))
        if not compare_digest(signature, header[-SIGNATURE_CHARACTERS:]):
            return None
        return holder, scope.region
