"""Checksums and digests that data is compared by, computed as it comes. None of them keeps a secret.

CRC-32 (ISO 3309), CRC-32C (RFC 3720, section 12.1), CRC-64/NVME (NVM Express NVM Command Set Specification), MD5 (RFC
1321), SHA-1, SHA-256 and SHA-512 (FIPS 180-4), XXH64, XXH3 with 64 bits and XXH128 (the xxHash specification), all with
the seed zero. Digests are bytes, most significant first. Against somebody who looks for collisions only SHA-256 and
SHA-512 hold; the others find accidents.

Libraries were chosen by measurement: isal computes a CRC-32 ten times as fast as zlib, and awscrt the other two CRCs
about as fast as memory is read.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import xxhash
from isal.isal_zlib import crc32, crc32_combine

from strongroom.base.buffer import Buffer


class Checksum(Protocol):
    """A checksum of all that `update` was given. One thread at a time."""

    def update(self, data: Buffer, /) -> object:
        """Add data, without keeping it."""

    def digest(self) -> bytes:
        """Return the checksum so far."""


class _Crc:
    __slots__ = ("_bytes", "_function", "_value")

    def __init__(self, function: Callable[[Buffer, int], int], width_bytes: int) -> None:
        self._function = function
        self._value = 0
        self._bytes = width_bytes

    def update(self, data: Buffer, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._bytes)


class _Algorithm(NamedTuple):
    digest_bytes: int
    new: Callable[[], Checksum]
    combiner: Callable[[], Callable[[int, int, int], int]] | None = None


def _awscrt(function: str) -> Any:
    """Return a function of awscrt, which is imported on first use: that takes 75 milliseconds."""
    from awscrt import checksums

    return getattr(checksums, function)


_ALGORITHMS = {
    "crc32": _Algorithm(4, lambda: _Crc(crc32, 4), lambda: crc32_combine),
    "crc32c": _Algorithm(4, lambda: _Crc(_awscrt("crc32c"), 4), lambda: _awscrt("combine_crc32c")),
    "crc64nvme": _Algorithm(8, lambda: _Crc(_awscrt("crc64nvme"), 8), lambda: _awscrt("combine_crc64nvme")),
    "md5": _Algorithm(16, lambda: hashlib.md5(usedforsecurity=False)),
    "sha1": _Algorithm(20, lambda: hashlib.sha1(usedforsecurity=False)),
    "sha256": _Algorithm(32, hashlib.sha256),
    "sha512": _Algorithm(64, hashlib.sha512),
    "xxhash64": _Algorithm(8, xxhash.xxh64),
    "xxhash3": _Algorithm(8, xxhash.xxh3_64),
    "xxhash128": _Algorithm(16, xxhash.xxh3_128),
}

ALGORITHMS = tuple(_ALGORITHMS)
COMBINABLE_ALGORITHMS = tuple(name for name, algorithm in _ALGORITHMS.items() if algorithm.combiner)


def new_checksum(algorithm: str) -> Checksum:
    """Return a checksum of nothing yet, by one of `ALGORITHMS`. Raises ValueError for another."""
    return _algorithm(algorithm).new()


def is_quick(checksum: object) -> bool:
    """Return whether a checksum of a megabyte takes less time than a thread takes to begin with it: some 50 µs."""
    return isinstance(checksum, _Crc)


def checksum_of(algorithm: str, data: Buffer) -> bytes:
    """Return the checksum of `data`. Raises ValueError for an algorithm that is not one of `ALGORITHMS`."""
    checksum = new_checksum(algorithm)
    checksum.update(data)
    return checksum.digest()


def digest_bytes(algorithm: str) -> int:
    """Return how many bytes a checksum has. Raises ValueError for an algorithm that is not one of `ALGORITHMS`."""
    return _algorithm(algorithm).digest_bytes


def combine(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the checksum of the whole from those of its parts, each with the part's length in bytes, in order.

    Raises ValueError for an algorithm that is not one of `COMBINABLE_ALGORITHMS`, and for a checksum of another length.
    """
    width, _, combiner = _algorithm(algorithm)
    if combiner is None:
        raise ValueError(f"checksums by {algorithm} cannot be combined")
    combined, value = combiner(), 0
    for digest, length_bytes in parts:
        if len(digest) != width or length_bytes < 0:
            raise ValueError(f"a checksum by {algorithm} has {width} bytes, and a part no negative length")
        value = combined(value, int.from_bytes(digest), length_bytes)
    return value.to_bytes(width)


class Checksums:
    """Several checksums of the same data. Raises ValueError for an algorithm that is not one of `ALGORITHMS`."""

    __slots__ = ("_by_algorithm",)

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._by_algorithm = {algorithm: new_checksum(algorithm) for algorithm in algorithms}

    def update(self, data: Buffer, /) -> None:
        """Add data to all of them, without keeping it."""
        for checksum in self._by_algorithm.values():
            checksum.update(data)

    def digest(self, algorithm: str) -> bytes:
        """Return one of the checksums so far. Raises KeyError for an algorithm that was not asked for."""
        return self._by_algorithm[algorithm].digest()


def _algorithm(name: str) -> _Algorithm:
    try:
        return _ALGORITHMS[name]
    except KeyError:
        raise ValueError(f"the algorithm is one of {', '.join(_ALGORITHMS)}") from None
