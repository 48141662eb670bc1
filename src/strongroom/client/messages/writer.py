"""Writes messages: from memory to memory, or from a stream to a stream."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from strongroom.base.buffer import Buffer, as_bytes
from strongroom.client.messages.frame_sealer import FrameSealer
from strongroom.client.messages.materials import EncryptionMaterials
from strongroom.client.messages.signature import signer_of
from strongroom.client.messages.streams import ByteSink, ByteSource, InOrder, await_all, read_fully, write_fully

FRAME_BYTES = 64 * 1024
BLOCK_BYTES = 1024 * 1024
BLOCKS = 4


def seal_message(
    materials: EncryptionMaterials,
    plaintext: Buffer,
    *,
    frame_bytes: int = FRAME_BYTES,
    unsafe_without_commitment: bool = False,
) -> bytes:
    """Return `plaintext` as a message. Raises ValueError as `write_message` does."""
    _check_suite(materials, unsafe_without_commitment)
    sealer = FrameSealer(materials, frame_bytes)
    start, plaintext = len(sealer.header), as_bytes(plaintext)
    message = bytearray(start + sealer.sealed_bytes(len(plaintext)))
    message[:start] = sealer.header
    with memoryview(message) as room:
        sealer.seal(plaintext, room[start:], is_last=True)
    signer = signer_of(materials)
    if signer is not None:
        signer.update(message)
        message += signer.footer()
    return bytes(message)


def write_message(
    materials: EncryptionMaterials,
    source: ByteSource,
    sink: ByteSink,
    *,
    frame_bytes: int = FRAME_BYTES,
    on_progress: Callable[[int], None] | None = None,
    unsafe_without_commitment: bool = False,
) -> None:
    """Write all that `source` gives to `sink` as one message, with a few megabytes of memory for any length.

    `on_progress` is told how many bytes of plaintext were sealed since it was told last. A suite without key commitment
    must be asked for, and one that derives no key is never written with: it would meet the same nonces with each
    message. Raises ValueError for those, and for what does not fit into a header; and what source and sink raise.
    """
    _check_suite(materials, unsafe_without_commitment)
    sealer = FrameSealer(materials, frame_bytes)
    signer = signer_of(materials)
    if signer is not None:
        signer.update(sealer.header)
    write_fully(sink, sealer.header)
    with InOrder() as hashing, InOrder() as writing:
        blocks = _Blocks(frame_bytes)
        is_first, is_last = True, False
        while not is_last:
            block = blocks.next()
            length = read_fully(source, block.plaintext)
            is_last = length < len(block.plaintext)
            sealed = block.sealed[: sealer.seal(block.plaintext[:length], block.sealed, is_last=is_last)]
            # A message of one block is not worth a thread.
            beside = not (is_first and is_last)
            if signer is not None:
                block.running.append(hashing.run(signer.update, sealed, beside=beside))
            block.running.append(writing.run(partial(write_fully, sink), sealed, beside=beside))
            if on_progress is not None:
                on_progress(length)
            is_first = False
        blocks.finish()
    if signer is not None:
        write_fully(sink, signer.footer())


class _Block:
    """Some frames' plaintext, and room for what they become."""

    def __init__(self, frame_bytes: int) -> None:
        frames = max(1, BLOCK_BYTES // frame_bytes)
        self.plaintext = memoryview(bytearray(frames * frame_bytes))
        self.sealed = memoryview(bytearray(frames * (frame_bytes + 32) + 64))
        self.running: list[Future[object] | None] = []


class _Blocks:
    """A few blocks that are used in turn: while one is filled and sealed, others are signed and written."""

    def __init__(self, frame_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._blocks: list[_Block] = []
        self._index = -1

    def next(self) -> _Block:
        """Return a block that nothing uses any longer. Raises what was raised by what used it."""
        self._index += 1
        if self._index < BLOCKS:
            self._blocks.append(_Block(self._frame_bytes))
        block = self._blocks[self._index % BLOCKS]
        await_all(block.running)
        return block

    def finish(self) -> None:
        """Wait until nothing uses any block. Raises what was raised."""
        for _ in self._blocks:
            self._index += 1
            await_all(self._blocks[self._index % len(self._blocks)].running)


def _check_suite(materials: EncryptionMaterials, unsafe_without_commitment: bool) -> None:
    suite = materials.suite
    if suite.kdf_hash is None:
        raise ValueError(f"messages are not written with the suite {suite}, which derives no key")
    if not suite.commits and not unsafe_without_commitment:
        raise ValueError(f"the suite {suite} has no key commitment")
