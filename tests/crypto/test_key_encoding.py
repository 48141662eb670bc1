import contextlib
import re

import pytest
from Crypto.PublicKey import MLKEM
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_der_public_key,
)
from hypothesis import given
from hypothesis import strategies as st
from tests.crypto.key_kinds import KINDS, pkcs8_of, private_of
from tests.vectors import encoded_keys

from strongroom.crypto.elliptic_curve import EllipticCurvePrivateKey
from strongroom.crypto.key_encoding import private_key_bytes, public_key_bytes
from strongroom.crypto.rsa import RsaPrivateKey

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
CHEAP = [kind for kind in KINDS if not kind.name.startswith("RSA")]


@each_kind
def test_keys_load_and_say_what_they_are_but_not_the_secret(kind):
    key = kind.private(pkcs8_of(kind))
    public = kind.public(key.public_key)
    assert public.public_key == key.public_key
    assert kind.private(pkcs8_of(kind)).public_key == key.public_key
    for shown in (repr(key), str(key), repr(public)):
        assert re.fullmatch(r"\w+\([\w -]*(, )?(hidden)?\)", shown), shown
    assert "hidden" in repr(key)


@each_kind
def test_two_keys_differ(kind):
    assert kind.generate() != pkcs8_of(kind)


@each_kind
def test_other_tools_read_the_keys(kind):
    if kind.name == "ML-KEM-512":
        assert MLKEM.import_key(pkcs8_of(kind)).public_key().export_key() == private_of(kind).public_key
    else:
        public = load_der_private_key(pkcs8_of(kind), None).public_key()
        assert public_key_bytes(public) == private_of(kind).public_key
        assert public_key_bytes(load_der_public_key(private_of(kind).public_key)) == private_of(kind).public_key


@each_kind
def test_a_key_of_another_kind_is_refused(kind):
    for other in KINDS:
        if other.private is not kind.private:
            with pytest.raises(ValueError):
                kind.private(pkcs8_of(other))
            with pytest.raises(ValueError):
                kind.public(private_of(other).public_key)


@each_kind
def test_halves_are_not_confused(kind):
    with pytest.raises(ValueError):
        kind.private(private_of(kind).public_key)
    with pytest.raises(ValueError):
        kind.public(pkcs8_of(kind))


@each_kind
def test_bytes_missing_or_added_are_refused(kind):
    private, public = pkcs8_of(kind), private_of(kind).public_key
    for load, encoded in ((kind.private, private), (kind.public, public)):
        for wrong in (b"", encoded + b"\0", b"\0" + encoded, *(encoded[:end] for end in range(len(encoded)))):
            with pytest.raises(ValueError):
                load(wrong)


@pytest.mark.parametrize("kind", CHEAP, ids=lambda kind: kind.name)
@given(data=st.data())
def test_changed_bytes_load_as_some_key_or_are_refused(kind, data):
    """No other exception than ValueError leaves."""
    for load, encoded in ((kind.private, pkcs8_of(kind)), (kind.public, private_of(kind).public_key)):
        changed = bytearray(encoded)
        # The structure stands in front, where a change matters most.
        index = data.draw(st.integers(0, 40) | st.integers(0, len(encoded) - 1))
        changed[min(index, len(encoded) - 1)] = data.draw(st.integers(0, 255))
        with contextlib.suppress(ValueError):
            load(bytes(changed))


@given(noise=st.binary(max_size=200))
def test_noise_is_no_key(noise):
    for kind in KINDS:
        for load in (kind.private, kind.public):
            with pytest.raises(ValueError):
                load(noise)


def test_older_and_encrypted_structures_are_refused():
    rsa_key = load_der_private_key(pkcs8_of(KINDS[0]), None)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    traditional = PrivateFormat.TraditionalOpenSSL
    for key, load in ((rsa_key, RsaPrivateKey), (ec_key, EllipticCurvePrivateKey)):
        with pytest.raises(ValueError, match="PKCS#8"):
            load(key.private_bytes(Encoding.DER, traditional, NoEncryption()))
        with pytest.raises(ValueError, match="PKCS#8"):
            load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")))
        with pytest.raises(ValueError, match="PKCS#8"):
            load(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_keys_of_neighbouring_algorithms_are_refused():
    """RSA keys for PSS only have an identifier of their own, and would be used for more than they are meant for."""
    plain, pss = bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01010a")
    with pytest.raises(ValueError, match="another algorithm"):
        RsaPrivateKey(pkcs8_of(KINDS[0]).replace(plain, pss))
    agreement = private_key_bytes(x25519.X25519PrivateKey.generate())
    for kind in KINDS:
        with pytest.raises(ValueError, match="another algorithm"):
            kind.private(agreement)


def test_attributes_and_a_public_key_may_stand_beside_a_private_one():
    """RFC 5958 allows for both; other tools write them."""
    curve = ec.generate_private_key(ec.SECP256R1())
    inner = load_inner(private_key_bytes(curve))
    attributes = encoded_keys.der(0xA0, bytes.fromhex("300d0603551d0f310603040300 0780".replace(" ", "")))
    version, algorithm, octets = inner
    assert (
        EllipticCurvePrivateKey(encoded_keys.der(0x30, version + algorithm + octets + attributes)).public_key
        == EllipticCurvePrivateKey(private_key_bytes(curve)).public_key
    )


def load_inner(pkcs8: bytes) -> tuple[bytes, bytes, bytes]:
    """The three parts of PKCS#8 below 256 bytes."""
    body = pkcs8[3:] if pkcs8[1] == 0x81 else pkcs8[2:]
    version, rest = body[:3], body[3:]
    algorithm, octets = rest[: 2 + rest[1]], rest[2 + rest[1] :]
    return version, algorithm, octets


def test_unsupported_curves_and_sizes_are_refused():
    with pytest.raises(ValueError, match="curve"):
        EllipticCurvePrivateKey(private_key_bytes(ec.generate_private_key(ec.SECP224R1())))
    with pytest.raises(ValueError, match="bits"):
        RsaPrivateKey(private_key_bytes(rsa.generate_private_key(65537, 1024)))
