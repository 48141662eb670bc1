"""A client's data keys: kept ones where there are any, else new ones from KMS. It says what to ask, and asks nobody."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

from strongroom.client.data_key_cache import CacheLimits, DataKeyCache, Materials, steady_clock
from strongroom.client.kms_calls import Steps
from strongroom.client.kms_keys import KmsKeys
from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encryption_context import serialised
from strongroom.client.messages.header import MessageHeader
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials


@dataclass(frozen=True, slots=True)
class DataKeyRequest(Generic[Materials]):
    """What a message needs: `steps` bring it from KMS; `cache` has it, or is to keep it; None where it must not."""

    steps: Callable[[], Steps[Materials]]
    cache: DataKeyCache[Materials] | None
    entry_id: bytes = b""
    length_bytes: int | None = None


class DataKeys:
    """The data keys of one client. Safe to share between threads. `limits` None keeps none."""

    def __init__(self, keys: KmsKeys, limits: CacheLimits | None, clock: Callable[[], float] = steady_clock) -> None:
        self._keys = keys
        self._limits = limits
        self._writing: DataKeyCache[EncryptionMaterials] | None = None
        self._reading: DataKeyCache[DecryptionMaterials] | None = None
        if limits is not None:
            self._writing, self._reading = DataKeyCache(limits, clock), DataKeyCache(limits, clock)

    def __repr__(self) -> str:
        return f"DataKeys({self._keys!r}, limits={self._limits})"

    def to_encrypt(
        self, suite: AlgorithmSuite, context: Mapping[str, str], length_bytes: int | None
    ) -> DataKeyRequest[EncryptionMaterials]:
        """Return what a message of `length_bytes` (None where nobody knows) needs.

        A data key that would encrypt the message itself, one for more bytes than any data key may encrypt, or for who
        knows how many, is this message's alone. Raises ValueError for a context that does not fit into a message, and
        for a length below 0.
        """
        if length_bytes is not None and length_bytes < 0:
            raise ValueError("a message has no length below 0")

        def steps() -> Steps[EncryptionMaterials]:
            return self._keys.encryption_steps(suite, context)

        if self._limits is None or suite.kdf_hash is None or length_bytes is None:
            return DataKeyRequest(steps, None)
        if self._limits.messages_max == 1 or length_bytes > self._limits.bytes_max:
            return DataKeyRequest(steps, None)
        return DataKeyRequest(steps, self._writing, _id_of(suite, b"", context), length_bytes)

    def to_decrypt(self, header: MessageHeader) -> DataKeyRequest[DecryptionMaterials]:
        """Return what the message with this header needs."""

        def steps() -> Steps[DecryptionMaterials]:
            return self._keys.decryption_steps(header.suite, header.encrypted_data_keys, header.encryption_context)

        if self._limits is None or header.suite.kdf_hash is None:
            return DataKeyRequest(steps, None)
        digests = sorted(
            _digest(_sized(one.provider_id.encode()) + _sized(one.provider_info) + _sized(one.ciphertext))
            for one in header.encrypted_data_keys
        )
        entry_id = _id_of(header.suite, b"".join(digests), header.encryption_context)
        return DataKeyRequest(steps, self._reading, entry_id)

    def clear(self) -> None:
        """Overwrite and forget what is kept."""
        for cache in (self._writing, self._reading):
            if cache is not None:
                cache.clear()

    def close(self) -> None:
        """Overwrite and forget what is kept, for good."""
        for cache in (self._writing, self._reading):
            if cache is not None:
                cache.close()


def raise_alike(error: Exception | None) -> None:
    """Raise what somebody else's question to KMS failed with, if it failed, as an exception of the caller's own."""
    if error is not None:
        try:
            own = copy.copy(error)
        except TypeError:
            # An exception that says not how it is made again.
            own = error
        raise own from error


def _id_of(suite: AlgorithmSuite, data_keys: bytes, context: Mapping[str, str]) -> bytes:
    """Return what tells two requests apart: parts of fixed lengths, and then the one form that a context has."""
    return _digest(suite.suite_id.to_bytes(2) + _digest(data_keys) + serialised(context))


def _digest(content: bytes) -> bytes:
    return hashlib.sha512(content).digest()


def _sized(field: bytes) -> bytes:
    return len(field).to_bytes(2) + field
