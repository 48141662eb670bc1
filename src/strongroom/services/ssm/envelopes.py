"""Envelopes: what is kept of an advanced SecureString. docs/formats.md has them byte by byte ("Advanced SecureString").

"PE" | version 0x01 | length of the encrypted data key (2 bytes) || encrypted data key || ciphertext || tag (16)
"""

from strongroom.crypto.aead import AuthenticationFailed, decrypt_once, encrypt_once

START = b"PE\x01"
_KEY_STARTS = len(START) + 2


def seal_in_envelope(data_key: bytes, encrypted_data_key: bytes, value: bytes, arn: str) -> bytes:
    """Return `value` in an envelope for the parameter `arn`. The data key encrypts this one value, ever."""
    sealed = encrypt_once(data_key, value, arn.encode())
    return START + len(encrypted_data_key).to_bytes(2) + encrypted_data_key + sealed


def encrypted_data_key_of(envelope: bytes) -> bytes:
    """Return the encrypted data key of an envelope. Raises AuthenticationFailed for what is no envelope."""
    return envelope[_KEY_STARTS : _key_ends(envelope)]


def open_envelope(data_key: bytes, envelope: bytes, arn: str) -> bytes:
    """Return the value in an envelope. Raises AuthenticationFailed for anything that was not sealed so."""
    return decrypt_once(data_key, envelope[_key_ends(envelope) :], arn.encode())


def _key_ends(envelope: bytes) -> int:
    if not envelope.startswith(START):
        raise AuthenticationFailed
    return _KEY_STARTS + int.from_bytes(envelope[len(START) : _KEY_STARTS])
