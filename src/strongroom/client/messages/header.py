"""The header of a message: whose data keys, which suite, which context, how the body is cut.

Source: AWS Encryption SDK Developer Guide, "AWS Encryption SDK message format reference", header structure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.client.messages.encrypted_data_key import FIELD_BYTES_MAX, EncryptedDataKey
from strongroom.client.messages.encryption_context import serialised
from strongroom.client.messages.materials import EncryptionMaterials
from strongroom.crypto.counted_aead import NONCE_BYTES

TYPE_OF_VERSION_1 = 0x80
CONTENT_ONE_PIECE = 1
CONTENT_FRAMED = 2
FRAME_BYTES_LIMIT = 0xFFFFFFFF


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

    @property
    def is_framed(self) -> bool:
        """Whether the body is cut into frames."""
        return self.frame_bytes > 0


def written_header(materials: EncryptionMaterials, message_id: bytes, frame_bytes: int, commitment: bytes) -> bytes:
    """Return the bytes of a header of a framed message, without its tag.

    Raises ValueError for more encrypted data keys, more context or longer frames than a header can say.
    """
    suite = materials.suite
    if not 0 < frame_bytes <= FRAME_BYTES_LIMIT:
        raise ValueError(f"a frame has 1 to {FRAME_BYTES_LIMIT} bytes")
    context = serialised(materials.encryption_context)
    parts = [bytes([suite.message_version])]
    if suite.message_version == 1:
        parts.append(bytes([TYPE_OF_VERSION_1]))
    parts += (suite.suite_id.to_bytes(2), message_id, len(context).to_bytes(2), context)
    parts.append(_written_data_keys(materials.encrypted_data_keys))
    parts.append(bytes([CONTENT_FRAMED]))
    if suite.message_version == 1:
        parts += (bytes(4), bytes([NONCE_BYTES]))
    parts += (frame_bytes.to_bytes(4), commitment)
    return b"".join(parts)


def _written_data_keys(encrypted_data_keys: tuple[EncryptedDataKey, ...]) -> bytes:
    if len(encrypted_data_keys) > FIELD_BYTES_MAX:
        raise ValueError(f"a message has at most {FIELD_BYTES_MAX} encrypted data keys")
    parts = [len(encrypted_data_keys).to_bytes(2)]
    for key in encrypted_data_keys:
        for field in (key.provider_id.encode(), key.provider_info, key.ciphertext):
            parts += (len(field).to_bytes(2), field)
    return b"".join(parts)
