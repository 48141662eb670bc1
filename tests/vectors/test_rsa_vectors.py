"""RSA against NIST's and Wycheproof's vectors, through `RsaPrivateKey` and `RsaPublicKey`.

Keys of other sizes and parameters that `crypto` does not offer are passed over, and counted by nobody; where a vector's
parameters differ in what a signature says of itself (the length of the salt), it has to be refused.
"""

import functools
import hashlib

import pytest
from tests.vectors import encoded_keys
from tests.vectors.published import HASH_NAMES, cases, number, of, rsa_laboratories, wycheproof

from strongroom.crypto import rsa
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.rsa import RsaPrivateKey, RsaPublicKey
from strongroom.crypto.signature import InvalidSignature

SIGNATURE_HASHES = ("sha256", "sha384", "sha512")

# The check of the primes takes longer than all that is done with a key here, and is tested with the class.
private_key = functools.cache(functools.partial(RsaPrivateKey, unsafe_skip_check=True))
public_key = functools.cache(RsaPublicKey)


def holds(verify, signature: bytes, message: bytes, hash_name: str) -> bool:
    try:
        verify(signature, hashlib.new(hash_name, message).digest(), hash_name)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(
    "parameters",
    [
        "2048_sha1",
        "2048_sha256",
        "2048_sha384",
        "2048_sha512",
        "3072_sha256",
        "3072_sha512",
        "4096_sha256",
        "4096_sha512",
    ],
)
def test_oaep_decrypts_and_refuses_as_wycheproof_says(parameters):
    opened = refused = 0
    for group, test in wycheproof(f"Cipher/rsa_oaep_{parameters}_mgf1{parameters.split('_')[1]}"):
        key = private_key(bytes.fromhex(group["privateKeyPkcs8"]))
        ciphertext, hash_name = bytes.fromhex(test["ct"]), HASH_NAMES[group["sha"]]
        if test["result"] == "valid" and not test["label"]:
            assert key.decrypt_oaep(ciphertext, hash_name).hex() == test["msg"], test["tcId"]
            opened += 1
        else:
            with pytest.raises(AuthenticationFailed):
                key.decrypt_oaep(ciphertext, hash_name)
            refused += 1
    assert opened >= 10
    assert refused >= 18


def test_oaep_decrypts_with_every_size_and_hash_function_of_wycheproof():
    opened = set()
    for group, test in wycheproof("Cipher/rsa_oaep_misc"):
        hash_name = HASH_NAMES.get(group["sha"], "")
        offered = group["keySize"] in rsa.BITS and hash_name in ("sha1", "sha256", "sha384", "sha512")
        if not offered or group["mgfSha"] != group["sha"] or test["label"]:
            continue
        key = private_key(bytes.fromhex(group["privateKeyPkcs8"]))
        assert key.decrypt_oaep(bytes.fromhex(test["ct"]), hash_name).hex() == test["msg"], test["tcId"]
        opened.add((group["keySize"], hash_name))
    assert len(opened) == 12


def test_oaep_with_mgf1_of_another_hash_function_is_refused():
    refused = 0
    for group, test in wycheproof("Cipher/rsa_oaep_2048_sha256_mgf1sha1"):
        with pytest.raises(AuthenticationFailed):
            private_key(bytes.fromhex(group["privateKeyPkcs8"])).decrypt_oaep(bytes.fromhex(test["ct"]), "sha256")
        refused += 1
    assert refused == 31


@pytest.mark.parametrize(
    ("path", "hash_name", "least"),
    [("pkcs-1v2-1d2-vec/oaep-vect.txt", "sha1", 6), ("oaep-custom/oaep-sha256-sha256.txt", "sha256", 60)],
)
def test_oaep_decrypts_what_nist_and_rsa_laboratories_published(path, hash_name, least):
    """Only keys of 2048 bits and more: the files have many shorter ones."""
    opened = 0
    for case in rsa_laboratories(f"asymmetric/RSA/{path}"):
        modulus = number(case, "Modulus")
        if modulus.bit_length() not in rsa.BITS:
            continue
        primes = number(case, "Prime 1"), number(case, "Prime 2")
        key = private_key(
            encoded_keys.rsa_pkcs8(modulus, number(case, "Public exponent"), number(case, "Exponent"), *primes)
        )
        assert key.decrypt_oaep(of(case, "Encryption"), hash_name) == of(case, "Message")
        opened += 1
    assert opened >= least


