"""Seals the frames of one message, in order."""

from strongroom.base.buffer import Buffer
from strongroom.client.messages.body_layout import (
    FINAL_FRAME,
    FRAME,
    FRAME_HEAD_BYTES,
    FRAME_OVERHEAD_BYTES,
    LAST_FRAME,
    LAST_FRAME_HEAD_BYTES,
    LAST_FRAME_OVERHEAD_BYTES,
    body_aad,
)
from strongroom.client.messages.header import written_header
from strongroom.client.messages.materials import EncryptionMaterials
from strongroom.client.messages.message_keys import message_keys
from strongroom.crypto.aead import TAG_BYTES
from strongroom.crypto.counted_aead import NONCE_BYTES, CountingSealer
from strongroom.crypto.random import random_bytes


class FrameSealer:
    """Writes a message's header and frames, each into room that the caller has. Not to be shared between threads.

    The last frame has fewer bytes than the others, and may have none: there is one way only to cut up a message.
    Raises ValueError for what a header cannot say.
    """

    def __init__(self, materials: EncryptionMaterials, frame_bytes: int) -> None:
        suite = materials.suite
        self._message_id = random_bytes(suite.message_id_bytes)
        keys = message_keys(suite, materials.data_key, self._message_id)
        # Part 0 is the header, so that the nonce of each frame is its number: frames are numbered from 1.
        self._sealer = CountingSealer(keys.encryption_key)
        self.frame_bytes = frame_bytes
        header = written_header(materials, self._message_id, frame_bytes, keys.commitment)
        tag = bytearray(TAG_BYTES)
        self._sealer.seal_into(b"", header, tag)
        self.header = header + (bytes(NONCE_BYTES) if suite.message_version == 1 else b"") + tag

    def sealed_bytes(self, plaintext_bytes: int) -> int:
        """Return how long all frames of a message with so much plaintext are."""
        frames = plaintext_bytes // self.frame_bytes
        return plaintext_bytes + frames * FRAME_OVERHEAD_BYTES + LAST_FRAME_OVERHEAD_BYTES

    def seal(self, plaintext: Buffer, room: memoryview, *, is_last: bool) -> int:
        """Seal plaintext that follows what was sealed before into `room`; return how many bytes of it are filled.

        Unless it is the last, it is of whole frames. Raises ValueError where it is not, and beyond 2**32 - 1 frames.
        """
        content, end = memoryview(plaintext), 0
        whole = len(content) - len(content) % self.frame_bytes
        for start in range(0, whole, self.frame_bytes):
            end += self._seal_frame(content[start : start + self.frame_bytes], room[end:])
        if is_last:
            end += self._seal_last_frame(content[whole:], room[end:])
        elif whole < len(content):
            raise ValueError("only the last frame is shorter than the others")
        return end

    def _seal_frame(self, plaintext: memoryview, room: memoryview) -> int:
        number, length = self._sealer.next_number, len(plaintext)
        if number == LAST_FRAME:
            raise ValueError("the message has too many frames")
        room[:FRAME_HEAD_BYTES] = number.to_bytes(4) + number.to_bytes(NONCE_BYTES)
        end = length + FRAME_OVERHEAD_BYTES
        aad = body_aad(self._message_id, FRAME, number, length)
        self._sealer.seal_into(plaintext, aad, room[FRAME_HEAD_BYTES:end])
        return end

    def _seal_last_frame(self, plaintext: memoryview, room: memoryview) -> int:
        number, length = self._sealer.next_number, len(plaintext)
        head = (LAST_FRAME.to_bytes(4), number.to_bytes(4), number.to_bytes(NONCE_BYTES), length.to_bytes(4))
        room[:LAST_FRAME_HEAD_BYTES] = b"".join(head)
        end = length + LAST_FRAME_OVERHEAD_BYTES
        aad = body_aad(self._message_id, FINAL_FRAME, number, length)
        self._sealer.seal_into(plaintext, aad, room[LAST_FRAME_HEAD_BYTES:end])
        return end
