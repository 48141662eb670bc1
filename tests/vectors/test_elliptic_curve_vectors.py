"""ECDSA and Diffie-Hellman against NIST's and Wycheproof's vectors, through our key classes."""

import functools
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.vectors import encoded_keys
from tests.vectors.published import HASH_NAMES, cases, number, of, wycheproof

from strongroom.crypto.elliptic_curve import CURVES, EllipticCurvePrivateKey, EllipticCurvePublicKey
from strongroom.crypto.signature import InvalidSignature

NIST_CURVES = ("P-256", "P-384", "P-521")
SIGNATURE_HASHES = ("sha256", "sha384", "sha512")
PARAMETER_SETS = {"EC": "P-256", "ED": "P-384", "EE": "P-521"}

public_key = functools.cache(EllipticCurvePublicKey)


def holds(spki: bytes, signature: bytes, message: bytes, hash_name: str) -> bool:
    try:
        public_key(spki).verify(signature, hashlib.new(hash_name, message).digest(), hash_name)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(
    ("file", "curve"),
    [
        ("ecdsa_secp256r1_sha256", "P-256"),
        ("ecdsa_secp256r1_sha512", "P-256"),
        ("ecdsa_secp384r1_sha256", "P-384"),
        ("ecdsa_secp384r1_sha384", "P-384"),
        ("ecdsa_secp384r1_sha512", "P-384"),
        ("ecdsa_secp521r1_sha512", "P-521"),
        ("ecdsa_secp256k1_sha256", "secp256k1"),
        ("ecdsa_secp256k1_sha512", "secp256k1"),
    ],
)
def test_ecdsa_signatures_hold_and_fail_as_wycheproof_says(file, curve):
    verdicts = []
    for group, test in wycheproof(f"Signature/{file}"):
        spki = bytes.fromhex(group["publicKeyDer"])
        held = holds(spki, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]), HASH_NAMES[group["sha"]])
        assert held == (test["result"] == "valid"), test["tcId"]
        assert public_key(spki).curve == curve
        verdicts.append(held)
    assert verdicts.count(True) >= 150
    assert verdicts.count(False) >= 250


def test_ecdsa_signatures_hold_and_fail_as_nist_says():
    verdicts = []
    for section, case in cases("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        curve, _, hash_function = section["title"].partition(",")
        hash_name = HASH_NAMES[hash_function]
        if curve not in NIST_CURVES or hash_name not in SIGNATURE_HASHES:
            continue
        spki = encoded_keys.point_spki(CURVES[curve], number(case, "Qx"), number(case, "Qy"))
        signature = encode_dss_signature(number(case, "R"), number(case, "S"))
        held = holds(spki, signature, of(case, "Msg"), hash_name)
        assert held == case["Result"].startswith("P"), case
        verdicts.append(held)
    assert len(verdicts) == 3 * 3 * 15
    assert verdicts.count(True) >= 27


def test_ecdsa_signatures_on_secp256k1_hold_as_published():
    """Every fifth of the file."""
    done = 0
    for section, case in list(cases("asymmetric/ECDSA/SECP256K1/SigGen.txt"))[::5]:
        hash_name = HASH_NAMES[section["title"].partition(",")[2]]
        if hash_name not in SIGNATURE_HASHES:
            continue
        key = EllipticCurvePrivateKey(encoded_keys.scalar_pkcs8(CURVES["secp256k1"], number(case, "d")))
        assert key.public_key == encoded_keys.point_spki(CURVES["secp256k1"], number(case, "Qx"), number(case, "Qy"))
        signature = encode_dss_signature(number(case, "R"), number(case, "S"))
        assert holds(key.public_key, signature, of(case, "Msg"), hash_name)
        done += 1
    assert done >= 40


@pytest.mark.parametrize(
    ("file", "curve", "agreed_at_least"),
    [
        ("ecdh_secp256r1", "P-256", 330),
        ("ecdh_secp384r1", "P-384", 500),
        ("ecdh_secp521r1", "P-521", 500),
        ("ecdh_secp256k1", "secp256k1", 400),
    ],
)
def test_diffie_hellman_agrees_and_refuses_as_wycheproof_says(file, curve, agreed_at_least):
    """What Wycheproof calls acceptable (an unusual encoding of a good point) is refused or gives the right secret."""
    agreed = refused = 0
    private_key = functools.cache(
        lambda scalar: EllipticCurvePrivateKey(encoded_keys.scalar_pkcs8(CURVES[curve], int(scalar, 16)))
    )
    for _, test in wycheproof(f"Protocol/{file}"):
        try:
            secret = private_key(test["private"]).shared_secret(bytes.fromhex(test["public"]))
        except ValueError:
            assert test["result"] != "valid", test["tcId"]
            refused += 1
            continue
        assert secret.hex() == test["shared"], test["tcId"]
        assert test["result"] != "invalid", test["tcId"]
        agreed += 1
    assert agreed >= agreed_at_least
    assert refused >= 40


@pytest.mark.parametrize("role", ["init", "resp"])
def test_diffie_hellman_agrees_and_refuses_as_nist_says(role):
    """Cases whose own key is broken are passed over: such a key does not get as far as an agreement."""
    agreed = failed = refused = 0
    for section, case in cases(f"asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax"):
        curve = PARAMETER_SETS.get(section.get("title", "").partition(" - ")[0])
        if curve is None or "Z" not in case or "IUT" in case["Result"]:
            continue
        key = EllipticCurvePrivateKey(encoded_keys.scalar_pkcs8(CURVES[curve], number(case, "dsIUT")))
        peer = encoded_keys.unchecked_point_spki(curve, number(case, "QsCAVSx"), number(case, "QsCAVSy"))
        if "CAVS's Static public key" in case["Result"]:
            with pytest.raises(ValueError):
                key.shared_secret(peer)
            refused += 1
        else:
            same = key.shared_secret(peer) == of(case, "Z")
            assert same == case["Result"].startswith("P"), case
            agreed, failed = agreed + same, failed + (not same)
    assert (agreed, failed, refused) == (54, 6, 12)
