"""JSON Web Tokens signed with public keys: reading one, and verifying it with the keys of a JSON Web Key Set.

Only asymmetric signatures count: a token that is not signed at all, or with a shared secret, verifies with no key.
Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (algorithms), RFC 7519 (JWT), RFC 8725 (best current practices).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

KEYS_MAX = 200
RSA_BITS_MIN, RSA_BITS_MAX = 2_048, 8_192
CRITICAL_HEADERS = ("crit", "b64")

_KEY_TYPES: Mapping[str, tuple[str, str]] = {
    **{f"{family}{bits}": ("RSA", "") for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""The type and curve of the keys that each algorithm takes."""


@cache
def _library() -> tuple[Any, Any]:
    """Return PyJWT, imported when a token is looked at for the first time, and its reader of signed texts."""
    import jwt

    return jwt, jwt.PyJWS(algorithms=list(_KEY_TYPES))


class TokenInvalid(ValueError):  # noqa: N818 (it says what is wrong)
    """A text is not a JSON Web Token, or its signature does not hold. The message tells which; it quotes nothing."""


class KeySetInvalid(ValueError):  # noqa: N818 (it says what is wrong)
    """A document is not a JSON Web Key Set."""


class UnverifiedToken(NamedTuple):
    """What a token says before anybody has checked it. `key_id` is None when it names no key."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]


class PublicKey(NamedTuple):
    """A key of a key set. `algorithm` is None when the set leaves it open."""

    key_id: str | None
    key_type: str
    curve: str
    algorithm: str | None
    members: Mapping[str, Any]

    def fits(self, token: UnverifiedToken) -> bool:
        """Return whether this may be the key that the token was signed with."""
        named = token.key_id is None or self.key_id == token.key_id
        takes = _KEY_TYPES.get(token.algorithm) == (self.key_type, self.curve)
        return named and takes and self.algorithm in (None, token.algorithm)


def read_unverified(token: str) -> UnverifiedToken:
    """Return what a token says. Nothing in it may be believed. Raises TokenInvalid when it is no token at all."""
    jwt, signatures = _library()
    try:
        parts = signatures.decode_complete(token, options={"verify_signature": False})
        claims = _claims(parts["payload"])
    except (jwt.PyJWTError, UnicodeError):
        raise TokenInvalid("it is not a JSON Web Token") from None
    header = parts["header"]
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(key_id, str | None):
        raise TokenInvalid("its header is not one of a JSON Web Token")
    if any(name in header for name in CRITICAL_HEADERS):
        raise TokenInvalid("its header has extensions that are not understood")
    return UnverifiedToken(algorithm, key_id, claims)


def verify(token: str, keys: Sequence[PublicKey]) -> Mapping[str, Any]:
    """Return the claims of a token that one of `keys` signed. Times and audience are for the caller to check.

    Raises TokenInvalid when its algorithm is not one of ES, PS or RS with SHA-256, -384 or -512, or no key verifies it.
    """
    said = read_unverified(token)
    if said.algorithm not in _KEY_TYPES:
        raise TokenInvalid("its signature algorithm is not accepted")
    jwt, signatures = _library()
    for key in keys:
        if not key.fits(said):
            continue
        try:
            loaded = jwt.PyJWK(dict(key.members), said.algorithm)
            _check_size(loaded.key)
            signatures.decode_complete(token, loaded, [said.algorithm])
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        return said.claims
    raise TokenInvalid("its signature does not verify")


def parse_key_set(document: bytes) -> tuple[PublicKey, ...]:
    """Return the signature keys of a JSON Web Key Set; keys of other kinds are passed over.

    Raises KeySetInvalid when it is no key set, or has more than KEYS_MAX keys.
    """
    try:
        listed = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeySetInvalid("it is not a JSON Web Key Set") from None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise KeySetInvalid(f"it is not a list of at most {KEYS_MAX} keys")
    return tuple(key for key in map(_public_key, listed) if key is not None)


def _public_key(members: Any) -> PublicKey | None:
    if not isinstance(members, dict) or members.get("use", "sig") != "sig":
        return None
    key_id, key_type, algorithm = members.get("kid"), members.get("kty"), members.get("alg")
    curve = members.get("crv", "") if key_type == "EC" else ""
    if key_type not in ("RSA", "EC") or not isinstance(curve, str):
        return None
    if not isinstance(key_id, str | None) or not isinstance(algorithm, str | None):
        return None
    # What a set gives away of a private key is nobody's business here.
    public = {name: members[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in members}
    return PublicKey(key_id, key_type, curve, algorithm, public)


def _check_size(key: Any) -> None:
    """RSA keys that are too short prove nothing; ones that are too long take too long."""
    modulus_bits = getattr(key, "key_size", 0)
    if getattr(key, "public_numbers", None) is None:
        raise TokenInvalid("its key is not a public one")
    if hasattr(key.public_numbers(), "n") and not RSA_BITS_MIN <= modulus_bits <= RSA_BITS_MAX:
        raise TokenInvalid("its key is too short or too long")


def _claims(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise TokenInvalid("its claims are not a JSON object")
    return claims
