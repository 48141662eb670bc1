"""What the two clients share: which data keys a message needs, and sealing and opening it once they are there."""

import io
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from strongroom.base.buffer import Buffer, as_bytes
from strongroom.client.data_key_cache import CacheLimits, steady_clock, wipe
from strongroom.client.data_keys import DataKeyRequest, DataKeys
from strongroom.client.errors import UnexpectedContext
from strongroom.client.kms_keys import KmsKeys
from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encryption_context import RESERVED_PREFIX, check_callers_context
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials
from strongroom.client.messages.reader import MessageReader
from strongroom.client.messages.streams import ByteSink, ByteSource
from strongroom.client.messages.writer import seal_message, write_message
from strongroom.client.new_file import new_file


class Decrypted(NamedTuple):
    """A message's plaintext, and the encryption context that it was encrypted with."""

    plaintext: bytes
    encryption_context: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Decrypted({len(self.plaintext)} bytes hidden, {dict(self.encryption_context)})"


class Envelope:
    """How one client writes and reads messages. Safe to share between threads.

    Raises ValueError for a suite without key commitment, which is for reading old messages alone.
    """

    def __init__(
        self,
        keys: KmsKeys | str | Iterable[str],
        caching: CacheLimits | None,
        suite: AlgorithmSuite,
        frame_bytes: int,
        rules: ReadingRules,
        clock: Callable[[], float] = steady_clock,
    ) -> None:
        if not suite.commits:
            raise ValueError(f"messages are not written with the suite {suite}, which has no key commitment")
        self.keys = keys if isinstance(keys, KmsKeys) else KmsKeys(keys)
        self.data_keys = DataKeys(self.keys, caching, clock)
        self._suite = suite
        self._frame_bytes = frame_bytes
        self._rules = rules

    def data_key_to_encrypt(
        self, context: Mapping[str, str] | None, length_bytes: int | None
    ) -> DataKeyRequest[EncryptionMaterials]:
        """Return what a message needs.

        Raises ValueError for a context that is reserved or too long, TypeError for one that is not text.
        """
        context = dict(context or {})
        if not all(isinstance(text, str) for pair in context.items() for text in pair):
            raise TypeError("the names and values of an encryption context are text")
        check_callers_context(context)
        return self.data_keys.to_encrypt(self._suite, context, length_bytes)

    def seal(self, materials: EncryptionMaterials, plaintext: Buffer) -> bytes:
        """Return the message, and overwrite this copy of the data key."""
        try:
            return seal_message(materials, plaintext, frame_bytes=self._frame_bytes)
        finally:
            wipe(materials)

    def seal_stream(self, materials: EncryptionMaterials, source: ByteSource, sink: ByteSink) -> None:
        """Write the message, and overwrite this copy of the data key."""
        try:
            write_message(materials, source, sink, frame_bytes=self._frame_bytes)
        finally:
            wipe(materials)

    def reader_of(self, message: Buffer, required: Mapping[str, str] | None) -> MessageReader:
        """Return the reader of a message in memory. Raises TypeError for what is no bytes. See `reader`."""
        content = as_bytes(message)
        return self.reader(io.BytesIO(content), required, len(content))

    def reader(
        self, source: ByteSource, required: Mapping[str, str] | None, source_bytes_max: int | None = None
    ) -> MessageReader:
        """Return the reader of a message whose header says what is required of its context.

        The header is a claim until the data key is there, which opens under this very context only: a message that
        claims too little costs no call, and one that claims falsely gets no key. Raises UnexpectedContext and
        MessageError.
        """
        reader = MessageReader(source, self._rules, source_bytes_max=source_bytes_max)
        context = reader.header.encryption_context
        for name, value in (required or {}).items():
            if context.get(name) != value:
                raise UnexpectedContext(f"the message's encryption context has not the required value of {name!r}")
        return reader

    def data_key_to_decrypt(self, reader: MessageReader) -> DataKeyRequest[DecryptionMaterials]:
        """Return what the message needs."""
        return self.data_keys.to_decrypt(reader.header)

    def open(self, reader: MessageReader, materials: DecryptionMaterials) -> Decrypted:
        """Return the whole message, and overwrite this copy of the data key."""
        plaintext = io.BytesIO()
        context = self.open_stream(reader, materials, plaintext)
        return Decrypted(plaintext.getvalue(), context)

    def open_stream(self, reader: MessageReader, materials: DecryptionMaterials, sink: ByteSink) -> Mapping[str, str]:
        """Write the plaintext, return the caller's context, and overwrite this copy of the data key."""
        try:
            reader.write_to(sink, materials)
        finally:
            wipe(materials)
        context = reader.header.encryption_context
        return {name: value for name, value in context.items() if not name.startswith(RESERVED_PREFIX)}


def result_file(path: str | os.PathLike[str]) -> AbstractContextManager[io.FileIO]:
    """Give a file that its owner alone can read, and that takes the place of `path` when it is whole."""
    return new_file(Path(path), 0o600, replaces=True)


def length_of(file: io.FileIO) -> int | None:
    """Return how many bytes a file has, or None where that says nothing: of pipes, and what the kernel makes up."""
    status = os.fstat(file.fileno())
    return status.st_size or None if stat.S_ISREG(status.st_mode) else None


class Measured:
    """A source of which somebody said how long it is at most. Reading more raises ValueError."""

    def __init__(self, source: ByteSource, length_bytes: int) -> None:
        self._source = source
        self._left = length_bytes

    def readinto(self, room: memoryview, /) -> int | None:
        """Read some bytes; 0 at the end."""
        count = self._source.readinto(room)
        self._left -= count or 0
        if self._left < 0:
            raise ValueError("the source is longer than was said")
        return count
