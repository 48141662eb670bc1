import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto import aead, kdf
from strongroom.crypto.aead import AuthenticationFailed, DerivedKeyAead, decrypt_once, encrypt_once

KEY = bytes(range(32))


@given(plaintext=st.binary(max_size=300), aad=st.binary(max_size=100))
def test_what_is_encrypted_decrypts(plaintext, aad):
    blob = DerivedKeyAead(KEY).encrypt(plaintext, aad)
    assert len(blob) == len(plaintext) + aead.OVERHEAD_BYTES
    assert DerivedKeyAead(KEY).decrypt(blob, aad) == plaintext


@given(plaintext=st.binary(max_size=60), aad=st.binary(max_size=20), data=st.data())
def test_any_flipped_bit_fails(plaintext, aad, data):
    cipher = DerivedKeyAead(KEY)
    blob = bytearray(cipher.encrypt(plaintext, aad))
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AuthenticationFailed):
        cipher.decrypt(bytes(blob), aad)


def test_every_single_bit_matters():
    cipher = DerivedKeyAead(KEY)
    blob = cipher.encrypt(b"nine byte", b"aad")
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(AuthenticationFailed):
            cipher.decrypt(bytes(changed), b"aad")


def test_every_truncation_fails():
    cipher = DerivedKeyAead(KEY)
    blob = cipher.encrypt(b"some plaintext", b"")
    for end in range(len(blob)):
        with pytest.raises(AuthenticationFailed):
            cipher.decrypt(blob[:end], b"")
        with pytest.raises(AuthenticationFailed):
            cipher.decrypt(blob[len(blob) - end :], b"")


@given(before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_any_extension_fails(before, after):
    cipher = DerivedKeyAead(KEY)
    blob = cipher.encrypt(b"some plaintext", b"aad")
    if before + after:
        with pytest.raises(AuthenticationFailed):
            cipher.decrypt(before + blob + after, b"aad")
    else:
        assert cipher.decrypt(blob, b"aad") == b"some plaintext"


@given(one=st.binary(max_size=20), other=st.binary(max_size=20))
def test_other_associated_data_fails(one, other):
    cipher = DerivedKeyAead(KEY)
    blob = cipher.encrypt(b"plaintext", one)
    if one == other:
        assert cipher.decrypt(blob, other) == b"plaintext"
    else:
        with pytest.raises(AuthenticationFailed):
            cipher.decrypt(blob, other)


def test_another_key_fails():
    blob = DerivedKeyAead(KEY).encrypt(b"plaintext", b"")
    with pytest.raises(AuthenticationFailed):
        DerivedKeyAead(bytes(32)).decrypt(blob, b"")


@given(plaintext=st.binary(min_size=8, max_size=200))
def test_the_plaintext_never_shows(plaintext):
    blob = DerivedKeyAead(KEY).encrypt(plaintext, plaintext)
    assert plaintext not in blob


def test_every_message_has_its_own_n_and_key():
    cipher = DerivedKeyAead(KEY)
    blobs = [cipher.encrypt(bytes(32), b"") for _ in range(2000)]
    assert len({blob[:16] for blob in blobs}) == 2000
    assert len({blob[16:] for blob in blobs}) == 2000


def test_the_format_is_the_one_described():
    n = bytes(range(100, 116))
    key = kdf.derive(KEY, b"strongroom aes-256-gcm message key v1", n)
    expected = n + AESGCM(key).encrypt(bytes(12), b"plaintext", b"aad")
    assert DerivedKeyAead(KEY).unsafe_encrypt_with_n(n, b"plaintext", b"aad") == expected
    assert DerivedKeyAead(KEY).decrypt(expected, b"aad") == b"plaintext"


def test_one_key_for_one_message():
    sealed = encrypt_once(KEY, b"plaintext", b"aad")
    assert decrypt_once(KEY, sealed, b"aad") == b"plaintext"
    for wrong in (sealed[:-1], sealed[:3], b"", sealed + b"\0"):
        with pytest.raises(AuthenticationFailed):
            decrypt_once(KEY, wrong, b"aad")


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33, 64])
def test_only_256_bit_keys(size):
    with pytest.raises(ValueError):
        DerivedKeyAead(bytes(size))
    with pytest.raises(ValueError):
        encrypt_once(bytes(size), b"", b"")
    with pytest.raises(ValueError):
        decrypt_once(bytes(size), bytes(16), b"")


def test_a_message_is_bounded():
    too_long = bytes(aead.PLAINTEXT_BYTES_MAX + 1)
    for encrypt in (DerivedKeyAead(KEY).encrypt, lambda plaintext, aad: encrypt_once(KEY, plaintext, aad)):
        with pytest.raises(ValueError, match="one message"):
            encrypt(too_long, b"")
    with pytest.raises(AuthenticationFailed):
        DerivedKeyAead(KEY).decrypt(too_long + bytes(aead.OVERHEAD_BYTES), b"")
    with pytest.raises(AuthenticationFailed):
        decrypt_once(KEY, too_long + bytes(aead.TAG_BYTES), b"")


def test_n_has_16_bytes():
    with pytest.raises(ValueError):
        DerivedKeyAead(KEY).unsafe_encrypt_with_n(bytes(15), b"", b"")


def test_nothing_secret_shows():
    cipher = DerivedKeyAead(KEY)
    assert repr(cipher) == "DerivedKeyAead(key hidden)"
    with pytest.raises(AuthenticationFailed) as failure:
        cipher.decrypt(bytes(40), b"aad of the caller")
    assert str(failure.value) == "authentication failed"
    assert failure.value.__cause__ is None


def test_one_cipher_serves_many_threads():
    cipher = DerivedKeyAead(KEY)
    failures: list[object] = []

    def work(number: int) -> None:
        plaintext = bytes([number]) * 5000
        for _ in range(200):
            try:
                assert cipher.decrypt(cipher.encrypt(plaintext, b""), b"") == plaintext
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
