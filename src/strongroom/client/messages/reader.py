"""Reads messages: from memory to memory, or from a stream to a stream. Only what is authentic is handed on."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from strongroom.base.buffer import Buffer, as_bytes
from strongroom.client.messages.body_layout import (
    LAST_FRAME_OVERHEAD_BYTES,
    ONE_PIECE,
    ONE_PIECE_HEAD_BYTES,
    body_aad,
)
from strongroom.client.messages.errors import LimitExceeded, NotAuthentic
from strongroom.client.messages.frame_opener import FrameOpener, authenticated_opener
from strongroom.client.messages.header import MessageHeader
from strongroom.client.messages.header_reader import ReadingRules, read_header
from strongroom.client.messages.materials import DecryptionMaterials
from strongroom.client.messages.signature import verification_key, verify
from strongroom.client.messages.streams import ByteSink, ByteSource, InOrder, await_all, read_fully, write_fully
from strongroom.crypto.aead import TAG_BYTES, AuthenticationFailed
from strongroom.crypto.counted_aead import NONCE_BYTES, PartOpener

BLOCK_BYTES = 1024 * 1024
BLOCKS = 4
BLOCKS_OF_LONG_FRAMES = 2
_SIGNATURE_BYTES_MAX = 0xFFFF
_CUT_OFF = "the message is cut off"

DEFAULT_RULES = ReadingRules()


class OpenedMessage(NamedTuple):
    """A message that was opened whole."""

    plaintext: bytes
    header: MessageHeader


def open_message(
    message: Buffer, materials_for: Callable[[MessageHeader], DecryptionMaterials], rules: ReadingRules = DEFAULT_RULES
) -> OpenedMessage:
    """Return the plaintext of a message, and its header. Raises as `MessageReader` does, and as `materials_for`."""
    content = as_bytes(message)
    reader = MessageReader(io.BytesIO(content), rules, source_bytes_max=len(content))
    plaintext = io.BytesIO()
    reader.write_to(plaintext, materials_for(reader.header))
    return OpenedMessage(plaintext.getvalue(), reader.header)


class MessageReader:
    """Reads one message, which is all that `source` may hold. Its header is read at once, its body by `write_to`.

    A small message takes little memory where `source_bytes_max` tells how long the source is at most.
    Raises UnknownFormat for what is no message or none that the rules accept, LimitExceeded for one that asks for more
    than they allow, NotAuthentic for one that is cut off.
    """

    def __init__(
        self, source: ByteSource, rules: ReadingRules = DEFAULT_RULES, *, source_bytes_max: int | None = None
    ) -> None:
        self._source = source
        self._source_bytes_max = source_bytes_max
        self._rules = rules
        self.header = read_header(source, rules)
        self._verification_key = verification_key(self.header.suite, self.header.encryption_context)
        self._digest = self._begun_digest()

    def write_to(
        self, sink: ByteSink, materials: DecryptionMaterials, on_progress: Callable[[int], None] | None = None
    ) -> None:
        """Write the plaintext to `sink`, once.

        Memory is bounded by the length of a frame, or a few megabytes. A frame is written when it is authentic, the
        last ones (those read together with the end, a megabyte at most) when the whole message is, signature and all:
        what was written before an error is authentic, and not all there is. `on_progress` is told how many bytes of
        the body were read since it was told last.

        Raises NotAuthentic, LimitExceeded, and what source and sink raise.
        """
        opener = authenticated_opener(self.header, materials)
        with InOrder() as hashing, InOrder() as writing:
            if self.header.is_framed:
                self._write_frames(FrameOpener(opener, self.header), sink, hashing, writing, on_progress)
            else:
                self._write_one_piece(opener, sink, on_progress)

    def _write_frames(
        self,
        opener: FrameOpener,
        sink: ByteSink,
        hashing: InOrder,
        writing: InOrder,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        blocks: list[_Block] = []
        size = self._block_bytes()
        count = BLOCKS if size <= BLOCK_BYTES else BLOCKS_OF_LONG_FRAMES
        index, rest = 0, memoryview(b"")
        while True:
            if index < count:
                blocks.append(_Block(size))
            block = blocks[index % count]
            await_all(block.running)
            block.sealed[: len(rest)] = rest
            filled = len(rest) + read_fully(self._source, block.sealed[len(rest) :])
            taken, opened = opener.open(block.sealed[:filled], block.plaintext)
            rest, plaintext = block.sealed[taken:filled], block.plaintext[:opened]
            ends = filled < len(block.sealed)
            beside = not (ends and index == 0)
            if self._digest is not None:
                block.running.append(hashing.run(self._digest.update, block.sealed[:taken], beside=beside))
            if on_progress is not None:
                on_progress(taken)
            if opener.has_ended:
                break
            if ends or not taken:
                # A block that takes no frame either is one of a source that is longer than was said.
                raise NotAuthentic(_CUT_OFF)
            block.running.append(writing.run(partial(write_fully, sink), plaintext, beside=beside))
            index += 1
        for each in sorted(blocks, key=lambda other: other is block):
            await_all(each.running)
        self._check_end(rest)
        write_fully(sink, plaintext)

    def _block_bytes(self) -> int:
        """Return the size of a block: it takes any frame, and is filled by a message that does not end in it."""
        size = max(BLOCK_BYTES, self.header.frame_bytes + LAST_FRAME_OVERHEAD_BYTES)
        return size if self._source_bytes_max is None else min(size, self._source_bytes_max + 1)

    def _write_one_piece(self, opener: PartOpener, sink: ByteSink, on_progress: Callable[[int], None] | None) -> None:
        head = self._taken(ONE_PIECE_HEAD_BYTES)
        length = int.from_bytes(head[NONCE_BYTES:])
        if length > self._rules.frame_bytes_max:
            raise LimitExceeded(
                f"a body of one piece of {length} bytes; at most {self._rules.frame_bytes_max} are accepted"
            )
        sealed, plaintext = self._taken(length + TAG_BYTES), bytearray(length)
        aad = body_aad(self.header.message_id, ONE_PIECE, 1, length)
        try:
            opener.open_into(head[:NONCE_BYTES], sealed, aad, plaintext)
        except AuthenticationFailed:
            raise NotAuthentic("the message's body is not what was written") from None
        if self._digest is not None:
            self._digest.update(head)
            self._digest.update(sealed)
        if on_progress is not None:
            on_progress(len(head) + len(sealed))
        self._check_end(memoryview(b""))
        write_fully(sink, plaintext)

    def _taken(self, length: int) -> bytearray:
        content = bytearray(length)
        if read_fully(self._source, memoryview(content)) < length:
            raise NotAuthentic(_CUT_OFF)
        return content

    def _check_end(self, rest: memoryview) -> None:
        """Return when the signature holds and nothing follows. `rest` was read already."""
        tail = bytearray(2 + _SIGNATURE_BYTES_MAX + 1)
        with memoryview(tail) as room:
            room[: min(len(rest), len(room))] = rest[: len(room)]
            length = min(len(rest), len(room))
            length += read_fully(self._source, room[length:])
        signature_end = 0
        if self._verification_key is not None and self._digest is not None:
            signature_end = 2 + int.from_bytes(tail[:2])
            if length < signature_end:
                raise NotAuthentic("the message is cut off in its signature")
            verify(self._verification_key, bytes(tail[2:signature_end]), self._digest)
        if length > signature_end:
            raise NotAuthentic("something follows the message")

    def _begun_digest(self) -> "hashlib._Hash | None":
        header = self.header
        if header.suite.signature_hash is None:
            return None
        nonce = header.nonce if header.version == 1 else b""
        return hashlib.new(header.suite.signature_hash, header.authenticated + nonce + header.tag)


class _Block:
    """Some frames, and room for their plaintext."""

    def __init__(self, size: int) -> None:
        self.sealed = memoryview(bytearray(size))
        self.plaintext = memoryview(bytearray(size))
        self.running: list[Future[object] | None] = []
