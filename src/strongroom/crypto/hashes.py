"""The hash functions that other algorithms are used with, by name: "sha1", "sha224", "sha256", "sha384", "sha512"."""

from collections.abc import Mapping
from typing import TypeVar

from cryptography.hazmat.primitives import hashes

HASHES: Mapping[str, hashes.HashAlgorithm] = {
    # SHA-1 is here for OAEP, which does not rest on its resistance to collisions. Nothing signs with it.
    "sha1": hashes.SHA1(),  # noqa: S303
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}

_SetUp = TypeVar("_SetUp")


class ByHashName(dict[str, _SetUp]):
    """What an algorithm was set up with for each hash function it takes. Raises ValueError for any other name."""

    def __missing__(self, hash_name: str) -> _SetUp:
        raise ValueError(f"the hash function is one of {', '.join(self)}")
