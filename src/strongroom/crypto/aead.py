"""Authenticated encryption with associated data: AES-256-GCM (NIST SP 800-38D), each message under a key of its own.

With one key and random 96-bit nonces, AES-GCM is good for 2**32 messages only. Here each message gets a key derived
from the long-lived key and a random 128-bit number N, so the nonce does not matter and that limit is never near.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.crypto.kdf import PreparedKdf

KEY_BYTES = 32
N_BYTES = 16
TAG_BYTES = 16
OVERHEAD_BYTES = N_BYTES + TAG_BYTES
PLAINTEXT_BYTES_MAX = 64 * 1024 * 1024

_BLOB_BYTES_MAX = PLAINTEXT_BYTES_MAX + OVERHEAD_BYTES

_TOO_LONG = f"at most {PLAINTEXT_BYTES_MAX} bytes can be encrypted as one message"
_LABEL = b"strongroom aes-256-gcm message key v1"

# A constant nonce is safe exactly because no key meets two messages: GCM breaks when one (key, nonce) pair encrypts two
# messages. Equal keys need equal N, and after 2**48 messages two equal N of 128 random bits have a probability of about
# 2**-33. A nonce derived from N would add nothing, since it would repeat exactly when the key does. An attacker who
# tries keys against many messages at once gains a factor of their number, which 256-bit keys can spare.
_NONCE = bytes(12)


class AuthenticationFailed(Exception):  # noqa: N818 (it says what happened)
    """The bytes are not what was encrypted with this key and this associated data. It never says which part differs."""

    def __init__(self) -> None:
        super().__init__("authentication failed")


def encrypt_once(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return `ciphertext || tag` under a 256-bit key that encrypts this one message, ever.

    A second message under the same key would give both away: derive or draw a fresh key for each.
    Raises ValueError for a key that has not 32 bytes, and for more than `PLAINTEXT_BYTES_MAX` bytes.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("an AES-256 key has 32 bytes")
    if len(plaintext) > PLAINTEXT_BYTES_MAX:
        raise ValueError(_TOO_LONG)
    return AESGCM(key).encrypt(_NONCE, plaintext, aad)


def decrypt_once(key: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    """Return the plaintext of what `encrypt_once` gave.

    Raises AuthenticationFailed, and ValueError for a key that has not 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("an AES-256 key has 32 bytes")
    if len(ciphertext) > PLAINTEXT_BYTES_MAX + TAG_BYTES:
        raise AuthenticationFailed
    try:
        return AESGCM(key).decrypt(_NONCE, ciphertext, aad)
    except InvalidTag:
        raise AuthenticationFailed from None


class DerivedKeyAead:
    """AES-256-GCM under one long-lived 256-bit key, for any number of messages. Safe to share between threads.

    A message becomes `N (16 bytes) || ciphertext || tag (16 bytes)`; its key is KBKDF(key, label, N), see `crypto.kdf`.
    Raises ValueError for a key that has not 32 bytes.
    """

    __slots__ = ("_derive",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("the key has 32 bytes")
        self._derive = PreparedKdf(key, _LABEL).derive

    def __repr__(self) -> str:
        return "DerivedKeyAead(key hidden)"

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return `N || ciphertext || tag`, 32 bytes longer than `plaintext`; `aad` is authenticated, not contained.

        Raises ValueError for more than `PLAINTEXT_BYTES_MAX` bytes.
        """
        if len(plaintext) > PLAINTEXT_BYTES_MAX:
            raise ValueError(_TOO_LONG)
        n = os.urandom(16)
        return n + AESGCM(self._derive(n)).encrypt(_NONCE, plaintext, aad)

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed for what `encrypt` did not make with this `aad`."""
        if not OVERHEAD_BYTES <= len(blob) <= _BLOB_BYTES_MAX:
            raise AuthenticationFailed
        try:
            return AESGCM(self._derive(blob[:16])).decrypt(_NONCE, blob[16:], aad)
        except InvalidTag:
            raise AuthenticationFailed from None

    def unsafe_encrypt_with_n(self, n: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Return what `encrypt` would have returned had it drawn `n` (16 bytes). For test vectors only.

        Two messages with the same key and the same `n` give each other away, and let anybody forge more.
        """
        if len(n) != N_BYTES:
            raise ValueError("N has 16 bytes")
        return n + encrypt_once(self._derive(n), plaintext, aad)
