"""Materials without a KMS, and messages made with them."""

import os
from typing import NamedTuple

from strongroom.client.messages.algorithm_suites import DEFAULT_SUITE, AlgorithmSuite
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials
from strongroom.client.messages.reader import OpenedMessage, open_message
from strongroom.client.messages.signature import signed_context

CONTEXT = {"tenant": "42", "Ärger": "ünd"}
ANY_SUITE = ReadingRules(requires_commitment=False)


class Materials(NamedTuple):
    encryption: EncryptionMaterials
    decryption: DecryptionMaterials


def materials(suite: AlgorithmSuite = DEFAULT_SUITE, context: dict[str, str] = CONTEXT) -> Materials:
    data_key = os.urandom(suite.data_key_bytes)
    encrypted = EncryptedDataKey.of_kms("arn:aws:kms:us-east-1:000000000000:key/one", b"encrypted")
    whole, signing_key = signed_context(suite, context)
    encryption = EncryptionMaterials(suite, data_key, (encrypted,), whole, signing_key)
    return Materials(encryption, DecryptionMaterials(data_key, encrypted))


def opened(made: Materials, message: bytes, rules: ReadingRules = ANY_SUITE) -> OpenedMessage:
    return open_message(message, lambda header: made.decryption, rules)
