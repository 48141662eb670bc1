"""A range of an object, opened piece by piece: the part of reading that blocks."""

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from strongroom.envelope.sealed import SealBroken
from strongroom.envelope.stream_layout import LAYER_HEADER_BYTES
from strongroom.envelope.streams import StreamOpener
from strongroom.operations.sealed_blobs.reference import BlobReference
from strongroom.operations.sealed_blobs.scratch import scratch
from strongroom.storage.blobs.errors import BlobTooShort
from strongroom.storage.blobs.store import BlobReader, BlobStore


class Piece(NamedTuple):
    """Some plaintext, in parts of a segment or less, and whether the range ends with it."""

    parts: list[bytes]
    is_last: bool


def opened_pieces(
    blobs: BlobStore, reference: BlobReference, keys: Sequence[bytes], place: str, start: int, end: int
) -> Generator[Piece, None, None]:
    """Yield the plaintext from `start` up to `end`, one piece or more, of the store's `read_bytes` or so.

    Only the segments that the range touches are read. Every `next` blocks, in any thread, one at a time; nothing is
    opened before the first. Raises SealBroken, BlobMissing and BlobsUnavailable.
    """
    with contextlib.closing(blobs.open(reference.name)) as blob:
        try:
            opener = _open_header(blob, reference, keys, place)
            yield from _read(blob, opener, reference, start, end, blobs.read_bytes)
        except BlobTooShort:
            raise SealBroken(place, "it was cut short") from None


def _open_header(blob: BlobReader, reference: BlobReference, keys: Sequence[bytes], place: str) -> StreamOpener:
    header = bytearray(len(keys) * LAYER_HEADER_BYTES)
    blob.read_into(0, memoryview(header))
    opener = StreamOpener(bytes(header), keys, place)
    # The rest of an object that was cut short at the end of a segment would open, but for its last segment.
    if not blob.size() == reference.stored_bytes == opener.layout.stored_bytes(reference.plaintext_bytes):
        raise SealBroken(place, "it was cut short or added to")
    return opener


def _read(
    blob: BlobReader, opener: StreamOpener, reference: BlobReference, start: int, end: int, read_bytes: int
) -> Iterator[Piece]:
    layout = opener.layout
    last_of_all = layout.segments(reference.plaintext_bytes) - 1
    # An empty object has a segment too, which says that it is empty.
    if start == end and reference.plaintext_bytes:
        yield Piece([], is_last=True)
        return
    first, last = start // layout.segment_bytes, max(0, end - 1) // layout.segment_bytes
    count = max(1, read_bytes // layout.segment_bytes)
    for begin in range(first, last + 1, count):
        stop = min(begin + count, last + 1)
        offset = layout.segment_offset(begin)
        sealed = scratch("sealed", min(layout.segment_offset(stop), reference.stored_bytes) - offset)
        blob.read_into(offset, sealed)
        parts = []
        for index in range(begin, stop):
            at = layout.segment_offset(index) - offset
            part = opener.open(index, sealed[at : at + layout.sealed_segment_bytes], is_last=index == last_of_all)
            base = index * layout.segment_bytes
            parts.append(part[max(0, start - base) : end - base])
        yield Piece([part for part in parts if part], is_last=stop > last)
