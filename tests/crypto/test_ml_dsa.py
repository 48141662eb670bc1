import functools
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.ml_dsa import PARAMETER_SETS, MlDsaPrivateKey, MlDsaPublicKey, generate_ml_dsa_private_key
from strongroom.crypto.signature import InvalidSignature

SIGNATURE_BYTES = {44: 2420, 65: 3309, 87: 4627}
PUBLIC_KEY_BYTES = {44: 1312, 65: 1952, 87: 2592}


@functools.cache
def key(parameter_set: int, which: int = 0) -> MlDsaPrivateKey:
    return MlDsaPrivateKey(generate_ml_dsa_private_key(parameter_set))


def message_representative(public_key: bytes, message: bytes) -> bytes:
    """What FIPS 204 makes of a message and an empty context before it is signed."""
    prefix = hashlib.shake_256(public_key).digest(64)
    return hashlib.shake_256(prefix + b"\0\0" + message).digest(64)


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_every_parameter_set_signs_and_verifies(parameter_set):
    private, public = key(parameter_set), MlDsaPublicKey(key(parameter_set).public_key)
    signature = private.sign(b"message")
    assert private.parameter_set == public.parameter_set == parameter_set
    assert len(signature) == SIGNATURE_BYTES[parameter_set]
    for verifier in (private, public):
        verifier.verify(signature, b"message")
        for wrong in (b"", bytes(len(signature)), signature[:-1], signature + b"\0"):
            with pytest.raises(InvalidSignature):
                verifier.verify(wrong, b"message")
        with pytest.raises(InvalidSignature):
            verifier.verify(signature, b"another")
    with pytest.raises(InvalidSignature):
        key(parameter_set, 1).verify(signature, b"message")
    assert private.sign(b"message") != signature


@pytest.mark.parametrize("parameter_set", PARAMETER_SETS)
def test_a_message_and_its_representative_have_the_same_signatures(parameter_set):
    private = key(parameter_set)
    mu = message_representative(private.public_key[-PUBLIC_KEY_BYTES[parameter_set] :], b"message")
    private.verify(private.sign_external_mu(mu), b"message")
    private.verify_external_mu(private.sign(b"message"), mu)
    with pytest.raises(InvalidSignature):
        private.verify(private.sign_external_mu(bytes(64)), b"message")
    with pytest.raises(InvalidSignature):
        private.verify_external_mu(private.sign(mu), mu)


@pytest.mark.parametrize("size", [0, 32, 63, 65])
def test_a_message_representative_has_64_bytes(size):
    with pytest.raises(ValueError):
        key(44).sign_external_mu(bytes(size))
    with pytest.raises(ValueError):
        key(44).verify_external_mu(key(44).sign(b"message"), bytes(size))


@given(message=st.binary(max_size=200), data=st.data())
def test_any_flipped_bit_fails(message, data):
    signature = bytearray(key(44).sign(message))
    key(44).verify(bytes(signature), message)
    bit = data.draw(st.integers(0, len(signature) * 8 - 1))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidSignature):
        key(44).verify(bytes(signature), message)


@pytest.mark.parametrize("parameter_set", [0, 43, 66, 512])
def test_only_three_parameter_sets(parameter_set):
    with pytest.raises(ValueError, match="parameter sets"):
        generate_ml_dsa_private_key(parameter_set)
