"""Every algorithm suite, both ways with the AWS Encryption SDK for Python, with a raw wrapping key: no KMS."""

import io
import os

import pytest
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.client.messages.materials_made import ANY_SUITE

from strongroom.client.messages.algorithm_suites import COMMITTING_SIGNED, SUITES
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.encryption_context import serialised
from strongroom.client.messages.errors import LimitExceeded, NotAuthentic
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials
from strongroom.client.messages.reader import MessageReader, open_message
from strongroom.client.messages.signature import signed_context
from strongroom.client.messages.writer import seal_message, write_message

WRAPPING_KEY = bytes(range(32))
CONTEXT = {"tenant": "42", "Ärger": "ünd", "a": ""}
TEXT = b"0123456789" * 1_000


class Provider(RawMasterKeyProvider):
    """The SDK's own raw AES wrapping key."""

    provider_id = "tests"

    def _get_raw_key(self, key_id):
        return WrappingKey(
            wrapping_algorithm=WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
            wrapping_key=WRAPPING_KEY,
            wrapping_key_type=EncryptionKeyType.SYMMETRIC,
        )


@pytest.fixture(scope="module")
def provider():
    provider = Provider()
    provider.add_master_key("one")
    return provider


def sdk(suite):
    commits = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    return EncryptionSDKClient(
        commitment_policy=commits if suite.commits else CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    )


def unwrapped(header):
    """The data key, as a raw AES keyring wraps it: key name, tag bits and nonce are in the provider's information."""
    (encrypted,) = header.encrypted_data_keys
    assert encrypted.provider_id == "tests"
    assert encrypted.kms_key_arn is None
    nonce = encrypted.provider_info[-12:]
    data_key = AESGCM(WRAPPING_KEY).decrypt(nonce, encrypted.ciphertext, serialised(header.encryption_context))
    return DecryptionMaterials(data_key, encrypted)


def wrapped(suite):
    context, signing_key = signed_context(suite, CONTEXT)
    data_key, nonce = os.urandom(suite.data_key_bytes), os.urandom(12)
    information = b"one" + (128).to_bytes(4) + (12).to_bytes(4) + nonce
    ciphertext = AESGCM(WRAPPING_KEY).encrypt(nonce, data_key, serialised(context))
    encrypted = EncryptedDataKey("tests", information, ciphertext)
    return EncryptionMaterials(suite, data_key, (encrypted,), context, signing_key)


@pytest.mark.parametrize("frame_length", [0, 128, 4096, 65_536])
@pytest.mark.parametrize("suite", SUITES.values(), ids=str)
def test_we_open_what_the_sdk_wrote(provider, suite, frame_length):
    text = TEXT[: frame_length * 3] or TEXT
    message, _ = sdk(suite).encrypt(
        source=text,
        key_provider=provider,
        encryption_context=CONTEXT,
        algorithm=Algorithm.get_by_id(suite.suite_id),
        frame_length=frame_length,
    )
    found = open_message(message, unwrapped, ANY_SUITE)
    assert found.plaintext == text
    assert found.header.suite is suite
    assert found.header.frame_bytes == frame_length
    assert found.header.encryption_context.items() >= CONTEXT.items()


@pytest.mark.parametrize("frame_bytes", [1, 4096, 10_000, 65_536])
@pytest.mark.parametrize("suite", [suite for suite in SUITES.values() if suite.kdf_hash], ids=str)
def test_the_sdk_opens_what_we_wrote(provider, suite, frame_bytes):
    for text in (b"", b"x", TEXT[: 50 if frame_bytes == 1 else None]):
        message = seal_message(wrapped(suite), text, frame_bytes=frame_bytes, unsafe_without_commitment=True)
        opened, header = sdk(suite).decrypt(source=message, key_provider=provider)
        assert opened == text
        assert header.algorithm.algorithm_id == suite.suite_id
        assert header.encryption_context.items() >= CONTEXT.items()


def test_streams_of_the_sdk_and_ours_meet(provider):
    text = TEXT * 300
    sealed = io.BytesIO()
    write_message(wrapped(COMMITTING_SIGNED), io.BytesIO(text), sealed)
    with sdk(COMMITTING_SIGNED).stream(mode="d", source=io.BytesIO(sealed.getvalue()), key_provider=provider) as stream:
        assert stream.read() == text
    with sdk(COMMITTING_SIGNED).stream(mode="e", source=io.BytesIO(text), key_provider=provider) as stream:
        reader, opened = MessageReader(io.BytesIO(stream.read())), io.BytesIO()
    reader.write_to(opened, unwrapped(reader.header))
    assert opened.getvalue() == text


def test_a_body_of_one_piece_is_held_to_the_rules(provider):
    message, _ = sdk(COMMITTING_SIGNED).encrypt(source=TEXT, key_provider=provider, frame_length=0)
    for position in range(len(message) - 200, len(message), 7):
        altered = bytearray(message)
        altered[position] ^= 1
        with pytest.raises(NotAuthentic):
            open_message(bytes(altered), unwrapped)
    for length in range(len(message) - 300, len(message), 11):
        with pytest.raises(NotAuthentic, match="cut off"):
            open_message(message[:length], unwrapped)
    with pytest.raises(NotAuthentic, match="follows"):
        open_message(message + b"x", unwrapped)
    with pytest.raises(LimitExceeded, match="one piece of 10000 bytes"):
        open_message(message, unwrapped, ReadingRules(frame_bytes_max=9_999))
