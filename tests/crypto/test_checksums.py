import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.checksums import (
    ALGORITHMS,
    COMBINABLE_ALGORITHMS,
    Checksums,
    checksum_of,
    combine,
    digest_bytes,
    new_checksum,
)

# Check values of the CRC catalogue and of the algorithms' own specifications.
PUBLISHED = [
    ("crc32", b"123456789", "cbf43926"),
    ("crc32c", b"123456789", "e3069283"),
    ("crc32c", bytes(32), "8a9136aa"),
    ("crc64nvme", b"123456789", "ae8b14860a799888"),
    ("md5", b"abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("sha1", b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("sha512", b"", hashlib.sha512().hexdigest()),
    ("xxhash64", b"", "ef46db3751d8e999"),
    ("xxhash3", b"", "2d06800538d394c2"),
    ("xxhash128", b"", "99aa06d3014798d86001c324468d497f"),
]
POLYNOMIALS = {"crc32": (32, 0xEDB88320), "crc32c": (32, 0x82F63B78), "crc64nvme": (64, 0x9A6C9329AC4BC9B5)}


def crc_bit_by_bit(algorithm: str, data: bytes) -> bytes:
    width, polynomial = POLYNOMIALS[algorithm]
    value = 2**width - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return (value ^ (2**width - 1)).to_bytes(width // 8)


@pytest.mark.parametrize(("algorithm", "data", "expected"), PUBLISHED)
def test_published_values(algorithm, data, expected):
    assert checksum_of(algorithm, data).hex() == expected


def test_every_algorithm_has_a_published_value():
    assert {algorithm for algorithm, _, _ in PUBLISHED} == set(ALGORITHMS)


@given(data=st.binary(max_size=200), algorithm=st.sampled_from(sorted(POLYNOMIALS)))
def test_crcs_against_their_definition(data, algorithm):
    assert checksum_of(algorithm, data) == crc_bit_by_bit(algorithm, data)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(chunks=st.lists(st.binary(max_size=100), max_size=6))
def test_chunks_of_any_kind_give_what_the_whole_gives(algorithm, chunks):
    whole = b"".join(chunks)
    for kind in (bytes, bytearray, lambda chunk: memoryview(bytearray(chunk)), lambda chunk: memoryview(chunk)):
        checksum = new_checksum(algorithm)
        for chunk in chunks:
            checksum.update(kind(chunk))
        assert checksum.digest() == checksum.digest() == checksum_of(algorithm, whole)
    assert len(checksum_of(algorithm, whole)) == digest_bytes(algorithm)


@pytest.mark.parametrize("algorithm", COMBINABLE_ALGORITHMS)
@given(parts=st.lists(st.binary(max_size=300), max_size=5))
def test_the_whole_from_its_parts(algorithm, parts):
    combined = combine(algorithm, [(checksum_of(algorithm, part), len(part)) for part in parts])
    assert combined == checksum_of(algorithm, b"".join(parts))


def test_parts_of_five_gibibytes_are_combined_without_them():
    part, length = checksum_of("crc32", b"x"), 5 * 2**30
    assert len(combine("crc32", [(part, length)] * 10_000)) == 4


def test_what_cannot_be_combined():
    assert set(COMBINABLE_ALGORITHMS) == {"crc32", "crc32c", "crc64nvme"}
    for algorithm in set(ALGORITHMS) - set(COMBINABLE_ALGORITHMS):
        with pytest.raises(ValueError, match="cannot be combined"):
            combine(algorithm, [])
    for digest, length in ((b"123", 1), (b"12345", 1), (b"1234", -1)):
        with pytest.raises(ValueError, match="has 4 bytes"):
            combine("crc32", [(digest, length)])


def test_several_at_once():
    checksums = Checksums(["crc32", "sha256"])
    for chunk in (b"one", memoryview(b"two")):
        checksums.update(chunk)
    assert checksums.digest("crc32") == zlib.crc32(b"onetwo").to_bytes(4)
    assert checksums.digest("sha256") == hashlib.sha256(b"onetwo").digest()
    with pytest.raises(KeyError):
        checksums.digest("md5")


def test_unknown_algorithms():
    for use in (new_checksum, digest_bytes):
        with pytest.raises(ValueError, match="the algorithm is one of crc32, "):
            use("crc16")
