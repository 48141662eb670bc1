"""Reads a message's header, strictly: what is unknown is refused, and nothing grows beyond what the rules allow."""

from dataclasses import dataclass

from strongroom.client.messages.algorithm_suites import AlgorithmSuite, suite_of
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.encryption_context import parsed
from strongroom.client.messages.errors import LimitExceeded, NotAuthentic, UnknownFormat
from strongroom.client.messages.header import CONTENT_FRAMED, CONTENT_ONE_PIECE, TYPE_OF_VERSION_1, MessageHeader
from strongroom.client.messages.message_keys import COMMITMENT_BYTES
from strongroom.client.messages.streams import ByteSource, read_fully
from strongroom.crypto.aead import TAG_BYTES
from strongroom.crypto.counted_aead import NONCE_BYTES, PART_BYTES_MAX


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """What a reader accepts. Raises ValueError for what no reader could keep to."""

    frame_bytes_max: int = 64 * 1024 * 1024
    """Bytes of plaintext in a frame, or in a body of one piece, which is held in memory until it is authenticated."""

    encrypted_data_keys_max: int = 16
    """How many encrypted data keys a message may have: each may cost a call to KMS."""

    requires_commitment: bool = True
    """Whether suites without key commitment are refused. With those, who writes a message can make it open as
    different plaintexts under different data keys."""

    def __post_init__(self) -> None:
        if not 0 < self.frame_bytes_max <= PART_BYTES_MAX:
            raise ValueError(f"frames of 1 to {PART_BYTES_MAX} bytes can be read")
        if self.encrypted_data_keys_max < 1:
            raise ValueError("a message has at least one encrypted data key")


def read_header(source: ByteSource, rules: ReadingRules) -> MessageHeader:
    """Return the header at the beginning of `source`, and leave the source where the body begins.

    Raises UnknownFormat, LimitExceeded, and NotAuthentic where it is cut off.
    """
    fields = _Fields(source)
    suite = _read_suite(fields)
    if rules.requires_commitment and not suite.commits:
        raise UnknownFormat(f"messages without key commitment are not accepted, and this one's suite is {suite}")
    message_id = fields.take(suite.message_id_bytes)
    context = parsed(fields.sized())
    encrypted_data_keys = _read_data_keys(fields, rules.encrypted_data_keys_max)
    frame_bytes = _read_frame_bytes(fields, suite)
    if frame_bytes > rules.frame_bytes_max:
        raise LimitExceeded(f"frames of {frame_bytes} bytes; at most {rules.frame_bytes_max} are accepted")
    commitment = fields.take(COMMITMENT_BYTES) if suite.commits else b""
    authenticated = bytes(fields.taken)
    nonce = bytes(NONCE_BYTES) if suite.message_version == 2 else fields.take(NONCE_BYTES)
    tag = fields.take(TAG_BYTES)
    return MessageHeader(
        suite, message_id, context, encrypted_data_keys, frame_bytes, commitment, nonce, tag, authenticated
    )


class _Fields:
    """Takes one field after the other, and remembers all bytes that were taken."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.taken = bytearray()

    def take(self, length: int) -> bytes:
        field = bytearray(length)
        if read_fully(self._source, memoryview(field)) < length:
            raise NotAuthentic("the message is cut off in its header")
        self.taken += field
        return bytes(field)

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def sized(self) -> bytes:
        return self.take(self.number(2))


def _read_suite(fields: _Fields) -> AlgorithmSuite:
    """The first byte tells a message from anything else."""
    version = fields.number(1)
    if version not in (1, 2):
        raise UnknownFormat("this is not a message in the AWS Encryption SDK's format")
    if version == 1 and fields.number(1) != TYPE_OF_VERSION_1:
        raise UnknownFormat("this is not a message in the AWS Encryption SDK's format")
    suite = suite_of(fields.number(2))
    if suite.message_version != version:
        raise UnknownFormat(f"a message of version {version} cannot have the suite {suite}")
    return suite


def _read_data_keys(fields: _Fields, count_max: int) -> tuple[EncryptedDataKey, ...]:
    count = fields.number(2)
    if count == 0:
        raise UnknownFormat("the message has no encrypted data key")
    if count > count_max:
        raise LimitExceeded(f"the message has {count} encrypted data keys; at most {count_max} are accepted")
    return tuple(_read_data_key(fields) for _ in range(count))


def _read_data_key(fields: _Fields) -> EncryptedDataKey:
    try:
        provider_id = fields.sized().decode()
    except UnicodeDecodeError:
        raise UnknownFormat("the provider of an encrypted data key is not UTF-8") from None
    return EncryptedDataKey(provider_id, fields.sized(), fields.sized())


def _read_frame_bytes(fields: _Fields, suite: AlgorithmSuite) -> int:
    content_type = fields.number(1)
    if content_type not in (CONTENT_ONE_PIECE, CONTENT_FRAMED):
        raise UnknownFormat(f"there is no content type {content_type}")
    if suite.message_version == 1 and (fields.number(4) != 0 or fields.number(1) != NONCE_BYTES):
        raise UnknownFormat("the header has something where nothing may be")
    frame_bytes = fields.number(4)
    if (frame_bytes > 0) != (content_type == CONTENT_FRAMED):
        raise UnknownFormat("the content type and the length of frames do not agree")
    return frame_bytes
