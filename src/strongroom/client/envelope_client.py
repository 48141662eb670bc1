"""`EnvelopeClient`: encrypts and decrypts with data keys from KMS, for threads."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType

from strongroom.base.buffer import Buffer, as_bytes
from strongroom.client.data_key_cache import CacheLimits, Flight, Materials, steady_clock
from strongroom.client.data_keys import DataKeyRequest, raise_alike
from strongroom.client.envelope import Decrypted, Envelope, Measured, length_of, result_file
from strongroom.client.errors import Closed
from strongroom.client.kms_calls import KmsCalls
from strongroom.client.kms_keys import KmsKeys
from strongroom.client.messages.algorithm_suites import DEFAULT_SUITE, AlgorithmSuite
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.reader import DEFAULT_RULES
from strongroom.client.messages.streams import ByteSink, ByteSource
from strongroom.client.messages.writer import FRAME_BYTES


class EnvelopeClient:
    """Encrypts on this machine, under KMS keys, into messages of the AWS Encryption SDK. Safe to share between threads.

    `keys` names the KMS keys, see `KmsKeys`. `kms` says where KMS is and how patiently it is called; without, that is
    where the environment says, and it is closed with the client. With `caching`, a data key serves several messages
    with the same encryption context; without, each message costs a call for every key. `suite` has to commit to the
    data key. `frame_bytes` of plaintext are sealed at a time. `rules` bound what is read.

    Every method may raise botocore's ClientError and BotoCoreError, which KMS answered or could not be asked with, and
    Closed. Closing it, also by leaving its block, overwrites the data keys.
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
    ) -> None:
        self._envelope = Envelope(keys, caching, suite, frame_bytes, rules, clock)
        self._kms = kms or KmsCalls()
        self._owns_kms = kms is None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"EnvelopeClient({self._envelope.keys!r})"

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("data keys are not copied or pickled")

    def __enter__(self) -> "EnvelopeClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def encrypt(self, plaintext: Buffer, encryption_context: Mapping[str, str] | None = None) -> bytes:
        """Return `plaintext` as a message, bound to a context that is not secret.

        Raises ValueError for a context that has a reserved name (`aws-crypto-`) or is too long, and when the client may
        only decrypt; TypeError for what is no bytes, or a context that is not text.
        """
        content = as_bytes(plaintext)
        request = self._envelope.data_key_to_encrypt(encryption_context, len(content))
        return self._envelope.seal(self._obtain(request), content)

    def decrypt(self, message: Buffer, encryption_context: Mapping[str, str] | None = None) -> Decrypted:
        """Return a message's plaintext, and its encryption context, which has to have the pairs given here.

        Raises NoUsableKey, UnexpectedContext and MessageError (no message, not authentic, beyond the rules).
        """
        reader = self._envelope.reader_of(message, encryption_context)
        return self._envelope.open(reader, self._obtain(self._envelope.data_key_to_decrypt(reader)))

    def encrypt_stream(
        self,
        source: ByteSource,
        sink: ByteSink,
        encryption_context: Mapping[str, str] | None = None,
        *,
        length_bytes: int | None = None,
    ) -> None:
        """Write all that `source` gives to `sink` as one message, in a few megabytes of memory.

        A kept data key is used only where `length_bytes` says how much it is at most. Raises as `encrypt` does,
        ValueError for more than was said, and what source and sink raise.
        """
        request = self._envelope.data_key_to_encrypt(encryption_context, length_bytes)
        measured = source if length_bytes is None else Measured(source, length_bytes)
        self._envelope.seal_stream(self._obtain(request), measured, sink)

    def decrypt_stream(
        self, source: ByteSource, sink: ByteSink, encryption_context: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Write a message's plaintext to `sink`, and return its encryption context.

        What was written before an error is to be thrown away: it is authentic, but not all there is, and not signed.
        Raises as `decrypt` does, and what source and sink raise.
        """
        reader = self._envelope.reader(source, encryption_context)
        return self._envelope.open_stream(reader, self._obtain(self._envelope.data_key_to_decrypt(reader)), sink)

    def encrypt_file(
        self,
        path: str | os.PathLike[str],
        message_path: str | os.PathLike[str],
        encryption_context: Mapping[str, str] | None = None,
    ) -> None:
        """Encrypt a file into another, which appears whole or not at all.

        Raises as `encrypt` does, ValueError for a file that grows meanwhile, and OSError.
        """
        with (
            Path(path).open("rb", buffering=0) as source,
            result_file(message_path) as sink,
        ):
            self.encrypt_stream(source, sink, encryption_context, length_bytes=length_of(source))

    def decrypt_file(
        self,
        message_path: str | os.PathLike[str],
        path: str | os.PathLike[str],
        encryption_context: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Decrypt a file into another, which appears when all of it is authentic. Return its encryption context.

        Raises as `decrypt` does, and OSError.
        """
        with (
            Path(message_path).open("rb", buffering=0) as source,
            result_file(path) as sink,
        ):
            return self.decrypt_stream(source, sink, encryption_context)

    def forget_data_keys(self) -> None:
        """Overwrite all data keys that are kept, as when a permission was taken back. The client goes on."""
        self._envelope.data_keys.clear()

    def close(self) -> None:
        """Overwrite all data keys that are kept. What is being encrypted ends as usual; nothing new begins."""
        self._is_closed = True
        self._envelope.data_keys.close()
        if self._owns_kms:
            self._kms.close()

    def _obtain(self, request: DataKeyRequest[Materials]) -> Materials:
        if self._is_closed:
            raise Closed
        cache = request.cache
        if cache is None:
            return self._kms.run(request.steps())
        while True:
            taken: Materials | Flight | Future[Exception | None] | None = None
            try:
                taken = cache.take(request.entry_id, request.length_bytes)
                if isinstance(taken, Flight):
                    fetched = self._kms.run(request.steps())
                    return cache.land(taken, fetched, request.length_bytes)
            except BaseException as error:
                if isinstance(taken, Flight):
                    cache.crash(taken, error)
                raise
            if not isinstance(taken, Future):
                return taken
            raise_alike(taken.result())
