"""KMS as a client of an external key store proxy: signed requests out, answers in that are believed only as far as they
agree with the specification.

Source: AWS KMS External Key Store Proxy API Specification, version 1, "API operations".
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.services.kms.key_stores import xks_answers, xks_protocol
from strongroom.services.kms.key_stores.xks_answers import ExternalKey, Health
from strongroom.services.kms.key_stores.xks_connection import Address, HttpsConnections, trusting
from strongroom.services.kms.key_stores.xks_errors import XksProxyError
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy
from strongroom.services.kms.key_stores.xks_signature import RequestSigner, XksCredential

TIMEOUT_SECONDS = 0.25
"""How long AWS KMS waits for a proxy."""

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class XksProxy:
    """A proxy as its operator describes it.

    `host` is its DNS name, for which its certificate must be; `path` ends in `/kms/xks/v1`. `address` is where it
    listens, if that is not port 443 of `host`. `trust` is a PEM file of authorities; None stands for the system's.
    """

    host: str
    path: str
    credential: XksCredential
    address: Address | None = None
    trust: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMetadata:
    """Why KMS asks: its own request, the operation called, by whom, on which KMS key, through which service."""

    kms_request_id: str
    kms_operation: str
    aws_principal_arn: str | None = None
    kms_key_arn: str | None = None
    kms_via_service: str | None = None

    def members(self) -> dict[str, str]:
        """Return what is known, by the names of the specification."""
        named = {
            "awsPrincipalArn": self.aws_principal_arn,
            "kmsKeyArn": self.kms_key_arn,
            "kmsOperation": self.kms_operation,
            "kmsRequestId": self.kms_request_id,
            "kmsViaService": self.kms_via_service,
        }
        return {name: value for name, value in named.items() if value is not None}


class XksClient:
    """Asks one proxy, for the KMS of one Region. Everything it asks may be asked twice, and may have been.

    Every method raises XksProxyError. Use it in one event loop, and close it there.
    """

    def __init__(self, proxy: XksProxy, region: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Load what it takes, a matter of 100 milliseconds the first time: not for the event loop's thread.

        Raises OSError when the file of trusted authorities cannot be used.
        """
        self._proxy = proxy
        self._signer = RequestSigner(proxy.credential, region)
        address = proxy.address or Address(proxy.host, _HTTPS_PORT)
        self._connections = HttpsConnections(proxy.host, address, trusting(proxy.trust), timeout_seconds)

    def __repr__(self) -> str:
        return f"XksClient({self._proxy.host}{self._proxy.path})"

    async def health(self, metadata: RequestMetadata) -> Health:
        """Return what the proxy says of itself and its key managers (GetHealthStatus)."""
        return xks_answers.health(await self._ask("/health", metadata, {}))

    async def describe_key(self, key_id: str, metadata: RequestMetadata) -> ExternalKey:
        """Return what an external key is and whether it is enabled (GetKeyMetadata)."""
        return xks_answers.external_key(await self._ask_of_key(key_id, "metadata", metadata, {}))

    async def encrypt(self, key_id: str, plaintext: bytes, aad: bytes, metadata: RequestMetadata) -> SealedByProxy:
        """Return up to `xks_protocol.plaintext_bytes_max` bytes encrypted under an external key, bound to `aad`."""
        members = {
            "plaintext": xks_protocol.encode(plaintext),
            "encryptionAlgorithm": xks_protocol.ENCRYPTION_ALGORITHM,
            "ciphertextDataIntegrityValueAlgorithm": xks_protocol.CDIV_ALGORITHM,
            **_aad_member(aad),
        }
        return xks_answers.sealed(await self._ask_of_key(key_id, "encrypt", metadata, members), len(plaintext), aad)

    async def decrypt(self, key_id: str, sealed: SealedByProxy, aad: bytes, metadata: RequestMetadata) -> bytes:
        """Return the plaintext of what the same key encrypted, with the same `aad`."""
        members = {
            "ciphertext": xks_protocol.encode(sealed.ciphertext),
            "encryptionAlgorithm": xks_protocol.ENCRYPTION_ALGORITHM,
            "initializationVector": xks_protocol.encode(sealed.iv),
            "authenticationTag": xks_protocol.encode(sealed.tag),
            **({"ciphertextMetadata": xks_protocol.encode(sealed.metadata)} if sealed.metadata else {}),
            **_aad_member(aad),
        }
        answer = await self._ask_of_key(key_id, "decrypt", metadata, members)
        return xks_answers.plaintext(answer, len(sealed.ciphertext))

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()

    async def _ask_of_key(
        self, key_id: str, operation: str, metadata: RequestMetadata, members: dict[str, Any]
    ) -> dict[str, Any]:
        if not xks_protocol.is_key_id(key_id):
            raise XksProxyError("KeyNotFoundException")
        return await self._ask(f"/keys/{key_id}/{operation}", metadata, members)

    async def _ask(self, path: str, metadata: RequestMetadata, members: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"requestMetadata": metadata.members(), **members}).encode()
        request = self._signer.signed_post(self._proxy.host, self._proxy.path + path, body)
        return xks_answers.members(await self._connections.exchange(request))


def _aad_member(aad: bytes) -> dict[str, str]:
    return {"additionalAuthenticatedData": xks_protocol.encode(aad)} if aad else {}
