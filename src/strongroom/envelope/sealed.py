"""Sealed bytes: how every sensitive value is stored, bound to the place that it is stored in.

    "SR" | version 0x01 | algorithm 0x01 | storage key number (4 bytes) || N (16) || ciphertext || tag (16)

The header and the place are authenticated, so a value that is moved elsewhere does not open.
"""

from strongroom.crypto.aead import OVERHEAD_BYTES as AEAD_OVERHEAD_BYTES
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.envelope.keyring import Keyring

HEADER_BYTES = 8
OVERHEAD_BYTES = HEADER_BYTES + AEAD_OVERHEAD_BYTES
PLACE_CHARACTERS_MAX = 4096

_HEADER_START = b"SR\x01\x01"


class SealBroken(Exception):  # noqa: N818 (it says what happened)
    """What is stored at `place` is not what was sealed for that place. It names the place, never the content."""

    def __init__(self, place: str, why: str = "it was altered, damaged or moved") -> None:
        super().__init__(f"the seal is broken at {place}: {why}")
        self.place = place


class UnknownStorageKey(SealBroken):
    """The header names a storage key that the keyring lacks: it was dropped, or the keyring at hand is an old one."""

    def __init__(self, place: str, number: int) -> None:
        super().__init__(place, f"the keyring has no storage key {number}")
        self.number = number


class Sealer:
    """Seals and opens with the storage keys of one keyring. Safe to share between threads.

    A place is text that names where the value is stored and nothing else: the resource's ARN, the version, the field.
    """

    __slots__ = ("_ciphers", "_encrypt", "_header")

    def __init__(self, keyring: Keyring) -> None:
        # The exact header of each storage key leads to its cipher, so that opening parses nothing.
        self._ciphers = {header_of(number): keyring.aead(number).decrypt for number in keyring.numbers}
        self._header = header_of(keyring.current)
        self._encrypt = keyring.aead(keyring.current).encrypt

    def __repr__(self) -> str:
        return f"Sealer({len(self._ciphers)} storage keys hidden)"

    def seal(self, plaintext: bytes, place: str) -> bytes:
        """Return `plaintext` sealed for `place`, `OVERHEAD_BYTES` longer.

        Raises ValueError for more than `aead.PLAINTEXT_BYTES_MAX` bytes, an empty place or one that is too long.
        """
        if not 0 < len(place) <= PLACE_CHARACTERS_MAX:
            raise ValueError(f"a place has 1 to {PLACE_CHARACTERS_MAX} characters")
        header = self._header
        return header + self._encrypt(plaintext, header + place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return what was sealed for `place`. Raises SealBroken for anything else."""
        header = sealed[:HEADER_BYTES]
        decrypt = self._ciphers.get(header)
        if decrypt is None:
            raise _unreadable(header, place)
        try:
            return decrypt(sealed[HEADER_BYTES:], header + place.encode())
        except AuthenticationFailed:
            raise SealBroken(place) from None

    def is_current(self, sealed: bytes) -> bool:
        """Return whether the header names the storage key that seals now. It says nothing of the rest."""
        return sealed.startswith(self._header)


def header_of(number: int) -> bytes:
    """Return the header of what the storage key `number` seals. Raises OverflowError above 2**32 - 1."""
    return _HEADER_START + number.to_bytes(4)


def _unreadable(header: bytes, place: str) -> SealBroken:
    if len(header) < HEADER_BYTES or not header.startswith(_HEADER_START[:2]):
        return SealBroken(place, "this is not a sealed value")
    if not header.startswith(_HEADER_START):
        return SealBroken(place, "its format version or algorithm is not known")
    return UnknownStorageKey(place, int.from_bytes(header[4:]))
