"""Secrets that two parties come to share: DeriveSharedSecret (ECDH), Encapsulate and Decapsulate (ML-KEM).

Source: AWS KMS API Reference; NIST SP 800-56A (the raw shared secret, before any key derivation); FIPS 203.
"""

from strongroom.base.errors import AwsError
from strongroom.crypto.elliptic_curve import EllipticCurvePrivateKey
from strongroom.crypto.ml_kem import MlKemPrivateKey
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.key_specs import ENCAPSULATE_DECAPSULATE, KEY_AGREEMENT
from strongroom.services.kms.keys import Key
from strongroom.services.kms.last_usage import LastUsages
from strongroom.services.kms.request_members import end_dry_run, refuse_what_is_not_served
from strongroom.services.kms.service import KMS, cryptographic_quota
from strongroom.services.kms.use import use_of_key


@operation(
    KMS, "DeriveSharedSecret", needs=use_of_key("kms:DeriveSharedSecret"), quota=cryptographic_quota, reads_only=True
)
async def derive_shared_secret(call: Call) -> Answer:
    """Return the secret shared with the owner of a public key. Source: AWS KMS API Reference, DeriveSharedSecret."""
    key, params = call.target, call.params
    refuse_what_is_not_served(params)
    key.must_be_usable_for(KEY_AGREEMENT, "DeriveSharedSecret")
    key.must_know(params["KeyAgreementAlgorithm"])
    private_key = key.private_key_material().private_key
    if not isinstance(private_key, EllipticCurvePrivateKey):
        raise errors.invalid_usage(key.arn, key.usage, "DeriveSharedSecret")
    try:
        secret = private_key.shared_secret(params["PublicKey"])
    except ValueError:
        # AWS says no more about a public key that is none, or one of another curve.
        raise AwsError("ValidationException") from None
    end_dry_run(params)
    call.house.part(LastUsages).note(call, key)
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": params["KeyAgreementAlgorithm"],
        "KeyOrigin": key.origin,
    }


def _decapsulation_key(key: Key, algorithm: str, operation_name: str) -> MlKemPrivateKey:
    key.must_be_usable_for(ENCAPSULATE_DECAPSULATE, operation_name)
    key.must_know(algorithm)
    private_key = key.private_key_material().private_key
    if not isinstance(private_key, MlKemPrivateKey):
        raise errors.invalid_usage(key.arn, key.usage, operation_name)
    return private_key


@operation(KMS, "Encapsulate", needs=use_of_key("kms:Encapsulate"), quota=cryptographic_quota, reads_only=True)
async def encapsulate(call: Call) -> Answer:
    """Return a fresh secret, and its ciphertext for the owner of the key. Source: API Reference, Encapsulate."""
    key, params = call.target, call.params
    private_key = _decapsulation_key(key, params["EncapsulationAlgorithm"], "Encapsulate")
    end_dry_run(params)
    secret, ciphertext = private_key.encapsulate()
    call.house.part(LastUsages).note(call, key)
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "SharedSecretCiphertextBlob": ciphertext,
        "EncapsulationAlgorithm": params["EncapsulationAlgorithm"],
    }


@operation(KMS, "Decapsulate", needs=use_of_key("kms:Decapsulate"), quota=cryptographic_quota, reads_only=True)
async def decapsulate(call: Call) -> Answer:
    """Return the secret of a ciphertext. Source: AWS KMS API Reference, Decapsulate.

    Only its length can be wrong: a ciphertext for another key gives another secret (FIPS 203, implicit rejection).
    """
    key, params = call.target, call.params
    private_key = _decapsulation_key(key, params["EncapsulationAlgorithm"], "Decapsulate")
    end_dry_run(params)
    try:
        secret = private_key.decapsulate(params["SharedSecretCiphertextBlob"])
    except ValueError:
        raise errors.invalid_ciphertext() from None
    call.house.part(LastUsages).note(call, key)
    return {"KeyId": key.arn, "SharedSecret": secret, "EncapsulationAlgorithm": params["EncapsulationAlgorithm"]}
