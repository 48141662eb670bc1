"""The keys with which identity providers sign, fetched when first needed and kept for a while.

Only what an administrator registered as an issuer is ever asked. Whoever sends tokens cannot make Strongroom ask more
often than REFETCH_SECONDS allows.

Source: OpenID Connect Discovery 1.0, section 4.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import structlog

from strongroom.crypto.json_web_token import KeySetInvalid, PublicKey, UnverifiedToken, parse_key_set
from strongroom.operations.house import House
from strongroom.services.sts import errors
from strongroom.services.sts.https_documents import CertificateUntrusted, FetchFailed, fetch

KEYS_SECONDS = 3_600.0
REFETCH_SECONDS = 30.0
PROVIDERS_MAX = 1_000
FETCHES_MAX = 8

_WELL_KNOWN = "/.well-known/openid-configuration"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)

_log = structlog.get_logger("strongroom.sts")


class _Provider:
    """What is known of one provider: its keys, when it was asked last, and how that failed if it did."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.keys: tuple[PublicKey, ...] = ()
        self.asked_at = float("-inf")
        self.failure: FetchFailed | KeySetInvalid | None = None


class ProviderKeys:
    """The keys of identity providers, for one house."""

    def __init__(self, house: House) -> None:
        self._now = asyncio.get_running_loop().time
        self._providers: dict[tuple[str, tuple[str, ...]], _Provider] = {}
        self._fetches = asyncio.Semaphore(FETCHES_MAX)

    async def fitting(self, issuer: str, thumbprints: Sequence[str], token: UnverifiedToken) -> Sequence[PublicKey]:
        """Return the issuer's keys that `token` may be signed with.

        Raises IDPCommunicationError when the provider cannot be reached, and InvalidIdentityToken when its certificate
        is not trusted, its documents cannot be read or it has no such key.
        """
        # What a thumbprint vouches for in one account is not believed in another.
        name = (issuer, tuple(sorted(thumbprints)))
        if name not in self._providers and len(self._providers) >= PROVIDERS_MAX:
            self._providers.clear()
        provider = self._providers.setdefault(name, _Provider())
        async with provider.lock:
            age_seconds = self._now() - provider.asked_at
            found = [key for key in provider.keys if key.fits(token)]
            if age_seconds >= KEYS_SECONDS or (not found and age_seconds >= REFETCH_SECONDS):
                await self._refresh(provider, issuer, thumbprints)
                found = [key for key in provider.keys if key.fits(token)]
        if found:
            return found
        raise _refusal(provider.failure)

    async def _refresh(self, provider: _Provider, issuer: str, thumbprints: Sequence[str]) -> None:
        provider.keys, provider.failure = (), None
        try:
            async with self._fetches:
                provider.keys = await _fetch_keys(issuer, thumbprints)
        except (FetchFailed, KeySetInvalid) as error:
            provider.failure = error
            _log.warning("keys of an identity provider cannot be had", issuer=issuer, reason=str(error))
        provider.asked_at = self._now()


async def _fetch_keys(issuer: str, thumbprints: Sequence[str]) -> tuple[PublicKey, ...]:
    described = await fetch(issuer.rstrip("/") + _WELL_KNOWN, thumbprints)
    try:
        discovery: Any = json.loads(described)
    except (ValueError, RecursionError):
        discovery = None
    if not isinstance(discovery, dict) or discovery.get("issuer") != issuer:
        raise KeySetInvalid("its discovery document is not one of this issuer")
    address = discovery.get("jwks_uri")
    if not isinstance(address, str):
        raise KeySetInvalid("its discovery document names no key set")
    return parse_key_set(await fetch(address, thumbprints))


def _refusal(failure: FetchFailed | KeySetInvalid | None) -> Exception:
    if isinstance(failure, CertificateUntrusted):
        return errors.invalid_identity_token(
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
        )
    if isinstance(failure, FetchFailed):
        return errors.provider_unreachable(
            "The identity provider that issued the token could not be reached to verify it. Try again."
        )
    return errors.invalid_identity_token(_NO_KEY)
