"""Key derivation from a key that is random already: HKDF (RFC 5869), extract and expand."""

from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.base.buffer import Buffer
from strongroom.crypto.hashes import HASHES, ByHashName

_HASHES = ByHashName({name: HASHES[name] for name in ("sha256", "sha384", "sha512")})


def hkdf(key: Buffer, hash_name: str, salt: bytes | None, info: bytes, length_bytes: int) -> bytes:
    """Return `length_bytes` bytes derived from `key`. No salt is as many zero bytes as the hash function gives.

    The hash function is "sha256", "sha384" or "sha512". Raises ValueError for another, and for more than 255 of its
    lengths.
    """
    return HKDF(_HASHES[hash_name], length_bytes, salt, info).derive(key)
