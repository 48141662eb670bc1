"""Sealed objects: what is too long to be one sealed value. They are sealed as they come, and open from any place.

    "SO" | version 0x01 | algorithm 0x01 | segment size (4 bytes) || N (16) || commitment (32) || sealed segments

An object belongs to one place, which is authenticated, so that it does not open elsewhere. It may be sealed by a second
layer with a key of its own: then each sealed segment of the first (inner) layer is sealed once more, and the header of
the second (outer) layer comes in front. Whoever takes the outer layer off is left with the object as the inner one
alone would have sealed it. `docs/formats.md` has every byte.
"""

from collections.abc import Sequence

from strongroom.base.buffer import Buffer
from strongroom.crypto.aead import TAG_BYTES, AuthenticationFailed
from strongroom.crypto.mac import equal
from strongroom.crypto.stream import SEGMENT_BYTES_MAX, SegmentOpener, SegmentSealer
from strongroom.envelope.sealed import PLACE_CHARACTERS_MAX, SealBroken
from strongroom.envelope.stream_layout import LAYER_HEADER_BYTES, LAYERS_MAX, SEGMENT_BYTES, StreamLayout

_FORMAT = b"SO\x01\x01"
_HEAD_AT = len(_FORMAT) + 4


class StreamSealer:
    """Seals one object for a place, segment by segment. Not to be shared between threads without a lock.

    `keys` are the data keys of the layers, the inner one first; each may seal other objects too. The place is text
    that names where the object is stored and nothing else: bucket, key and version. Raises ValueError for keys that are
    equal or have not 32 bytes, and for an empty or too long place.
    """

    __slots__ = ("_between", "_inner", "_outer", "header", "layout")

    def __init__(self, keys: Sequence[bytes], place: str, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.layout = StreamLayout(segment_bytes, _layers_of(keys))
        layers = [
            SegmentSealer(key, _aad_of(place), segment_bytes + depth * TAG_BYTES) for depth, key in enumerate(keys)
        ]
        self._start(layers)

    @classmethod
    def unsafe_with_n(
        cls, keys: Sequence[bytes], ns: Sequence[bytes], place: str, segment_bytes: int
    ) -> "StreamSealer":
        """Return the sealer whose layers would have drawn these N (16 bytes each). For test vectors only."""
        sealer = cls.__new__(cls)
        sealer.layout = StreamLayout(segment_bytes, _layers_of(keys))
        layers = [
            SegmentSealer.unsafe_with_n(key, n, _aad_of(place), segment_bytes + depth * TAG_BYTES)
            for depth, (key, n) in enumerate(zip(keys, ns, strict=True))
        ]
        sealer._start(layers)
        return sealer

    def _start(self, layers: list[SegmentSealer]) -> None:
        self._outer = layers[-1]
        self._inner = layers[0] if len(layers) == LAYERS_MAX else None
        self._between = memoryview(bytearray(self._outer.segment_bytes if self._inner else 0))
        self.header = b"".join(_FORMAT + layer.segment_bytes.to_bytes(4) + layer.head for layer in reversed(layers))

    def __repr__(self) -> str:
        return f"StreamSealer({self.layout})"

    def seal_into(self, plaintext: Buffer, sealed: bytearray | memoryview, *, is_last: bool) -> None:
        """Seal the next segment into `sealed`, which is exactly `TAG_BYTES` longer for each layer.

        Raises ValueError for a segment of the wrong length, after the last one, and beyond `SEGMENTS_MAX`.
        """
        if self._inner is not None:
            between = self._between[: len(plaintext) + TAG_BYTES]
            self._inner.seal_into(plaintext, between, is_last=is_last)
            plaintext = between
        self._outer.seal_into(plaintext, sealed, is_last=is_last)


class StreamOpener:
    """Opens the segments of an object that was sealed for `place`, in any order. Safe to share between threads.

    `header` is how the stored bytes start: `layout.header_bytes` of them. Raises SealBroken when it was not made with
    these keys for this place, and ValueError for keys that `StreamSealer` would not take.
    """

    __slots__ = ("_inner", "_outer", "_place", "layout")

    def __init__(self, header: bytes, keys: Sequence[bytes], place: str) -> None:
        layers = _layers_of(keys)
        if len(header) != layers * LAYER_HEADER_BYTES:
            raise SealBroken(place, "it is shorter than its header")
        self._place = place
        starts = range(len(header) - LAYER_HEADER_BYTES, -1, -LAYER_HEADER_BYTES)
        opened = [
            _open_layer(header[start : start + LAYER_HEADER_BYTES], key, place)
            for start, key in zip(starts, keys, strict=True)
        ]
        self._outer = opened[-1]
        self._inner = opened[0] if layers == LAYERS_MAX else None
        if self._inner is not None and self._outer.segment_bytes != self._inner.segment_bytes + TAG_BYTES:
            raise SealBroken(place, "its two layers do not belong together")
        self.layout = StreamLayout(opened[0].segment_bytes, layers)

    def __repr__(self) -> str:
        return f"StreamOpener({self.layout})"

    def open(self, index: int, sealed: Buffer, *, is_last: bool) -> bytes:
        """Return the plaintext of segment `index`, counted from 0. Raises SealBroken for anything but that segment.

        `is_last` follows from the size of the object. When that size is wrong, the last segment does not open.
        """
        try:
            opened = self._outer.open(index, sealed, is_last=is_last)
            return opened if self._inner is None else self._inner.open(index, opened, is_last=is_last)
        except AuthenticationFailed:
            raise SealBroken(self._place) from None


def seal_object(plaintext: bytes, keys: Sequence[bytes], place: str, segment_bytes: int = SEGMENT_BYTES) -> bytes:
    """Return a whole object sealed for `place`, for what is short enough to be in memory twice. Raises ValueError."""
    sealer = StreamSealer(keys, place, segment_bytes)
    layout = sealer.layout
    sealed = bytearray(layout.stored_bytes(len(plaintext)))
    sealed[: layout.header_bytes] = sealer.header
    source, target = memoryview(plaintext), memoryview(sealed)
    last = layout.segments(len(plaintext)) - 1
    for index in range(last + 1):
        start, offset = index * segment_bytes, layout.segment_offset(index)
        room = target[offset : offset + layout.sealed_segment_bytes]
        sealer.seal_into(source[start : start + segment_bytes], room, is_last=index == last)
    return bytes(sealed)


def open_object(sealed: bytes, keys: Sequence[bytes], place: str) -> bytes:
    """Return the plaintext of a whole sealed object. Raises SealBroken."""
    opener = StreamOpener(sealed[: _layers_of(keys) * LAYER_HEADER_BYTES], keys, place)
    layout = opener.layout
    try:
        last = layout.segments(layout.plaintext_bytes(len(sealed))) - 1
    except ValueError:
        raise SealBroken(place, "it was cut short or added to") from None
    source = memoryview(sealed)
    offsets = (layout.segment_offset(index) for index in range(last + 1))
    return b"".join(
        opener.open(index, source[offset : offset + layout.sealed_segment_bytes], is_last=index == last)
        for index, offset in enumerate(offsets)
    )


def _layers_of(keys: Sequence[bytes]) -> int:
    if not 0 < len(keys) <= LAYERS_MAX:
        raise ValueError(f"an object is sealed by 1 to {LAYERS_MAX} keys")
    # With equal keys, whoever has one of them has both, and the second layer is for show.
    if len(keys) == LAYERS_MAX and equal(keys[0], keys[1]):
        raise ValueError("the two layers have one and the same key")
    return len(keys)


def _aad_of(place: str) -> bytes:
    if not 0 < len(place) <= PLACE_CHARACTERS_MAX:
        raise ValueError(f"a place has 1 to {PLACE_CHARACTERS_MAX} characters")
    return _FORMAT + place.encode()


def _open_layer(header: bytes, key: bytes, place: str) -> SegmentOpener:
    if not header.startswith(_FORMAT[:2]):
        raise SealBroken(place, "this is not a sealed object")
    if not header.startswith(_FORMAT):
        raise SealBroken(place, "its format version or algorithm is not known")
    segment_bytes = int.from_bytes(header[len(_FORMAT) : _HEAD_AT])
    if not 0 < segment_bytes <= SEGMENT_BYTES_MAX:
        raise SealBroken(place, "its segment size is impossible")
    try:
        return SegmentOpener(key, header[_HEAD_AT:], _aad_of(place), segment_bytes)
    except AuthenticationFailed:
        raise SealBroken(place, "it was altered, damaged or moved, or this is not its key") from None
