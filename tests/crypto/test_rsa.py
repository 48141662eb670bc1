import functools
import hashlib
import math
import threading
import time

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa as library
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given
from hypothesis import strategies as st
from tests.vectors import encoded_keys

from strongroom.crypto import rsa
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.rsa import RsaPrivateKey, RsaPublicKey, generate_rsa_private_key, oaep_plaintext_bytes_max
from strongroom.crypto.signature import InvalidSignature

SIGNATURE_HASHES = ("sha256", "sha384", "sha512")
OAEP_HASHES = ("sha1", *SIGNATURE_HASHES)
RSA_ENCRYPTION = "06092a864886f70d010101" + "0500"
MERSENNE_PRIME = 2**9689 - 1


@functools.cache
def pkcs8(bits: int) -> bytes:
    return generate_rsa_private_key(bits)


@functools.cache
def key(bits: int = 2048) -> RsaPrivateKey:
    return RsaPrivateKey(pkcs8(bits))


@asn1.sequence
class RsaNumbers:
    """RSAPrivateKey of RFC 8017, appendix A.1.2."""

    version: int
    n: int
    e: int
    d: int
    p: int
    q: int
    dp: int
    dq: int
    qi: int


def with_numbers(**changes: int) -> bytes:
    numbers = load_der_private_key(pkcs8(2048), None).private_numbers()
    values = {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d}
    values |= {"p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
    return encoded_keys.pkcs8(RSA_ENCRYPTION, asn1.encode_der(RsaNumbers(version=0, **(values | changes))))


@pytest.mark.parametrize("bits", rsa.BITS)
def test_every_size_encrypts_signs_and_verifies(bits):
    private, public = key(bits), RsaPublicKey(key(bits).public_key)
    assert private.bits == public.bits == bits
    assert load_der_private_key(pkcs8(bits), None).private_numbers().public_numbers.e == 65537
    for hash_name in OAEP_HASHES:
        plaintext = bytes(oaep_plaintext_bytes_max(bits, hash_name))
        ciphertext = public.encrypt_oaep(plaintext, hash_name)
        assert len(ciphertext) == bits // 8
        assert private.decrypt_oaep(ciphertext, hash_name) == plaintext
    for hash_name in SIGNATURE_HASHES:
        digest = hashlib.new(hash_name, b"message").digest()
        public.verify_pss(private.sign_pss(digest, hash_name), digest, hash_name)
        public.verify_pkcs1v15(private.sign_pkcs1v15(digest, hash_name), digest, hash_name)
        private.verify_pss(private.sign_pss(digest, hash_name), digest, hash_name)
        private.verify_pkcs1v15(private.sign_pkcs1v15(digest, hash_name), digest, hash_name)


def test_the_longest_plaintexts_are_those_of_the_standard():
    assert [oaep_plaintext_bytes_max(bits, "sha256") for bits in rsa.BITS] == [190, 318, 446]
    assert [oaep_plaintext_bytes_max(bits, "sha1") for bits in rsa.BITS] == [214, 342, 470]
    with pytest.raises(ValueError, match="too long"):
        key().encrypt_oaep(bytes(191), "sha256")


@given(plaintext=st.binary(max_size=190))
def test_what_is_encrypted_decrypts(plaintext):
    assert key().decrypt_oaep(key().encrypt_oaep(plaintext, "sha256"), "sha256") == plaintext


def test_every_wrong_ciphertext_fails_in_the_same_way():
    ciphertext = key().encrypt_oaep(b"plaintext", "sha256")
    changed = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    labelled = library_encrypted(b"plaintext", label=b"label")
    wrong = [b"", b"\0", ciphertext[:-1], ciphertext + b"\0", changed, bytes(256), b"\xff" * 256, labelled]
    for attempt in wrong:
        with pytest.raises(AuthenticationFailed) as failure:
            key().decrypt_oaep(attempt, "sha256")
        assert str(failure.value) == "authentication failed"
        assert failure.value.__cause__ is None
    with pytest.raises(AuthenticationFailed):
        key().decrypt_oaep(ciphertext, "sha1")
    with pytest.raises(AuthenticationFailed):
        RsaPrivateKey(generate_rsa_private_key(2048)).decrypt_oaep(ciphertext, "sha256")


def library_encrypted(plaintext: bytes, label: bytes) -> bytes:
    oaep = padding.OAEP(padding.MGF1(SHA256()), SHA256(), label)
    return load_der_private_key(pkcs8(2048), None).public_key().encrypt(plaintext, oaep)


def test_a_signature_holds_for_one_scheme_one_hash_function_and_one_digest():
    digest, other = (hashlib.sha256(message).digest() for message in (b"message", b"another"))
    pss, pkcs1v15 = key().sign_pss(digest, "sha256"), key().sign_pkcs1v15(digest, "sha256")
    attempts = [
        (key().verify_pss, pkcs1v15, digest, "sha256"),
        (key().verify_pkcs1v15, pss, digest, "sha256"),
        (key().verify_pss, pss, other, "sha256"),
        (key().verify_pkcs1v15, pkcs1v15, other, "sha256"),
        (key().verify_pss, pss, hashlib.sha512(b"message").digest(), "sha512"),
        (key().verify_pkcs1v15, pkcs1v15, hashlib.sha512(b"message").digest(), "sha512"),
        *((verify, wrong, digest, "sha256") for verify in (key().verify_pss, key().verify_pkcs1v15) for wrong in NOISE),
    ]
    for verify, signature, signed, hash_name in attempts:
        with pytest.raises(InvalidSignature) as failure:
            verify(signature, signed, hash_name)
        assert str(failure.value) == "the signature is not valid"
        assert failure.value.__cause__ is None


NOISE = (b"", b"\0" * 256, b"\xff" * 256, b"\1" * 255, b"\1" * 257)


def test_pss_is_salted_and_pkcs1v15_is_not():
    digest = hashlib.sha256(b"message").digest()
    assert key().sign_pss(digest, "sha256") != key().sign_pss(digest, "sha256")
    assert key().sign_pkcs1v15(digest, "sha256") == key().sign_pkcs1v15(digest, "sha256")


@pytest.mark.parametrize("size", [0, 20, 31, 33, 64])
def test_a_digest_has_the_length_of_its_hash_function(size):
    signature = key().sign_pss(bytes(32), "sha256")
    for attempt in (key().sign_pss, key().sign_pkcs1v15):
        with pytest.raises(ValueError):
            attempt(bytes(size), "sha256")
    for attempt in (key().verify_pss, key().verify_pkcs1v15):
        with pytest.raises(ValueError):
            attempt(signature, bytes(size), "sha256")


@pytest.mark.parametrize("hash_name", ["sha1", "sha224", "md5", "SHA256", ""])
def test_nothing_is_signed_over_weak_or_unknown_hash_functions(hash_name):
    for attempt in (key().sign_pss, key().sign_pkcs1v15):
        with pytest.raises(ValueError, match="hash function"):
            attempt(bytes(20), hash_name)
    for attempt in (key().verify_pss, key().verify_pkcs1v15):
        with pytest.raises(ValueError, match="hash function"):
            attempt(bytes(256), bytes(20), hash_name)


def test_nothing_is_encrypted_with_unknown_hash_functions():
    for hash_name in ("md5", "sha224", ""):
        with pytest.raises(ValueError, match="hash function"):
            key().encrypt_oaep(b"plaintext", hash_name)
        with pytest.raises(ValueError, match="hash function"):
            key().decrypt_oaep(bytes(256), hash_name)
        with pytest.raises(ValueError, match="hash function"):
            oaep_plaintext_bytes_max(2048, hash_name)


@pytest.mark.parametrize("bits", [0, 512, 1024, 2047, 2056, 8192])
def test_only_three_sizes_are_made(bits):
    with pytest.raises(ValueError, match="bits"):
        generate_rsa_private_key(bits)


@pytest.mark.parametrize("bits", [1024, 2056])
def test_other_sizes_are_refused(bits):
    other = library.generate_private_key(65537, bits)
    with pytest.raises(ValueError, match="bits"):
        RsaPrivateKey(rsa.private_key_bytes(other))
    with pytest.raises(ValueError, match="bits"):
        RsaPrivateKey(rsa.private_key_bytes(other), unsafe_skip_check=True)
    with pytest.raises(ValueError, match="bits"):
        RsaPublicKey(rsa.public_key_bytes(other.public_key()))


def test_the_numbers_of_a_good_key_are_taken():
    assert RsaPrivateKey(with_numbers()).public_key == key().public_key


@pytest.mark.parametrize(
    "changes",
    [
        {"p": 3},
        {"p": 0, "q": 0, "dp": 0, "dq": 0, "qi": 0},
        {"p": MERSENNE_PRIME},
        {"d": 3},
        {"d": 2**20_000 + 1},
        {"dp": 3},
        {"dq": 3},
        {"qi": 3},
        {"e": 1},
        {"e": 65538},
        {"e": 2**2000 + 1},
        {"n": 2**2047 + 1},
        {"n": -(2**2047)},
    ],
    ids=lambda changes: ",".join(f"{name}-{value.bit_length()}-bits" for name, value in changes.items()),
)
def test_numbers_that_do_not_belong_together_are_refused_at_once(changes):
    encoded = with_numbers(**changes)
    start = time.process_time()
    with pytest.raises(ValueError):
        RsaPrivateKey(encoded)
    assert time.process_time() - start < 2


def test_factors_that_are_no_primes_are_refused():
    """All that is computed from the factors is right; one of them is a product of two primes."""
    e = 65537
    q = load_der_private_key(pkcs8(2048), None).private_numbers().q
    while True:
        p = library.generate_private_key(e, 1024).private_numbers().public_numbers.n
        if (p * q).bit_length() == 2048 and math.gcd(e, p - 1) == 1:
            break
    d = pow(e, -1, (p - 1) * (q - 1))
    made = with_numbers(n=p * q, p=p, d=d, dp=d % (p - 1), dq=d % (q - 1), qi=pow(q, -1, p))
    assert RsaPrivateKey(made, unsafe_skip_check=True).bits == 2048
    with pytest.raises(ValueError):
        RsaPrivateKey(made)


def test_a_key_that_was_checked_before_loads_without_the_check():
    trusted = RsaPrivateKey(pkcs8(4096), unsafe_skip_check=True)
    start = time.process_time()
    for _ in range(20):
        RsaPrivateKey(pkcs8(4096), unsafe_skip_check=True)
    assert time.process_time() - start < 0.2
    digest = hashlib.sha256(b"message").digest()
    key(4096).verify_pss(trusted.sign_pss(digest, "sha256"), digest, "sha256")


def test_one_key_serves_many_threads():
    digest = hashlib.sha256(b"message").digest()
    done: list[bool] = []

    def work() -> None:
        for _ in range(20):
            key().verify_pss(key().sign_pss(digest, "sha256"), digest, "sha256")
        done.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
