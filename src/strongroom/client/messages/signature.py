"""The signature at a message's end: by a key of the message's own, whose public half is in the encryption context.

It tells who could write the message (who was given the data key by GenerateDataKey, say) from who can only read it: the
context is bound to the data key. Source: AWS Encryption SDK Developer Guide, "AWS Encryption SDK message format
reference", footer structure.
"""

import base64
import binascii
import functools
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encryption_context import PUBLIC_KEY_NAME, check_callers_context, serialised
from strongroom.client.messages.errors import NotAuthentic, UnknownFormat
from strongroom.client.messages.materials import EncryptionMaterials
from strongroom.crypto.elliptic_curve import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_elliptic_curve_private_key,
    public_key_of_point,
)
from strongroom.crypto.signature import InvalidSignature


class SignedContext(NamedTuple):
    """The context to ask for a data key with, and the key that signs; None where the suite does not sign."""

    encryption_context: dict[str, str]
    signing_key: EllipticCurvePrivateKey | None


def signed_context(suite: AlgorithmSuite, callers_context: Mapping[str, str]) -> SignedContext:
    """Return a fresh signing key, and the caller's context with its public half.

    Raises ValueError when the caller's context names what is reserved, or is too long.
    """
    check_callers_context(callers_context)
    if suite.signature_curve is None:
        return SignedContext(dict(callers_context), None)
    key = EllipticCurvePrivateKey(generate_elliptic_curve_private_key(suite.signature_curve))
    context = {**callers_context, PUBLIC_KEY_NAME: base64.b64encode(key.compressed_point()).decode()}
    serialised(context)
    return SignedContext(context, key)


class Signer:
    """Signs one message, of which it is told every byte in order."""

    def __init__(self, key: EllipticCurvePrivateKey, hash_name: str) -> None:
        self._key = key
        self._digest = hashlib.new(hash_name)
        self.update = self._digest.update

    def footer(self) -> bytes:
        """Return the end of the message: the signature, DER-encoded, with its length in front."""
        signature = self._key.sign(self._digest.digest(), self._digest.name)
        return len(signature).to_bytes(2) + signature


def signer_of(materials: EncryptionMaterials) -> Signer | None:
    """Return what signs a message; None where the suite does not sign."""
    if materials.signing_key is None or materials.suite.signature_hash is None:
        return None
    return Signer(materials.signing_key, materials.suite.signature_hash)


def verification_key(suite: AlgorithmSuite, context: Mapping[str, str]) -> EllipticCurvePublicKey | None:
    """Return the key that a message's signature is verified with; None where the suite does not sign.

    Raises UnknownFormat when the context has none, or has one although nothing is signed: whoever changed the suite
    to one without a signature is found here.
    """
    encoded = context.get(PUBLIC_KEY_NAME)
    if (encoded is not None) != suite.signs:
        raise UnknownFormat("the suite and the encryption context differ on whether the message is signed")
    if encoded is None or suite.signature_curve is None:
        return None
    try:
        point = base64.b64decode(encoded, validate=True)
        return _public_key(suite.signature_curve, point)
    except (ValueError, binascii.Error):
        raise UnknownFormat("the encryption context has no public key of the suite's curve") from None


# Messages that were written with one kept data key are signed by one key, and finding a point from half of it takes a
# tenth of the time that reading such a message takes. Nothing of it is secret.
@functools.lru_cache(maxsize=256)
def _public_key(curve: str, point: bytes) -> EllipticCurvePublicKey:
    return EllipticCurvePublicKey(public_key_of_point(curve, point))


def verify(key: EllipticCurvePublicKey, signature: bytes, digest: "hashlib._Hash") -> None:
    """Return when the signature over all that was hashed holds. Raises NotAuthentic."""
    try:
        key.verify(signature, digest.digest(), digest.name)
    except InvalidSignature:
        raise NotAuthentic("the message's signature does not hold") from None
