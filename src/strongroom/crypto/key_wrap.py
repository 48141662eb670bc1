"""Keys encrypted under other keys: AES key wrap with padding, alone or under an RSA key."""

from cryptography.hazmat.primitives import keywrap

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.rsa import RsaPrivateKey

AES_KEY_BYTES = (16, 24, 32)


def aes_key_unwrap_with_padding(wrapping_key: bytes, wrapped: bytes) -> bytes:
    """Return what was wrapped under an AES key. Source: RFC 5649, NIST SP 800-38F (KWP).

    Raises AuthenticationFailed for what was not wrapped under this key, and ValueError for a wrapping key that has not
    16, 24 or 32 bytes.
    """
    if len(wrapping_key) not in AES_KEY_BYTES:
        raise ValueError("an AES key has 16, 24 or 32 bytes")
    try:
        return keywrap.aes_key_unwrap_with_padding(wrapping_key, wrapped)
    except keywrap.InvalidUnwrap:
        raise AuthenticationFailed from None


def rsa_aes_key_unwrap(private_key: RsaPrivateKey, wrapped: bytes, hash_name: str) -> bytes:
    """Return what was wrapped under an AES key of its own, whose RSA-OAEP encryption stands in front.

    Raises AuthenticationFailed, whatever is wrong. Source: PKCS #11 version 3.0, section 2.1.21 (CKM_RSA_AES_KEY_WRAP).
    """
    split = private_key.bits // 8
    wrapping_key = private_key.decrypt_oaep(wrapped[:split], hash_name)
    if len(wrapping_key) not in AES_KEY_BYTES:
        raise AuthenticationFailed
    return aes_key_unwrap_with_padding(wrapping_key, wrapped[split:])
