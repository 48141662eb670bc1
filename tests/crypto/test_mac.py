import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.mac import Hmac, HmacSha256, InvalidMac, equal, hmac_sha256

HASHES = {"sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}


@given(key=st.binary(min_size=1, max_size=100), prefix=st.binary(max_size=100), message=st.binary(max_size=200))
def test_a_keyed_mac_is_the_plain_one(key, prefix, message):
    expected = hmac.new(key, prefix + message, hashlib.sha256).digest()
    keyed = HmacSha256(key, prefix)
    assert keyed.digest(message) == expected
    assert keyed.digest(message) == expected
    assert hmac_sha256(key, prefix + message) == expected


@given(one=st.text(max_size=5), other=st.text(max_size=5))
def test_equal_agrees_with_the_operator(one, other):
    assert equal(one, other) == (one == other)
    assert equal(one.encode(), other.encode()) == (one == other)
    assert equal(one, one)


def test_equal_takes_odd_text_and_refuses_mixtures():
    assert equal("\ud800", "\ud800")
    assert not equal("\ud800", "?")
    with pytest.raises(TypeError):
        equal("a", b"a")


@given(key=st.binary(max_size=300), message=st.binary(max_size=300), hash_name=st.sampled_from(sorted(HASHES)))
def test_every_hash_function_authenticates(key, message, hash_name):
    keyed = Hmac(key, hash_name)
    mac = keyed.digest(message)
    assert mac == hmac.new(key, message, hash_name).digest()
    assert len(mac) == HASHES[hash_name]
    keyed.verify(mac, message)
    keyed.verify(mac, message)
    with pytest.raises(InvalidMac):
        keyed.verify(mac, message + b"\0")


@pytest.mark.parametrize("hash_name", HASHES)
def test_any_other_code_fails(hash_name):
    keyed = Hmac(b"key", hash_name)
    mac = keyed.digest(b"message")
    flipped = (bytes([*mac[:index], mac[index] ^ 1, *mac[index + 1 :]]) for index in range(len(mac)))
    for wrong in (b"", mac[:-1], mac[:16], mac + b"\0", mac + mac, *flipped):
        with pytest.raises(InvalidMac) as failure:
            keyed.verify(wrong, b"message")
        assert str(failure.value) == "the message authentication code is not valid"
    with pytest.raises(InvalidMac):
        Hmac(b"another key", hash_name).verify(mac, b"message")


@pytest.mark.parametrize("hash_name", ["sha1", "md5", "SHA256", ""])
def test_weak_and_unknown_hash_functions_are_refused(hash_name):
    with pytest.raises(ValueError, match="hash function"):
        Hmac(b"key", hash_name)


def test_nothing_secret_shows():
    assert repr(HmacSha256(b"very secret key")) == "HmacSha256(key hidden)"
    assert repr(Hmac(b"very secret key", "sha512")) == "Hmac(key hidden)"
