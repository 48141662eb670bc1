"""Signing, verifying and authenticating: the requests, and what the same costs by a bare call of the library."""

import base64
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from benchmarks.ceiling import Cost, microseconds
from benchmarks.measurement import answered
from benchmarks.signed import PLAINTEXT_BYTES, POOL_REQUESTS, Access, Pool, captured

MAC_OPERATION = "GenerateMac, HMAC-256"


@dataclass(frozen=True, slots=True)
class Signer:
    """A kind of key that signs: its KMS names, the library's way to make one, and how its signatures are made."""

    name: str
    spec: str
    algorithm: str
    generate: Callable[[], Any]
    how: tuple[Any, ...] = ()

    @property
    def sign(self) -> str:
        """What the report calls signing with it."""
        return f"Sign, {self.name}"

    @property
    def verify(self) -> str:
        """What the report calls verifying with it."""
        return f"Verify, {self.name}"


SIGNERS = (
    Signer(
        "RSA-2048",
        "RSA_2048",
        "RSASSA_PKCS1_V1_5_SHA_256",
        lambda: rsa.generate_private_key(65537, 2048),
        (PKCS1v15(), SHA256()),
    ),
    Signer(
        "P-256",
        "ECC_NIST_P256",
        "ECDSA_SHA_256",
        lambda: ec.generate_private_key(ec.SECP256R1()),
        (ec.ECDSA(SHA256()),),
    ),
    Signer("Ed25519", "ECC_NIST_EDWARDS25519", "ED25519_SHA_512", ed25519.Ed25519PrivateKey.generate),
)

OPERATIONS = (*(name for signer in SIGNERS for name in (signer.sign, signer.verify)), MAC_OPERATION)
"""All that is measured, by what the report calls it."""


def bare_step(operation: str) -> str:
    """Return what the report calls the bare call of the library behind an operation."""
    return f"Library: {operation}, {PLAINTEXT_BYTES} bytes"


def pools(access: Access) -> list[Pool]:
    """Make the keys on the server, and return the requests that use them."""
    found: list[Pool] = []
    for signer in SIGNERS:
        found += _signing_pools(access, signer)
    found.append(_mac_pool(access))
    return found


def _new_key(access: Access, spec: str, usage: str) -> str:
    arn: str = access.client().create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
    return arn


def _signing_pools(access: Access, signer: Signer) -> list[Pool]:
    """Return a pool that signs random messages, and one that verifies those signatures.

    Signatures are judged with the public key, outside of the server.
    """
    key_id = _new_key(access, signer.spec, "SIGN_VERIFY")
    public_key: Any = load_der_public_key(access.client().get_public_key(KeyId=key_id)["PublicKey"])
    messages = [os.urandom(PLAINTEXT_BYTES) for _ in range(POOL_REQUESTS)]
    named = {"KeyId": key_id, "SigningAlgorithm": signer.algorithm}
    calls = [{**named, "Message": message} for message in messages]

    def is_right(index: int, answer: dict[str, Any]) -> bool:
        try:
            public_key.verify(base64.b64decode(answer["Signature"]), messages[index], *signer.how)
        except InvalidSignature:
            return False
        return True

    sign = Pool(signer.sign, captured(access, "sign", calls), [b'"Signature"'] * POOL_REQUESTS, messages, is_right)
    signatures = answered(access, sign, "Signature")
    calls = [{**call, "Signature": signature} for call, signature in zip(calls, signatures, strict=True)]
    verify = Pool(
        signer.verify,
        captured(access, "verify", calls),
        [b'"SignatureValid":true'] * POOL_REQUESTS,
        messages,
        lambda _, answer: answer["SignatureValid"] is True,
    )
    return [sign, verify]


def _mac_pool(access: Access) -> Pool:
    """Return a pool that authenticates random messages. The server's own VerifyMac judges what it answers."""
    key_id = _new_key(access, "HMAC_256", "GENERATE_VERIFY_MAC")
    client = access.client()
    messages = [os.urandom(PLAINTEXT_BYTES) for _ in range(POOL_REQUESTS)]
    calls = [{"KeyId": key_id, "MacAlgorithm": "HMAC_SHA_256", "Message": message} for message in messages]

    def is_right(index: int, answer: dict[str, Any]) -> bool:
        valid: bool = client.verify_mac(**calls[index], Mac=base64.b64decode(answer["Mac"]))["MacValid"]
        return valid

    return Pool(MAC_OPERATION, captured(access, "generate_mac", calls), [b'"Mac"'] * POOL_REQUESTS, messages, is_right)


def costs() -> list[Cost]:
    """Return what each operation costs by a bare call of the library, the hash of the message in it."""
    message = os.urandom(PLAINTEXT_BYTES)
    found = []
    for signer in SIGNERS:
        private_key = signer.generate()
        public_key, signature = private_key.public_key(), private_key.sign(message, *signer.how)

        def sign(key: Any = private_key, how: tuple[Any, ...] = signer.how) -> None:
            key.sign(message, *how)

        def verify(key: Any = public_key, made: bytes = signature, how: tuple[Any, ...] = signer.how) -> None:
            key.verify(made, message, *how)

        found.append(Cost(bare_step(signer.sign), microseconds(sign)))
        found.append(Cost(bare_step(signer.verify), microseconds(verify)))
    secret = os.urandom(32)
    found.append(Cost(bare_step(MAC_OPERATION), microseconds(lambda: hmac.digest(secret, message, "sha256"))))
    return found
