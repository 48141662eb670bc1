"""Segmented authenticated encryption: long messages that open from any place, with AES-256-GCM (NIST SP 800-38D).

A stream is a head, `N (16 random bytes) || commitment (32)`, and segments, each sealed on its own as
`ciphertext || tag (16)`. All segments but the last have `segment_bytes` bytes of plaintext; the last one has at least
one, and none only when the whole message is empty. The cipher key and the commitment are the two halves of the 64 bytes
KBKDF(key, label, N || segment_bytes || associated data), see `crypto.kdf`. The nonce of a segment is its index (11
bytes) and one byte that is 1 for the last segment and 0 for all others.

So a segment opens at its own index only, and the last one as the last only: segments that were left out, added,
exchanged or taken from another stream are refused. The commitment ties the head to one key and one associated data:
nobody can make a stream that opens with two of them, and a wrong one is found before any segment is read.

Both classes keep to what AES-GCM needs under one key: no nonce twice (`SegmentSealer` counts, and each has a key of its
own), at most 2**32 segments, at most 16 MiB in each, far below the 64 GiB that one nonce is good for.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.base.buffer import Buffer
from strongroom.crypto.aead import KEY_BYTES, N_BYTES, TAG_BYTES, AuthenticationFailed
from strongroom.crypto.kdf import derive
from strongroom.crypto.mac import equal

COMMITMENT_BYTES = 32
HEAD_BYTES = N_BYTES + COMMITMENT_BYTES
SEGMENT_BYTES_MAX = 16 * 1024 * 1024
SEGMENTS_MAX = 2**32

_LABEL = b"strongroom aes-256-gcm stream v1"


class SegmentSealer:
    """Seals one message, segment by segment, in order. Not to be shared between threads without a lock.

    `key` may seal any number of streams: each has a cipher key of its own. `aad` is authenticated, not contained.
    Raises ValueError for a key that has not 32 bytes, and for segments of no byte or more than `SEGMENT_BYTES_MAX`.
    """

    __slots__ = ("_cipher", "_ended", "_index", "head", "segment_bytes")

    def __init__(self, key: bytes, aad: bytes, segment_bytes: int) -> None:
        self._start(key, os.urandom(N_BYTES), aad, segment_bytes)

    @classmethod
    def unsafe_with_n(cls, key: bytes, n: bytes, aad: bytes, segment_bytes: int) -> "SegmentSealer":
        """Return the sealer that would have drawn `n` (16 bytes). For test vectors only.

        Two messages with the same key, `n` and `aad` give each other away, and let anybody forge more.
        """
        if len(n) != N_BYTES:
            raise ValueError(f"N has {N_BYTES} bytes")
        sealer = cls.__new__(cls)
        sealer._start(key, n, aad, segment_bytes)
        return sealer

    def _start(self, key: bytes, n: bytes, aad: bytes, segment_bytes: int) -> None:
        self._cipher, commitment = _cipher_of(key, n, aad, segment_bytes)
        self._index = 0
        self._ended = False
        self.segment_bytes = segment_bytes
        self.head = n + commitment

    def __repr__(self) -> str:
        return f"SegmentSealer(key hidden, {self._index} segments sealed)"

    def seal_into(self, plaintext: Buffer, sealed: bytearray | memoryview, *, is_last: bool) -> None:
        """Seal the next segment into `sealed`, which is exactly `TAG_BYTES` longer than `plaintext`.

        Raises ValueError for a segment of the wrong length, after the last one, and beyond `SEGMENTS_MAX`. The two
        buffers must not overlap.
        """
        if self._ended or self._index >= SEGMENTS_MAX:
            raise ValueError("the stream has ended")
        if not _is_segment(len(plaintext), self.segment_bytes, self._index, is_last=is_last):
            raise ValueError(f"a segment of {len(plaintext)} bytes does not belong here")
        if len(sealed) != len(plaintext) + TAG_BYTES:
            raise ValueError("the room for the sealed segment has the wrong length")
        nonce = _nonce(self._index, is_last=is_last)
        # The nonce is spent whether or not the encryption succeeds.
        self._index += 1
        self._ended = is_last
        self._cipher.encrypt_into(nonce, plaintext, None, sealed)


class SegmentOpener:
    """Opens the segments of one stream, in any order. Safe to share between threads.

    Raises AuthenticationFailed when `head` was not made with this key, associated data and segment size, and ValueError
    for a key or a segment size that `SegmentSealer` would not take.
    """

    __slots__ = ("_cipher", "segment_bytes")

    def __init__(self, key: bytes, head: bytes, aad: bytes, segment_bytes: int) -> None:
        if len(head) != HEAD_BYTES:
            raise AuthenticationFailed
        self._cipher, commitment = _cipher_of(key, head[:N_BYTES], aad, segment_bytes)
        if not equal(commitment, head[N_BYTES:]):
            raise AuthenticationFailed
        self.segment_bytes = segment_bytes

    def __repr__(self) -> str:
        return "SegmentOpener(key hidden)"

    def open(self, index: int, sealed: Buffer, *, is_last: bool) -> bytes:
        """Return the plaintext of segment `index`, counted from 0.

        Raises AuthenticationFailed for anything but the whole sealed segment of that index, and when `is_last` is not
        what it was sealed with.
        """
        length = len(sealed) - TAG_BYTES
        if not 0 <= index < SEGMENTS_MAX or not _is_segment(length, self.segment_bytes, index, is_last=is_last):
            raise AuthenticationFailed
        try:
            return self._cipher.decrypt(_nonce(index, is_last=is_last), sealed, None)
        except InvalidTag:
            raise AuthenticationFailed from None


def _cipher_of(key: bytes, n: bytes, aad: bytes, segment_bytes: int) -> tuple[AESGCM, bytes]:
    """Return the cipher of a stream, and its commitment."""
    if len(key) != KEY_BYTES:
        raise ValueError("the key has 32 bytes")
    if not 0 < segment_bytes <= SEGMENT_BYTES_MAX:
        raise ValueError(f"a segment has 1 to {SEGMENT_BYTES_MAX} bytes")
    derived = derive(key, _LABEL, n + segment_bytes.to_bytes(4) + aad, KEY_BYTES + COMMITMENT_BYTES)
    return AESGCM(derived[:KEY_BYTES]), derived[KEY_BYTES:]


def _is_segment(length: int, segment_bytes: int, index: int, *, is_last: bool) -> bool:
    """Return whether a segment at this index may have this length. There is one way only to cut up a message."""
    if is_last:
        return length <= segment_bytes and (length > 0 or (index == 0 and length == 0))
    return length == segment_bytes


def _nonce(index: int, *, is_last: bool) -> bytes:
    return (index << 8 | is_last).to_bytes(12)
