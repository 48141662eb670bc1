import functools
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.ed25519 import Ed25519PrivateKey, Ed25519PublicKey, generate_ed25519_private_key
from strongroom.crypto.signature import InvalidSignature


@functools.cache
def key(which: int = 0) -> Ed25519PrivateKey:
    return Ed25519PrivateKey(generate_ed25519_private_key())


@given(message=st.binary(max_size=200))
def test_what_is_signed_verifies(message):
    signature = key().sign(message)
    assert len(signature) == 64
    assert signature == key().sign(message)
    key().verify(signature, message)
    Ed25519PublicKey(key().public_key).verify(signature, message)
    with pytest.raises(InvalidSignature):
        key().verify(signature, message + b"\0")
    with pytest.raises(InvalidSignature):
        key(1).verify(signature, message)


@given(message=st.binary(max_size=200))
def test_digests_are_signed_apart_from_messages(message):
    """A digest that is signed as one does not verify as a message, nor the other way round."""
    digest = hashlib.sha512(message).digest()
    prehashed, plain = key().sign_prehashed(digest), key().sign(digest)
    assert len(prehashed) == 64
    assert prehashed == key().sign_prehashed(digest)
    key().verify_prehashed(prehashed, digest)
    Ed25519PublicKey(key().public_key).verify_prehashed(prehashed, digest)
    for verify, signature, signed in (
        (key().verify, prehashed, digest),
        (key().verify, prehashed, message),
        (key().verify_prehashed, plain, digest),
        (key(1).verify_prehashed, prehashed, digest),
        (key().verify_prehashed, prehashed, hashlib.sha512(digest).digest()),
    ):
        with pytest.raises(InvalidSignature):
            verify(signature, signed)


@given(bit=st.integers(0, 511))
def test_any_flipped_bit_fails(bit):
    digest = hashlib.sha512(b"message").digest()
    for signature, verify, signed in (
        (key().sign(b"message"), key().verify, b"message"),
        (key().sign_prehashed(digest), key().verify_prehashed, digest),
    ):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidSignature):
            verify(bytes(changed), signed)


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_signatures_and_digests_of_other_lengths(size):
    with pytest.raises(InvalidSignature):
        key().verify(bytes(size), b"message")
    with pytest.raises(InvalidSignature):
        key().verify_prehashed(bytes(size), bytes(64))
    with pytest.raises(ValueError, match="64 bytes"):
        key().sign_prehashed(bytes(size))
    with pytest.raises(ValueError, match="64 bytes"):
        key().verify_prehashed(bytes(64), bytes(size))


def test_a_signature_with_a_number_beyond_the_order_is_refused():
    """Such a signature would be a second one for the same message."""
    order = 2**252 + 27742317777372353535851937790883648493
    digest = hashlib.sha512(b"message").digest()
    for signature, verify, signed in (
        (key().sign(b"message"), key().verify, b"message"),
        (key().sign_prehashed(digest), key().verify_prehashed, digest),
    ):
        number = int.from_bytes(signature[32:], "little") + order
        with pytest.raises(InvalidSignature):
            verify(signature[:32] + number.to_bytes(32, "little"), signed)


def test_nothing_secret_shows():
    key().sign_prehashed(bytes(64))
    assert repr(key()) == "Ed25519PrivateKey(hidden)"
    assert repr(key()._prehashed_signer) == "PrehashedSigner(key hidden)"
    with pytest.raises(InvalidSignature) as failure:
        key().verify_prehashed(bytes(64), bytes(64))
    assert failure.value.__cause__ is None
