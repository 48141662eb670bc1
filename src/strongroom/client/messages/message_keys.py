"""The keys of one message, from its data key and its id.

Source: AWS Encryption SDK Developer Guide, "AWS Encryption SDK algorithms reference".
"""

from typing import NamedTuple

from strongroom.client.messages.algorithm_suites import AlgorithmSuite
from strongroom.crypto.hkdf import hkdf

COMMITMENT_BYTES = 32

_KEY_LABEL = b"DERIVEKEY"
_COMMITMENT_LABEL = b"COMMITKEY"


class MessageKeys(NamedTuple):
    """The key that encrypts header and body, and what the header commits to; empty where the suite does not commit."""

    encryption_key: bytes
    commitment: bytes

    def __repr__(self) -> str:
        return "MessageKeys(hidden)"


def message_keys(suite: AlgorithmSuite, data_key: bytes | bytearray, message_id: bytes) -> MessageKeys:
    """Return the keys of the message with this id."""
    if suite.kdf_hash is None:
        return MessageKeys(bytes(data_key), b"")
    suite_id = suite.suite_id.to_bytes(2)
    if not suite.commits:
        key = hkdf(data_key, suite.kdf_hash, None, suite_id + message_id, suite.data_key_bytes)
        return MessageKeys(key, b"")
    key = hkdf(data_key, suite.kdf_hash, message_id, suite_id + _KEY_LABEL, suite.data_key_bytes)
    return MessageKeys(key, hkdf(data_key, suite.kdf_hash, message_id, _COMMITMENT_LABEL, COMMITMENT_BYTES))
