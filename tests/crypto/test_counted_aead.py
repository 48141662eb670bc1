import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.crypto import counted_aead
from strongroom.crypto.aead import TAG_BYTES, AuthenticationFailed
from strongroom.crypto.counted_aead import CountingSealer, PartOpener

KEY = bytes(range(32))


def sealed(sealer: CountingSealer, plaintext: bytes, aad: bytes = b"aad") -> bytes:
    room = bytearray(len(plaintext) + TAG_BYTES)
    sealer.seal_into(plaintext, aad, room)
    return bytes(room)


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
def test_nonces_count(key_bytes: int) -> None:
    key = KEY[:key_bytes]
    sealer, cipher = CountingSealer(key), AESGCM(key)
    for number, plaintext in enumerate((b"", b"one", b"one", b"three")):
        assert sealed(sealer, plaintext) == cipher.encrypt(number.to_bytes(12), plaintext, b"aad")
        assert sealer.next_number == number + 1


def test_a_part_opens_with_its_nonce_and_data_alone() -> None:
    part, opener = sealed(CountingSealer(KEY), b"plaintext"), PartOpener(KEY)
    room = bytearray(9)
    opener.open_into(bytes(12), part, b"aad", room)
    assert room == b"plaintext"
    for nonce, content, aad in (
        ((1).to_bytes(12), part, b"aad"),
        (bytes(12), part, b"dad"),
        (bytes(12), part[:-1] + bytes([part[-1] ^ 1]), b"aad"),
    ):
        with pytest.raises(AuthenticationFailed):
            opener.open_into(nonce, content, aad, bytearray(9))
    with pytest.raises(AuthenticationFailed):
        PartOpener(KEY[::-1]).open_into(bytes(12), part, b"aad", room)


def test_lengths_and_counts_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer, opener = CountingSealer(KEY), PartOpener(KEY)
    for room in (bytearray(18), bytearray(20)):
        with pytest.raises(ValueError, match="length"):
            sealer.seal_into(b"one", b"", room)
        with pytest.raises(ValueError, match="length"):
            opener.open_into(bytes(12), bytes(20), b"", bytearray(len(room) - 15))
    with pytest.raises(ValueError, match="length"):
        opener.open_into(bytes(16), bytes(20), b"", bytearray(4))
    assert sealer.next_number == 0
    monkeypatch.setattr(counted_aead, "PARTS_MAX", 1)
    sealed(sealer, b"")
    with pytest.raises(ValueError, match="too many parts"):
        sealed(sealer, b"")
    for kind in (CountingSealer, PartOpener):
        with pytest.raises(ValueError, match="128, 192, or 256"):
            kind(KEY[:20])


def test_keys_are_not_shown() -> None:
    assert "hidden" in repr(CountingSealer(KEY))
    assert "hidden" in repr(PartOpener(KEY))
