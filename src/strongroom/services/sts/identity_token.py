"""OpenID Connect ID tokens: what the claims of a verified one have to say, and what they mean.

Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; IAM User Guide, "Available keys for AWS OIDC federation",
"Pass session tags in AWS STS" (AssumeRoleWithWebIdentity), "Monitor and control actions taken with assumed roles".
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.services.sts import errors
from strongroom.services.sts.session_tags import SessionTags, session_tags

# The provider's clock may be ahead of this one. A token whose time is over is over: it is easily had anew.
clock_lead_seconds_max = 300
subject_characters_max = 255
issuer_characters_max = 255

_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_REQUIRED = ("sub", "aud", "exp", "iat")
_SOURCE_IDENTITY_TEXT = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A verified token. `audience` is whom it was made for; `conditions` are condition keys, by name in lower case."""

    issuer: str
    subject: str
    audience: str
    conditions: Mapping[str, str | list[str]]
    tags: SessionTags
    source_identity: str


def issuer_of(claims: Mapping[str, Any]) -> str:
    """Return who says to have issued a token: an https URL. Raises InvalidIdentityToken."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise errors.invalid_identity_token("Missing a required claim: iss")
    name = issuer.removeprefix("https://")
    plain = issuer.isascii() and issuer.isprintable() and not set(issuer) & set(" ?#@\\*")
    if name == issuer or not name or not plain or len(issuer) > issuer_characters_max:
        raise errors.invalid_identity_token("Issuer must be a valid URL")
    return issuer


def read_claims(claims: Mapping[str, Any], client_ids: Collection[str], now: float) -> IdentityToken:
    """Return what a verified token says to a provider's clients. `now` is in seconds, of the real clock.

    Raises ExpiredTokenException when it is too old, and InvalidIdentityToken when it is for somebody else, not valid
    yet, or lacks or misstates a claim.
    """
    for name in _REQUIRED:
        if claims.get(name) in (None, "", []):
            raise errors.invalid_identity_token(f"Missing a required claim: {name}")
    _check_times(claims, now)
    issuer, subject = issuer_of(claims), claims["sub"]
    if not isinstance(subject, str) or len(subject) > subject_characters_max:
        raise errors.invalid_identity_token(f"The claim sub is not a text of 1 to {subject_characters_max} characters")
    audiences = _texts(claims, "aud")
    authorized = claims.get("azp")
    if authorized is not None and not isinstance(authorized, str):
        raise errors.invalid_identity_token("The claim azp is not a text")
    # Who was authorized to use the token counts as its audience, as AWS has it.
    meant = [authorized] if authorized else audiences
    known = [audience for audience in meant if audience in client_ids]
    if not known:
        raise errors.invalid_identity_token("Incorrect token audience")
    prefix = issuer.removeprefix("https://").lower()
    conditions: dict[str, str | list[str]] = {
        f"{prefix}:sub": subject,
        f"{prefix}:aud": _one_or_more(meant),
        f"{prefix}:oaud": _one_or_more(audiences),
    }
    if authorized:
        conditions[f"{prefix}:azp"] = authorized
    if "amr" in claims:
        conditions[f"{prefix}:amr"] = _texts(claims, "amr")
    return IdentityToken(issuer, subject, known[0], conditions, _tags(claims), _source_identity(claims))


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if claims.get(name) is not None}
    for name, value in times.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
            raise errors.invalid_identity_token(f"The claim {name} is not a time")
    if now >= times["exp"]:
        raise errors.identity_token_expired(
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(times['exp'])}"
        )
    if any(times.get(name, now) > now + clock_lead_seconds_max for name in ("iat", "nbf")):
        raise errors.invalid_identity_token("The token is not valid yet")


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    value = claims[name]
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str) and each for each in values):
        raise errors.invalid_identity_token(f"The claim {name} is not a text or a list of texts")
    return list(values)


def _one_or_more(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _tags(claims: Mapping[str, Any]) -> SessionTags:
    """Return the session tags of a token: nested in one claim, or each in a claim of its own."""
    nested = claims.get(_TAGS, {})
    if not isinstance(nested, dict):
        raise errors.invalid_identity_token(f"The claim {_TAGS} is not an object")
    listed = nested.get("principal_tags", {})
    if not isinstance(listed, dict):
        raise errors.invalid_identity_token(f"The claim {_TAGS} has no object of principal_tags")
    lead = f"{_TAGS}/principal_tags/"
    found = [*listed.items(), *((name[len(lead) :], value) for name, value in claims.items() if name.startswith(lead))]
    passed = [(key, _tag_value(value)) for key, value in found]
    transitive = nested.get("transitive_tag_keys", claims.get(f"{_TAGS}/transitive_tag_keys", []))
    keys = transitive if isinstance(transitive, list) else [transitive]
    if not all(isinstance(key, str) for key in keys):
        raise errors.invalid_identity_token("The transitive tag keys of the token are not a list of texts")
    return session_tags(passed, keys)


def _tag_value(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    if len(values) != 1 or not isinstance(values[0], str):
        raise errors.invalid_identity_token("A session tag of the token does not have one text as its value")
    return values[0]


def _source_identity(claims: Mapping[str, Any]) -> str:
    value = claims.get(_SOURCE_IDENTITY, "")
    if value == "":
        return ""
    if not isinstance(value, str) or not _SOURCE_IDENTITY_TEXT.fullmatch(value):
        raise errors.invalid_identity_token(f"The claim {_SOURCE_IDENTITY} is not a source identity")
    return value
