"""`AsyncEnvelopeClient`: encrypts and decrypts with data keys from KMS, for event loops."""

import asyncio
import io
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from strongroom.base.buffer import Buffer, as_bytes
from strongroom.client.async_kms_calls import AsyncKmsCalls
from strongroom.client.data_key_cache import CacheLimits, Flight, Materials, steady_clock, wipe
from strongroom.client.data_keys import DataKeyRequest, raise_alike
from strongroom.client.envelope import Decrypted, Envelope, Measured, length_of, result_file
from strongroom.client.errors import Closed
from strongroom.client.kms_calls import KmsCalls
from strongroom.client.kms_keys import KmsKeys
from strongroom.client.messages.algorithm_suites import DEFAULT_SUITE, AlgorithmSuite
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials
from strongroom.client.messages.reader import DEFAULT_RULES
from strongroom.client.messages.streams import ByteSink, ByteSource
from strongroom.client.messages.writer import FRAME_BYTES

# Sealing and opening so much takes some tens of microseconds, which is less than going to a thread and back.
_BYTES_IN_THE_LOOP = 64 * 1024

T = TypeVar("T")


class AsyncEnvelopeClient:
    """What `EnvelopeClient` is, for one event loop: the same arguments, messages, limits and errors.

    Nothing blocks the loop: calls to KMS, long messages and files are worked on in threads; at most `threads_max` calls
    run at a time. A task that is cancelled goes at once, except that one in the middle of a stream first waits for the
    read or write that it is in.
    """

    def __init__(
        self,
        keys: KmsKeys | str | Iterable[str],
        *,
        kms: KmsCalls | None = None,
        caching: CacheLimits | None = None,
        suite: AlgorithmSuite = DEFAULT_SUITE,
        frame_bytes: int = FRAME_BYTES,
        rules: ReadingRules = DEFAULT_RULES,
        clock: Callable[[], float] = steady_clock,
        threads_max: int = 10,
    ) -> None:
        self._envelope = Envelope(keys, caching, suite, frame_bytes, rules, clock)
        self._kms = kms or KmsCalls(connections_max=threads_max)
        self._owns_kms = kms is None
        self._calls = AsyncKmsCalls(self._kms, threads_max)
        self._is_closed = False

    def __repr__(self) -> str:
        return f"AsyncEnvelopeClient({self._envelope.keys!r})"

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("data keys are not copied or pickled")

    async def __aenter__(self) -> "AsyncEnvelopeClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def encrypt(self, plaintext: Buffer, encryption_context: Mapping[str, str] | None = None) -> bytes:
        """Return `plaintext` as a message. See `EnvelopeClient.encrypt`."""
        content = as_bytes(plaintext)
        request = self._envelope.data_key_to_encrypt(encryption_context, len(content))
        materials = await self._obtain(request)
        if len(content) <= _BYTES_IN_THE_LOOP:
            return self._envelope.seal(materials, content)
        return await _with_data_key(materials, partial(self._envelope.seal, materials, content), asyncio.to_thread)

    async def decrypt(self, message: Buffer, encryption_context: Mapping[str, str] | None = None) -> Decrypted:
        """Return a message's plaintext and encryption context. See `EnvelopeClient.decrypt`."""
        content = as_bytes(message)
        reader = self._envelope.reader_of(content, encryption_context)
        materials = await self._obtain(self._envelope.data_key_to_decrypt(reader))
        if len(content) <= _BYTES_IN_THE_LOOP:
            return self._envelope.open(reader, materials)
        return await _with_data_key(materials, partial(self._envelope.open, reader, materials), asyncio.to_thread)

    async def encrypt_stream(
        self,
        source: ByteSource,
        sink: ByteSink,
        encryption_context: Mapping[str, str] | None = None,
        *,
        length_bytes: int | None = None,
    ) -> None:
        """Write all that `source` gives to `sink` as one message. See `EnvelopeClient.encrypt_stream`."""
        request = self._envelope.data_key_to_encrypt(encryption_context, length_bytes)
        measured = source if length_bytes is None else Measured(source, length_bytes)
        materials = await self._obtain(request)
        stoppable = _Stoppable(measured)
        work = partial(self._envelope.seal_stream, materials, stoppable, sink)
        await _with_data_key(materials, work, partial(_in_thread, source=stoppable))

    async def decrypt_stream(
        self, source: ByteSource, sink: ByteSink, encryption_context: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Write a message's plaintext to `sink`, and return its encryption context.

        See `EnvelopeClient.decrypt_stream`.
        """
        stoppable = _Stoppable(source)
        reader = await _in_thread(partial(self._envelope.reader, stoppable, encryption_context), stoppable)
        materials = await self._obtain(self._envelope.data_key_to_decrypt(reader))
        work = partial(self._envelope.open_stream, reader, materials, sink)
        return await _with_data_key(materials, work, partial(_in_thread, source=stoppable))

    async def encrypt_file(
        self,
        path: str | os.PathLike[str],
        message_path: str | os.PathLike[str],
        encryption_context: Mapping[str, str] | None = None,
    ) -> None:
        """Encrypt a file into another, which appears whole or not at all. See `EnvelopeClient.encrypt_file`."""
        with ExitStack() as stack:
            file = await _opened(stack, path)
            length = length_of(file)
            materials = await self._obtain(self._envelope.data_key_to_encrypt(encryption_context, length))
            source = _Stoppable(file if length is None else Measured(file, length))

            def work() -> None:
                with result_file(message_path) as sink:
                    self._envelope.seal_stream(materials, source, sink)

            await _with_data_key(materials, work, partial(_in_thread, source=source))

    async def decrypt_file(
        self,
        message_path: str | os.PathLike[str],
        path: str | os.PathLike[str],
        encryption_context: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Decrypt a file into another, which appears when all of it is authentic. See `EnvelopeClient.decrypt_file`."""
        with ExitStack() as stack:
            source = _Stoppable(await _opened(stack, message_path))
            reader = await _in_thread(partial(self._envelope.reader, source, encryption_context), source)
            materials = await self._obtain(self._envelope.data_key_to_decrypt(reader))

            def work() -> Mapping[str, str]:
                with result_file(path) as sink:
                    return self._envelope.open_stream(reader, materials, sink)

            return await _with_data_key(materials, work, partial(_in_thread, source=source))

    def forget_data_keys(self) -> None:
        """Overwrite all data keys that are kept. The client goes on."""
        self._envelope.data_keys.clear()

    async def close(self) -> None:
        """Overwrite all data keys that are kept. What is being encrypted ends as usual; nothing new begins."""
        self._is_closed = True
        self._envelope.data_keys.close()
        self._calls.close()
        if self._owns_kms:
            self._kms.close()

    async def _obtain(self, request: DataKeyRequest[Materials]) -> Materials:
        if self._is_closed:
            raise Closed
        cache = request.cache
        if cache is None:
            return await self._calls.run(request.steps())
        while True:
            taken: Materials | Flight | Future[Exception | None] | None = None
            try:
                taken = cache.take(request.entry_id, request.length_bytes)
                if isinstance(taken, Flight):
                    fetched = await self._calls.run(request.steps())
                    return cache.land(taken, fetched, request.length_bytes)
            except BaseException as error:
                if isinstance(taken, Flight):
                    cache.crash(taken, error)
                raise
            if not isinstance(taken, Future):
                return taken
            # Shielded: one who does not wait any longer leaves the others waiting.
            raise_alike(await asyncio.shield(asyncio.wrap_future(taken)))


class _Stopped(Exception):  # noqa: N818
    """Whoever wanted the stream has gone."""


class _Stoppable:
    """A source that ends with an error once it is told to, so that a thread at work with it ends, too."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.stop = threading.Event()

    def readinto(self, room: memoryview, /) -> int | None:
        """Read some bytes; 0 at the end. Raises _Stopped."""
        if self.stop.is_set():
            raise _Stopped
        return self._source.readinto(room)


async def _opened(stack: ExitStack, path: str | os.PathLike[str]) -> io.FileIO:
    """Return a file to read, which `stack` closes."""
    return await _in_thread(lambda: stack.enter_context(Path(path).open("rb", buffering=0)))


async def _with_data_key(
    materials: EncryptionMaterials | DecryptionMaterials,
    work: Callable[[], T],
    run: Callable[[Callable[[], T]], Awaitable[T]],
) -> T:
    """Return what `work` returns once `run` has had it done in a thread, and overwrite this copy of the data key.

    The thread does that if it begins, be it after the task was cancelled: it must not find zeros in the middle of its
    work. If it never does, the task does. Whoever has the token is the one.
    """
    token = threading.Lock()

    def once() -> T:
        if not token.acquire(blocking=False):
            raise _Stopped
        try:
            return work()
        finally:
            wipe(materials)

    try:
        return await run(once)
    finally:
        if token.acquire(blocking=False):
            wipe(materials)


async def _in_thread(work: Callable[[], T], source: _Stoppable | None = None) -> T:
    """Return what `work` returns. A cancelled task is cancelled when the thread is at work no longer."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if source is not None:
            source.stop.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
