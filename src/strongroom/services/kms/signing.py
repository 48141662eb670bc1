"""Sign and Verify. Source: AWS KMS API Reference; AWS KMS Developer Guide, "Key spec reference"."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from strongroom.crypto.ed25519 import Ed25519PrivateKey
from strongroom.crypto.elliptic_curve import EllipticCurvePrivateKey
from strongroom.crypto.ml_dsa import MlDsaPrivateKey
from strongroom.crypto.rsa import RsaPrivateKey
from strongroom.crypto.signature import InvalidSignature
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.key_specs import SIGN_VERIFY, Family
from strongroom.services.kms.keys import Key
from strongroom.services.kms.last_usage import LastUsages
from strongroom.services.kms.request_members import end_dry_run
from strongroom.services.kms.service import KMS, cryptographic_quota
from strongroom.services.kms.use import use_of_key

RAW, DIGEST, EXTERNAL_MU = "RAW", "DIGEST", "EXTERNAL_MU"
MU_BYTES = 64
RSA_BITS_IN_LOOP_MAX = 2048
"""Larger RSA keys take a millisecond and more to sign: they do it in a thread."""


class Signatory(NamedTuple):
    """The two halves of an algorithm, for one message type."""

    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]


class SigningAlgorithm(NamedTuple):
    """How an algorithm takes its message: `hash_name` is its hash, `digest_bytes` the length of what is sent hashed."""

    by_message_type: Mapping[str, Signatory]
    hash_name: str = ""
    digest_bytes: int = 0


def _of_digest(hash_name: str, sign: Callable[..., bytes], verify: Callable[..., None]) -> SigningAlgorithm:
    """Return an algorithm that signs the digest of a message, whoever has computed it."""
    signatory = Signatory(
        lambda private_key, digest: sign(private_key, digest, hash_name),
        lambda private_key, signature, digest: verify(private_key, signature, digest, hash_name),
    )
    return SigningAlgorithm(
        {RAW: signatory, DIGEST: signatory}, hash_name, hashlib.new(hash_name, usedforsecurity=False).digest_size
    )


_ALGORITHMS: Mapping[str, SigningAlgorithm] = {
    **{
        f"RSASSA_PSS_SHA_{bits}": _of_digest(f"sha{bits}", RsaPrivateKey.sign_pss, RsaPrivateKey.verify_pss)
        for bits in (256, 384, 512)
    },
    **{
        f"RSASSA_PKCS1_V1_5_SHA_{bits}": _of_digest(
            f"sha{bits}", RsaPrivateKey.sign_pkcs1v15, RsaPrivateKey.verify_pkcs1v15
        )
        for bits in (256, 384, 512)
    },
    **{
        f"ECDSA_SHA_{bits}": _of_digest(f"sha{bits}", EllipticCurvePrivateKey.sign, EllipticCurvePrivateKey.verify)
        for bits in (256, 384, 512)
    },
    "ED25519_SHA_512": SigningAlgorithm({RAW: Signatory(Ed25519PrivateKey.sign, Ed25519PrivateKey.verify)}),
    "ED25519_PH_SHA_512": SigningAlgorithm(
        {DIGEST: Signatory(Ed25519PrivateKey.sign_prehashed, Ed25519PrivateKey.verify_prehashed)}, digest_bytes=64
    ),
    "ML_DSA_SHAKE_256": SigningAlgorithm(
        {
            RAW: Signatory(MlDsaPrivateKey.sign, MlDsaPrivateKey.verify),
            EXTERNAL_MU: Signatory(MlDsaPrivateKey.sign_external_mu, MlDsaPrivateKey.verify_external_mu),
        }
    ),
}


class ToSign(NamedTuple):
    """What a request wants signed or verified, and how."""

    private_key: Any
    signatory: Signatory
    content: bytes


def _to_sign(key: Key, params: Mapping[str, Any]) -> ToSign:
    """Return what is to be signed, the digest already taken where the algorithm signs one.

    Raises InvalidKeyUsageException for an algorithm of another kind of key, ValidationException for a message type that
    the algorithm does not take, or a digest of the wrong length.
    """
    name, message, message_type = params["SigningAlgorithm"], params["Message"], params.get("MessageType") or RAW
    key.must_know(name)
    algorithm = _ALGORITHMS[name]
    signatory = algorithm.by_message_type.get(message_type)
    if signatory is None:
        what = f"algorithm {name}" if key.kind.family is Family.ED25519 else f"key spec {key.spec}"
        raise errors.validation(f"Message type {message_type} is incompatible with {what}.")
    if message_type == DIGEST and len(message) != algorithm.digest_bytes:
        raise errors.validation(f"Digest is invalid length for algorithm {name}.")
    if message_type == EXTERNAL_MU and len(message) != MU_BYTES:
        raise errors.validation(f"Message is invalid length for message type {EXTERNAL_MU}: mu has {MU_BYTES} bytes.")
    if message_type == RAW and algorithm.hash_name:
        message = hashlib.new(algorithm.hash_name, message).digest()
    return ToSign(key.private_key_material().private_key, signatory, message)


def _is_slow(key: Key) -> bool:
    return key.kind.family is Family.RSA and int(key.kind.parameter) > RSA_BITS_IN_LOOP_MAX


@operation(KMS, "Sign", needs=use_of_key("kms:Sign"), quota=cryptographic_quota, reads_only=True)
async def sign(call: Call) -> Answer:
    """Sign a message of up to 4,096 bytes, or a digest. Source: AWS KMS API Reference, Sign."""
    key, params = call.target, call.params
    key.must_be_usable_for(SIGN_VERIFY, "Sign")
    private_key, signatory, content = _to_sign(key, params)
    end_dry_run(params)
    if _is_slow(key):
        signature = await asyncio.to_thread(signatory.sign, private_key, content)
    else:
        signature = signatory.sign(private_key, content)
    call.house.part(LastUsages).note(call, key)
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": params["SigningAlgorithm"]}


@operation(KMS, "Verify", needs=use_of_key("kms:Verify"), quota=cryptographic_quota, reads_only=True)
async def verify(call: Call) -> Answer:
    """Verify a signature: a wrong one raises KMSInvalidSignatureException. Source: AWS KMS API Reference, Verify."""
    key, params = call.target, call.params
    key.must_be_usable_for(SIGN_VERIFY, "Verify")
    private_key, signatory, content = _to_sign(key, params)
    end_dry_run(params)
    try:
        signatory.verify(private_key, params["Signature"], content)
    except InvalidSignature:
        raise errors.invalid_signature() from None
    call.house.part(LastUsages).note(call, key)
    return {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": params["SigningAlgorithm"]}
