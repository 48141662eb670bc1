import pytest

from strongroom.crypto.hkdf import hkdf


def test_rfc_5869_case_1() -> None:
    found = hkdf(b"\x0b" * 22, "sha256", bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)
    assert found.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")


def test_rfc_5869_case_3_no_salt() -> None:
    found = hkdf(b"\x0b" * 22, "sha256", None, b"", 42)
    assert found.hex() == ("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    assert found == hkdf(bytearray(b"\x0b" * 22), "sha256", bytes(32), b"", 42)


def test_what_cannot_be_derived() -> None:
    with pytest.raises(ValueError, match="hash function"):
        hkdf(b"key", "sha1", None, b"", 16)
    with pytest.raises(ValueError, match="larger"):
        hkdf(b"key", "sha384", None, b"", 255 * 48 + 1)
