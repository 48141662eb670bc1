import functools
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from hypothesis import given
from hypothesis import strategies as st
from tests.crypto.key_kinds import KINDS, private_of

from strongroom.crypto.elliptic_curve import (
    CURVES,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_elliptic_curve_private_key,
    public_key_of_point,
)
from strongroom.crypto.key_encoding import private_key_bytes
from strongroom.crypto.signature import InvalidSignature

HASHES = ("sha256", "sha384", "sha512")
FIELD_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}


@functools.cache
def key(curve: str, which: int = 0) -> EllipticCurvePrivateKey:
    return EllipticCurvePrivateKey(generate_elliptic_curve_private_key(curve))


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("hash_name", HASHES)
def test_every_curve_signs_and_verifies(curve, hash_name):
    digest, other = (hashlib.new(hash_name, message).digest() for message in (b"message", b"another"))
    signature = key(curve).sign(digest, hash_name)
    assert signature[0] == 0x30
    assert key(curve).curve == curve
    public = EllipticCurvePublicKey(key(curve).public_key)
    assert public.curve == curve
    for verifier in (key(curve), public):
        verifier.verify(signature, digest, hash_name)
        for wrong in (
            signature[:-1],
            signature + b"\0",
            b"",
            bytes(len(signature)),
            signature.replace(b"\x30", b"\x31", 1),
        ):
            with pytest.raises(InvalidSignature):
                verifier.verify(wrong, digest, hash_name)
        with pytest.raises(InvalidSignature):
            verifier.verify(signature, other, hash_name)
    with pytest.raises(InvalidSignature):
        key(curve, 1).verify(signature, digest, hash_name)


@given(digest=st.binary(min_size=32, max_size=32), bit=st.integers(0, 255))
def test_any_other_digest_fails(digest, bit):
    changed = bytearray(digest)
    changed[bit // 8] ^= 1 << bit % 8
    signature = key("P-256").sign(digest, "sha256")
    key("P-256").verify(signature, digest, "sha256")
    with pytest.raises(InvalidSignature):
        key("P-256").verify(signature, bytes(changed), "sha256")


@pytest.mark.parametrize("size", [0, 20, 31, 33, 64])
def test_a_digest_has_the_length_of_its_hash_function(size):
    with pytest.raises(ValueError):
        key("P-256").sign(bytes(size), "sha256")
    with pytest.raises(ValueError):
        key("P-256").verify(key("P-256").sign(bytes(32), "sha256"), bytes(size), "sha256")


@pytest.mark.parametrize("hash_name", ["sha1", "sha224", "md5", ""])
def test_nothing_is_signed_over_weak_or_unknown_hash_functions(hash_name):
    with pytest.raises(ValueError, match="hash function"):
        key("P-256").sign(bytes(20), hash_name)
    with pytest.raises(ValueError, match="hash function"):
        key("P-256").verify(b"signature", bytes(20), hash_name)


@pytest.mark.parametrize("curve", CURVES)
def test_two_keys_agree_on_one_secret(curve):
    ours, theirs = key(curve), key(curve, 1)
    secret = ours.shared_secret(theirs.public_key)
    assert secret == theirs.shared_secret(ours.public_key)
    assert len(secret) == FIELD_BYTES[curve]
    assert secret != ours.shared_secret(key(curve, 2).public_key)


@pytest.mark.parametrize("curve", CURVES)
def test_a_point_of_another_curve_agrees_with_nothing(curve):
    for other in CURVES:
        if other != curve:
            with pytest.raises(ValueError, match="another curve"):
                key(curve).shared_secret(key(other).public_key)
    for kind in KINDS:
        if kind.name not in CURVES:
            with pytest.raises(ValueError):
                key(curve).shared_secret(private_of(kind).public_key)


@pytest.mark.parametrize("curve", CURVES)
def test_what_is_no_point_of_the_curve_agrees_with_nothing(curve):
    public = key(curve, 1).public_key
    off = public[:-1] + bytes([public[-1] ^ 1])
    size = FIELD_BYTES[curve]
    infinity = public[: -2 * size - 1] + bytes(2 * size + 1)
    for wrong in (off, infinity, b"", public[:-1]):
        with pytest.raises(ValueError):
            key(curve).shared_secret(wrong)


def test_another_curve_is_neither_made_nor_taken():
    for curve in ("P-224", "SM2", "p-256", ""):
        with pytest.raises(ValueError, match="curve"):
            generate_elliptic_curve_private_key(curve)
    for other in (ec.SECP224R1(), ec.BrainpoolP256R1()):
        with pytest.raises(ValueError, match="curve"):
            EllipticCurvePrivateKey(private_key_bytes(ec.generate_private_key(other)))


@pytest.mark.parametrize("curve", CURVES)
def test_a_private_number_with_the_point_of_another_is_refused(curve):
    encoded = [generate_elliptic_curve_private_key(curve) for _ in range(2)]
    points = [
        load_der_private_key(one, None).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        for one in encoded
    ]
    assert points[0] in encoded[0]
    with pytest.raises(ValueError):
        EllipticCurvePrivateKey(encoded[0].replace(points[0], points[1]))


@pytest.mark.parametrize("curve", CURVES)
def test_private_numbers_out_of_range_are_refused(curve):
    encoded = generate_elliptic_curve_private_key(curve)
    number = load_der_private_key(encoded, None).private_numbers().private_value.to_bytes(FIELD_BYTES[curve])
    assert number in encoded
    for wrong in (bytes(len(number)), b"\xff" * len(number)):
        with pytest.raises(ValueError):
            EllipticCurvePrivateKey(encoded.replace(number, wrong))


def test_a_compressed_point_is_the_public_key():
    for curve in ("P-256", "P-384"):
        key = EllipticCurvePrivateKey(generate_elliptic_curve_private_key(curve))
        point = key.compressed_point()
        assert point[0] in (2, 3)
        assert public_key_of_point(curve, point) == key.public_key
        with pytest.raises(ValueError, match="compressed point"):
            public_key_of_point(curve, b"\x04" + point[1:] * 2)
        with pytest.raises(ValueError):
            public_key_of_point(curve, point[:-1])
    with pytest.raises(ValueError, match="the curve is one of"):
        public_key_of_point("P-192", b"\x02")
