"""The AWS Encryption SDK for Python as a library: a keyring of ours, a context, and cached data keys."""

import io
from typing import Any

import aws_encryption_sdk
import botocore.session
import pytest
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, GenerateKeyError
from botocore.session import Session
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

CONTEXT = {"tenant": "42", "purpose": "library"}
SDK = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


@pytest.fixture
def connected(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A botocore session as an application would have it: everything from the environment. It counts its calls."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.https)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(server.ca_bundle))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT_ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT_SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return botocore.session.get_session()


@pytest.fixture
def calls(connected: Session) -> list[str]:
    """The names of the operations that the session has called, in order."""
    names: list[str] = []
    connected.register("before-call.kms.*", lambda model, **_: names.append(model.name))
    return names


def arn_of_new_key(kms: Any) -> str:
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    return arn


def test_there_and_back_with_a_context(kms: Any, connected: Session, calls: list[str]) -> None:
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=[arn_of_new_key(kms)], botocore_session=connected
    )
    text = b"0123456789" * 30_000
    message, _ = SDK.encrypt(source=text, key_provider=provider, encryption_context=CONTEXT)
    opened, header = SDK.decrypt(source=message, key_provider=provider)
    assert opened == text
    assert header.encryption_context.items() >= CONTEXT.items()
    assert calls == ["GenerateDataKey", "Decrypt"]


def test_two_keys_each_open_it(kms: Any, connected: Session) -> None:
    arns = [arn_of_new_key(kms), arn_of_new_key(kms)]
    both = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=arns, botocore_session=connected)
    message, header = SDK.encrypt(source=b"for two", key_provider=both)
    assert len(header.encrypted_data_keys) == 2
    for arn in arns:
        one = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[arn], botocore_session=connected)
        assert SDK.decrypt(source=message, key_provider=one)[0] == b"for two"
    kms.disable_key(KeyId=arns[0])
    assert SDK.decrypt(source=message, key_provider=both)[0] == b"for two"


def test_a_stream_is_not_released_when_a_bit_is_flipped(kms: Any, connected: Session) -> None:
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=[arn_of_new_key(kms)], botocore_session=connected
    )
    message = bytearray(SDK.encrypt(source=b"x" * 10_000, key_provider=provider)[0])
    message[-2_000] ^= 1
    with (
        pytest.raises(Exception, match=r"InvalidTag|signature|^$"),
        SDK.stream(mode="d", source=io.BytesIO(bytes(message)), key_provider=provider) as opened,
    ):
        opened.read()


def test_a_disabled_key_gives_no_data_key(kms: Any, connected: Session) -> None:
    arn = arn_of_new_key(kms)
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[arn], botocore_session=connected)
    message, _ = SDK.encrypt(source=b"before", key_provider=provider)
    kms.disable_key(KeyId=arn)
    with pytest.raises(GenerateKeyError):
        SDK.encrypt(source=b"after", key_provider=provider)
    with pytest.raises(AWSEncryptionSDKClientError):
        SDK.decrypt(source=message, key_provider=provider)


def test_a_cache_saves_calls(kms: Any, connected: Session, calls: list[str]) -> None:
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=[arn_of_new_key(kms)], botocore_session=connected
    )
    materials = aws_encryption_sdk.CachingCryptoMaterialsManager(
        master_key_provider=provider,
        cache=aws_encryption_sdk.LocalCryptoMaterialsCache(10),
        max_age=60.0,
        max_messages_encrypted=4,
    )
    messages = [
        SDK.encrypt(source=b"%d" % number, materials_manager=materials, encryption_context=CONTEXT)[0]
        for number in range(8)
    ]
    assert calls == ["GenerateDataKey", "GenerateDataKey"]
    opened = [SDK.decrypt(source=message, materials_manager=materials)[0] for message in messages]
    assert opened == [b"%d" % number for number in range(8)]
    assert calls.count("Decrypt") == 2
