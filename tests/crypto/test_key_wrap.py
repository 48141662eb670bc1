import functools

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.key_wrap import aes_key_unwrap_with_padding, rsa_aes_key_unwrap
from strongroom.crypto.rsa import RsaPrivateKey, generate_rsa_private_key

KEY = bytes(range(32))


@functools.cache
def rsa_key() -> RsaPrivateKey:
    return RsaPrivateKey(generate_rsa_private_key(2048))


@given(material=st.binary(min_size=1, max_size=300), size=st.sampled_from([16, 24, 32]))
def test_what_is_wrapped_comes_out(material, size):
    wrapped = aes_key_wrap_with_padding(KEY[:size], material)
    assert aes_key_unwrap_with_padding(KEY[:size], wrapped) == material
    with pytest.raises(AuthenticationFailed):
        aes_key_unwrap_with_padding(bytes(size), wrapped)


@given(material=st.binary(min_size=1, max_size=60), data=st.data())
def test_any_flipped_bit_fails(material, data):
    wrapped = bytearray(aes_key_wrap_with_padding(KEY, material))
    bit = data.draw(st.integers(0, len(wrapped) * 8 - 1))
    wrapped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AuthenticationFailed) as failure:
        aes_key_unwrap_with_padding(KEY, bytes(wrapped))
    assert failure.value.__cause__ is None


def test_every_truncation_and_extension_fails():
    wrapped = aes_key_wrap_with_padding(KEY, bytes(40))
    for wrong in (*(wrapped[:end] for end in range(len(wrapped))), wrapped + b"\0", wrapped + bytes(8)):
        with pytest.raises(AuthenticationFailed):
            aes_key_unwrap_with_padding(KEY, wrong)


@pytest.mark.parametrize("size", [0, 1, 15, 31, 33, 64])
def test_a_wrapping_key_is_an_aes_key(size):
    with pytest.raises(ValueError, match="AES key"):
        aes_key_unwrap_with_padding(bytes(size), bytes(24))


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_material_under_an_aes_key_under_an_rsa_key(hash_name):
    material = generate_rsa_private_key(2048)
    wrapped = rsa_key().encrypt_oaep(KEY, hash_name) + aes_key_wrap_with_padding(KEY, material)
    assert rsa_aes_key_unwrap(rsa_key(), wrapped, hash_name) == material


def test_material_wrapped_otherwise_fails_in_the_same_way():
    under_rsa, under_aes = rsa_key().encrypt_oaep(KEY, "sha256"), aes_key_wrap_with_padding(KEY, b"material")
    no_aes_key = rsa_key().encrypt_oaep(KEY[:31], "sha256")
    other_aes_key = rsa_key().encrypt_oaep(bytes(32), "sha256")
    for wrong in (
        b"",
        under_rsa,
        under_aes,
        under_rsa[:-1],
        under_rsa + under_aes[:-1],
        under_rsa + under_aes + b"\0",
        under_aes + under_rsa,
        no_aes_key + under_aes,
        other_aes_key + under_aes,
    ):
        with pytest.raises(AuthenticationFailed) as failure:
            rsa_aes_key_unwrap(rsa_key(), wrong, "sha256")
        assert str(failure.value) == "authentication failed"
    with pytest.raises(AuthenticationFailed):
        rsa_aes_key_unwrap(rsa_key(), under_rsa + under_aes, "sha1")
