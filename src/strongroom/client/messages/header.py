"""The header of a message: whose data keys, which suite, which context, how the body is cut."""

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey


@dataclass(frozen=True, slots=True)
class MessageHeader:
    """A header as it was read. Until a data key has authenticated it, it is what somebody claims."""

    suite: AlgorithmSuite
    message_id: bytes
    encryption_context: Mapping[str, str]
    encrypted_data_keys: tuple[EncryptedDataKey, ...]

    frame_bytes: int
    """Bytes of plaintext in every frame but the last; 0 for a body of one piece."""

    commitment: bytes
    """What binds the message to one data key; empty in version 1."""

    nonce: bytes
    """Nonce of the header's tag."""

    tag: bytes
    """The header's tag."""

    authenticated: bytes
    """The header's bytes that the tag is over."""

    @property
    def version(self) -> int:
        """Version of the message format."""
        return self.suite.message_version
