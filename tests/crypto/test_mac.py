import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.mac import HmacSha256, equal, hmac_sha256


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


def test_nothing_secret_shows():
    assert repr(HmacSha256(b"very secret key")) == "HmacSha256(key hidden)"
