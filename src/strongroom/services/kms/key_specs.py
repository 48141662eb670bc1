"""The kinds of keys: what each may be used for, and with which algorithms.

Source: AWS KMS API Reference, CreateKey; AWS KMS Developer Guide, "Key spec reference".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
SIGN_VERIFY = "SIGN_VERIFY"
GENERATE_VERIFY_MAC = "GENERATE_VERIFY_MAC"
KEY_AGREEMENT = "KEY_AGREEMENT"
ENCAPSULATE_DECAPSULATE = "ENCAPSULATE_DECAPSULATE"

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"

ALGORITHMS_MEMBERS: Mapping[str, str] = {
    ENCRYPT_DECRYPT: "EncryptionAlgorithms",
    SIGN_VERIFY: "SigningAlgorithms",
    GENERATE_VERIFY_MAC: "MacAlgorithms",
    KEY_AGREEMENT: "KeyAgreementAlgorithms",
    ENCAPSULATE_DECAPSULATE: "EncapsulationAlgorithms",
}
"""The member of an answer that lists the algorithms of a key with this usage."""


class Family(Enum):
    """What the key material of a kind is made of."""

    SYMMETRIC = "symmetric"
    HMAC = "hmac"
    RSA = "rsa"
    ELLIPTIC_CURVE = "elliptic curve"
    ED25519 = "ed25519"
    ML_DSA = "ml-dsa"
    ML_KEM = "ml-kem"


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One kind of key.

    `parameter` tells keys of a family apart: the length of the modulus in bits, the curve, the hash, the parameter set.
    `algorithms` are those of each usage that the kind allows. `has_old_name` says that the deprecated member
    CustomerMasterKeySpec knows the kind too.
    """

    name: str
    family: Family
    parameter: int | str
    algorithms: Mapping[str, tuple[str, ...]]
    has_old_name: bool = True

    @property
    def is_asymmetric(self) -> bool:
        """Whether there is a public key."""
        return self.family not in (Family.SYMMETRIC, Family.HMAC)


_RSA_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    ENCRYPT_DECRYPT: ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"),
    SIGN_VERIFY: (
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
    ),
}


def _nist_curve(name: str, curve: str, bits: int) -> KeySpec:
    algorithms = {SIGN_VERIFY: (f"ECDSA_SHA_{bits}",), KEY_AGREEMENT: ("ECDH",)}
    return KeySpec(name, Family.ELLIPTIC_CURVE, curve, algorithms)


_EVERY = (
    KeySpec(SYMMETRIC_DEFAULT, Family.SYMMETRIC, 256, {ENCRYPT_DECRYPT: (SYMMETRIC_DEFAULT,)}),
    *(KeySpec(f"RSA_{bits}", Family.RSA, bits, _RSA_ALGORITHMS) for bits in (2048, 3072, 4096)),
    _nist_curve("ECC_NIST_P256", "P-256", 256),
    _nist_curve("ECC_NIST_P384", "P-384", 384),
    _nist_curve("ECC_NIST_P521", "P-521", 512),
    KeySpec("ECC_SECG_P256K1", Family.ELLIPTIC_CURVE, "secp256k1", {SIGN_VERIFY: ("ECDSA_SHA_256",)}),
    KeySpec(
        "ECC_NIST_EDWARDS25519",
        Family.ED25519,
        "edwards25519",
        {SIGN_VERIFY: ("ED25519_SHA_512", "ED25519_PH_SHA_512")},
        has_old_name=False,
    ),
    *(
        KeySpec(f"HMAC_{bits}", Family.HMAC, f"sha{bits}", {GENERATE_VERIFY_MAC: (f"HMAC_SHA_{bits}",)})
        for bits in (224, 256, 384, 512)
    ),
    *(
        KeySpec(f"ML_DSA_{n}", Family.ML_DSA, n, {SIGN_VERIFY: ("ML_DSA_SHAKE_256",)}, has_old_name=False)
        for n in (44, 65, 87)
    ),
    *(
        KeySpec(f"ML_KEM_{n}", Family.ML_KEM, n, {ENCAPSULATE_DECAPSULATE: ("ML_KEM",)}, has_old_name=False)
        for n in (512, 768, 1024)
    ),
)

KEY_SPECS: Mapping[str, KeySpec] = {spec.name: spec for spec in _EVERY}
"""Every kind that is served, by its name. SM2, which AWS has in its China Regions alone, is not."""
