"""Opens a message: whether the data key is the header's, then frame by frame, in order."""

from typing import NamedTuple

from strongroom.client.messages.body_layout import (
    FINAL_FRAME,
    FRAME,
    FRAME_HEAD_BYTES,
    FRAME_OVERHEAD_BYTES,
    FRAMES_MAX,
    LAST_FRAME,
    LAST_FRAME_HEAD_BYTES,
    LAST_FRAME_OVERHEAD_BYTES,
    NUMBER_BYTES,
    body_aad,
)
from strongroom.client.messages.errors import NotAuthentic
from strongroom.client.messages.header import MessageHeader
from strongroom.client.messages.materials import DecryptionMaterials
from strongroom.client.messages.message_keys import message_keys
from strongroom.crypto.aead import TAG_BYTES, AuthenticationFailed
from strongroom.crypto.counted_aead import NONCE_BYTES, PartOpener
from strongroom.crypto.mac import equal

_LAST_FRAME_MARK = LAST_FRAME.to_bytes(NUMBER_BYTES)


def authenticated_opener(header: MessageHeader, materials: DecryptionMaterials) -> PartOpener:
    """Return what opens the body, once the data key has authenticated the header. Raises NotAuthentic."""
    if len(materials.data_key) != header.suite.data_key_bytes:
        raise NotAuthentic("the data key is not of the message's suite")
    keys = message_keys(header.suite, materials.data_key, header.message_id)
    if not equal(keys.commitment, header.commitment):
        raise NotAuthentic("the message is not committed to this data key")
    opener = PartOpener(keys.encryption_key)
    try:
        opener.open_into(header.nonce, header.tag, header.authenticated, bytearray())
    except AuthenticationFailed:
        raise NotAuthentic("the message's header is not what was written") from None
    return opener


class OpenedFrames(NamedTuple):
    """How much was read, and how much plaintext came of it, in bytes."""

    taken: int
    opened: int


class FrameOpener:
    """Opens a message's frames, which must come in order, each once."""

    def __init__(self, opener: PartOpener, header: MessageHeader) -> None:
        self._opener = opener
        self._message_id = header.message_id
        self._frame_bytes = header.frame_bytes
        self._number = 1
        self.has_ended = False

    def open(self, sealed: memoryview, plaintext: memoryview) -> OpenedFrames:
        """Open the frames that are whole in `sealed`, up to the last one, into `plaintext`, which is as long.

        Raises NotAuthentic. Nothing in `plaintext` is to be used then.
        """
        taken = opened = 0
        while not self.has_ended:
            rest = sealed[taken:]
            if rest[:NUMBER_BYTES] == _LAST_FRAME_MARK:
                found = self._open_last_frame(rest, plaintext[opened:])
            else:
                found = self._open_frame(rest, plaintext[opened:])
            if found is None:
                break
            taken += found.taken
            opened += found.opened
        return OpenedFrames(taken, opened)

    def _open_frame(self, sealed: memoryview, plaintext: memoryview) -> OpenedFrames | None:
        """Return None when the frame is not whole yet."""
        end = self._frame_bytes + FRAME_OVERHEAD_BYTES
        if len(sealed) < end:
            return None
        self._check_number(sealed[:NUMBER_BYTES])
        if self._number > FRAMES_MAX:
            raise NotAuthentic("the message has too many frames")
        nonce = sealed[NUMBER_BYTES:FRAME_HEAD_BYTES]
        self._open_part(FRAME, nonce, sealed[FRAME_HEAD_BYTES:end], plaintext[: self._frame_bytes])
        return OpenedFrames(end, self._frame_bytes)

    def _open_last_frame(self, sealed: memoryview, plaintext: memoryview) -> OpenedFrames | None:
        if len(sealed) < LAST_FRAME_OVERHEAD_BYTES:
            return None
        length = int.from_bytes(sealed[LAST_FRAME_HEAD_BYTES - 4 : LAST_FRAME_HEAD_BYTES])
        if length > self._frame_bytes:
            raise NotAuthentic("the last frame is longer than a frame may be")
        end = length + LAST_FRAME_OVERHEAD_BYTES
        if len(sealed) < end:
            return None
        self._check_number(sealed[NUMBER_BYTES : 2 * NUMBER_BYTES])
        nonce = sealed[2 * NUMBER_BYTES : 2 * NUMBER_BYTES + NONCE_BYTES]
        self._open_part(FINAL_FRAME, nonce, sealed[LAST_FRAME_HEAD_BYTES:end], plaintext[:length])
        self.has_ended = True
        return OpenedFrames(end, length)

    def _check_number(self, number: memoryview) -> None:
        if int.from_bytes(number) != self._number:
            raise NotAuthentic(f"frame {self._number} is not where it must be")

    def _open_part(self, kind: bytes, nonce: memoryview, sealed: memoryview, plaintext: memoryview) -> None:
        aad = body_aad(self._message_id, kind, self._number, len(sealed) - TAG_BYTES)
        try:
            self._opener.open_into(nonce, sealed, aad, plaintext)
        except AuthenticationFailed:
            raise NotAuthentic(f"frame {self._number} is not what was written") from None
        self._number += 1
