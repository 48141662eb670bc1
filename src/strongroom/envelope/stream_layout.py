"""Where the bytes of a sealed object are: plain arithmetic between places in the object and in what is stored."""

from dataclasses import dataclass

from strongroom.crypto.aead import TAG_BYTES
from strongroom.crypto.stream import HEAD_BYTES as STREAM_HEAD_BYTES
from strongroom.crypto.stream import SEGMENT_BYTES_MAX, SEGMENTS_MAX

SEGMENT_BYTES = 256 * 1024
LAYERS_MAX = 2

_FORMAT_BYTES = 8
LAYER_HEADER_BYTES = _FORMAT_BYTES + STREAM_HEAD_BYTES


@dataclass(frozen=True, slots=True)
class StreamLayout:
    """How an object is cut into segments of `segment_bytes`, each sealed by one or two `layers`.

    Raises ValueError for what cannot be.
    """

    segment_bytes: int = SEGMENT_BYTES
    layers: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.layers <= LAYERS_MAX:
            raise ValueError(f"an object is sealed by 1 to {LAYERS_MAX} layers")
        if not 0 < self.segment_bytes <= SEGMENT_BYTES_MAX - TAG_BYTES * (LAYERS_MAX - 1):
            raise ValueError(f"a segment of {self.segment_bytes} bytes is empty or too long")

    @property
    def header_bytes(self) -> int:
        """The bytes in front of the first segment."""
        return self.layers * LAYER_HEADER_BYTES

    @property
    def sealed_segment_bytes(self) -> int:
        """What a whole segment takes when it is sealed."""
        return self.segment_bytes + self.layers * TAG_BYTES

    def segments(self, plaintext_bytes: int) -> int:
        """Return how many segments an object of this size has: one at least. Raises ValueError when it is too long."""
        if not 0 <= plaintext_bytes <= SEGMENTS_MAX * self.segment_bytes:
            raise ValueError(f"an object cannot have {plaintext_bytes} bytes in segments of {self.segment_bytes}")
        return max(1, -(-plaintext_bytes // self.segment_bytes))

    def stored_bytes(self, plaintext_bytes: int) -> int:
        """Return how many bytes are stored for an object of this size. Raises ValueError when it is too long."""
        return self.header_bytes + plaintext_bytes + self.segments(plaintext_bytes) * self.layers * TAG_BYTES

    def plaintext_bytes(self, stored_bytes: int) -> int:
        """Return the size of the object that takes `stored_bytes`. Raises ValueError when no object does."""
        whole, rest = divmod(stored_bytes - self.header_bytes, self.sealed_segment_bytes)
        plaintext_bytes = whole * self.segment_bytes + (max(0, rest - self.layers * TAG_BYTES) if rest else 0)
        if stored_bytes < self.header_bytes or self.stored_bytes(plaintext_bytes) != stored_bytes:
            raise ValueError(f"no object takes {stored_bytes} bytes")
        return plaintext_bytes

    def segment_offset(self, index: int) -> int:
        """Return where the sealed segment of this index starts in what is stored."""
        return self.header_bytes + index * self.sealed_segment_bytes