@pytest.mark.parametrize(
    "parameters",
    [
        "2048_sha256_mgf1_32",
        "2048_sha384_mgf1_48",
        "3072_sha256_mgf1_32",
        "4096_sha256_mgf1_32",
        "4096_sha384_mgf1_48",
        "4096_sha512_mgf1_64",
    ],
)
def test_pss_signatures_hold_and_fail_as_wycheproof_says(parameters):
    verdicts = []
    for group, test in wycheproof(f"Signature/rsa_pss_{parameters}"):
        verify = public_key(bytes.fromhex(group["publicKeyDer"])).verify_pss
        held = holds(verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]), HASH_NAMES[group["sha"]])
        assert held == (test["result"] == "valid"), test["tcId"]
        verdicts.append(held)
    assert verdicts.count(True) >= 60
    assert verdicts.count(False) >= 40


@pytest.mark.parametrize("path", ["2048_sha256_mgf1_0", "2048_sha256_mgf1sha1_20", "4096_sha512_mgf1_32", "misc"])
def test_pss_with_another_salt_or_mask_is_refused(path):
    """Of `misc`, whose parameters vary, the few that are ours have to hold."""
    refused = held = 0
    for group, test in wycheproof(f"Signature/rsa_pss_{path}"):
        hash_name = HASH_NAMES.get(group["sha"])
        if group["keySize"] not in rsa.BITS or hash_name not in SIGNATURE_HASHES:
            continue
        salt_bytes = hashlib.new(hash_name).digest_size
        if test["comment"] == f"s_len changed to {salt_bytes}":
            continue
        ours = group["mgfSha"] == group["sha"] and group["sLen"] == salt_bytes
        verify = public_key(bytes.fromhex(group["publicKeyDer"])).verify_pss
        verdict = holds(verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]), hash_name)
        assert verdict == (ours and test["result"] == "valid"), test["tcId"]
        held, refused = held + verdict, refused + (not verdict)
    assert refused >= 20
    assert (held > 0) == (path == "misc")


@pytest.mark.parametrize(
    "parameters",
    [
        *("2048_sha256", "2048_sha384", "2048_sha512", "3072_sha256"),
        *("3072_sha384", "3072_sha512", "4096_sha256", "4096_sha384", "4096_sha512"),
    ],
)
def test_pkcs1v15_signatures_hold_and_fail_as_wycheproof_says(parameters):
    """What Wycheproof calls acceptable is a digest's name without the NULL that belongs to it; it is refused here."""
    verdicts = []
    for group, test in wycheproof(f"Signature/rsa_signature_{parameters}"):
        verify = public_key(bytes.fromhex(group["publicKeyDer"])).verify_pkcs1v15
        held = holds(verify, bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]), HASH_NAMES[group["sha"]])
        assert held == (test["result"] == "valid"), test["tcId"]
        verdicts.append(held)
    assert verdicts.count(True) >= 7
    assert verdicts.count(False) >= 250


@pytest.mark.parametrize("bits", rsa.BITS)
def test_pkcs1v15_signs_as_wycheproof_does(bits):
    done = 0
    for group, test in wycheproof(f"Signature/rsa_pkcs1_{bits}_sig_gen"):
        hash_name = HASH_NAMES.get(group["sha"])
        if hash_name not in SIGNATURE_HASHES:
            continue
        key = private_key(bytes.fromhex(group["privateKeyPkcs8"]))
        digest = hashlib.new(hash_name, bytes.fromhex(test["msg"])).digest()
        assert key.sign_pkcs1v15(digest, hash_name).hex() == test["sig"], test["tcId"]
        done += 1
    assert done >= 16


def test_pkcs1v15_signatures_hold_and_fail_as_nist_says():
    modulus = 0
    verdicts = []
    for _, case in cases("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp"):
        modulus = number(case, "n") if "n" in case else modulus
        if "Msg" not in case or modulus.bit_length() not in rsa.BITS:
            continue
        hash_name = HASH_NAMES[case["SHAAlg"]]
        if hash_name not in SIGNATURE_HASHES:
            continue
        verify = public_key(encoded_keys.rsa_spki(modulus, number(case, "e"))).verify_pkcs1v15
        held = holds(verify, of(case, "S"), of(case, "Msg"), hash_name)
        assert held == case["Result"].startswith("P"), case
        verdicts.append(held)
    assert verdicts.count(True) >= 6
    assert verdicts.count(False) >= 30
