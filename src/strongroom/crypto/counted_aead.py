"""AES-GCM with nonces that count (NIST SP 800-38D, section 8.2.1), under a key that encrypts one message only.

The parts of a message are sealed one after the other; the nonce of each is its number, as 12 bytes. For formats that
are laid down elsewhere: `crypto.stream` is what Strongroom's own are made with.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.base.buffer import Buffer
from strongroom.crypto.aead import TAG_BYTES, AuthenticationFailed

NONCE_BYTES = 12
PARTS_MAX = 2**32
PART_BYTES_MAX = 2**31 - 1
"""What the library takes at once; AES-GCM itself could do with more."""


class CountingSealer:
    """Seals the parts of one message, numbered from 0. Not to be shared between threads without a lock.

    The key has 16, 24 or 32 bytes, and must never be given to a second sealer: equal nonces give messages away.
    Raises ValueError for a key of another length.
    """

    __slots__ = ("_cipher", "next_number")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.next_number = 0

    def __repr__(self) -> str:
        return f"CountingSealer(key hidden, {self.next_number} parts sealed)"

    def seal_into(self, plaintext: Buffer, aad: Buffer, sealed: bytearray | memoryview) -> None:
        """Seal the next part into `sealed`, exactly `TAG_BYTES` longer than `plaintext`, and not overlapping it.

        Raises ValueError for a room of another length, and beyond `PARTS_MAX` or `PART_BYTES_MAX`.
        """
        if self.next_number >= PARTS_MAX:
            raise ValueError("the message has too many parts")
        if len(plaintext) > PART_BYTES_MAX or len(sealed) != len(plaintext) + TAG_BYTES:
            raise ValueError("the room for the sealed part has the wrong length")
        nonce = self.next_number.to_bytes(NONCE_BYTES)
        # The nonce is spent whether or not the encryption succeeds.
        self.next_number += 1
        self._cipher.encrypt_into(nonce, plaintext, aad, sealed)


class PartOpener:
    """Opens parts of one message, in any order, by the nonces that they came with. Safe to share between threads.

    Raises ValueError for a key that has not 16, 24 or 32 bytes.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "PartOpener(key hidden)"

    def open_into(self, nonce: Buffer, sealed: Buffer, aad: Buffer, plaintext: bytearray | memoryview) -> None:
        """Open a part into `plaintext`, exactly `TAG_BYTES` shorter than `sealed`, and not overlapping it.

        Raises AuthenticationFailed for anything but what was sealed with this key, nonce and associated data; nothing
        in `plaintext` is to be used then. Raises ValueError for a nonce or a room of another length.
        """
        if len(nonce) != NONCE_BYTES or len(sealed) != len(plaintext) + TAG_BYTES:
            raise ValueError("the nonce, or the room for the plaintext, has the wrong length")
        try:
            self._cipher.decrypt_into(nonce, sealed, aad, plaintext)
        except InvalidTag:
            raise AuthenticationFailed from None
