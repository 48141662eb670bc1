"""Our client and the AWS Encryption SDK for Python: each opens what the other one wrote, under the same data keys."""

from collections.abc import Iterator
from typing import Any

import aws_encryption_sdk
import pytest
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import Algorithm
from tests.client.kms_connection import CountedCalls, session_of_root
from tests.running_server import RunningServer

from strongroom.client import (
    COMMITTING,
    COMMITTING_SIGNED,
    CacheLimits,
    Discovery,
    EnvelopeClient,
    KmsKeys,
    ReadingRules,
    UnknownFormat,
)

CONTEXT = {"tenant": "42", "purpose": "interoperation"}
CACHING = CacheLimits(age_seconds_max=600)
SUITES = [
    (COMMITTING, Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY),
    (COMMITTING_SIGNED, Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384),
]
SDK = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
OLD_SDK = EncryptionSDKClient(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)


@pytest.fixture(scope="module")
def arns(kms: Any) -> list[str]:
    return [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]


@pytest.fixture
def provider(arns: list[str], server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The other side's keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.https)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(server.ca_bundle))
    return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=arns, botocore_session=session_of_root())


@pytest.fixture
def calls(server: RunningServer) -> Iterator[CountedCalls]:
    counted = CountedCalls(server)
    yield counted
    counted.close()


@pytest.mark.parametrize(("suite", "algorithm"), SUITES)
def test_both_ways(arns: list[str], provider: Any, calls: CountedCalls, suite: Any, algorithm: Algorithm) -> None:
    content = b"0123456789" * 20_000
    with EnvelopeClient(arns, kms=calls, suite=suite, caching=CACHING) as client:
        for text in (b"", b"short", content):
            opened, header = SDK.decrypt(source=client.encrypt(text, CONTEXT), key_provider=provider)
            assert opened == text
            assert header.algorithm is algorithm
            assert header.encryption_context.items() >= CONTEXT.items()
            message, _ = SDK.encrypt(
                source=text, key_provider=provider, encryption_context=CONTEXT, algorithm=algorithm
            )
            assert client.decrypt(message, {"tenant": "42"}) == (text, CONTEXT)


def test_either_key_opens_it(arns: list[str], provider: Any, calls: CountedCalls) -> None:
    message, _ = SDK.encrypt(source=b"for two", key_provider=provider)
    for keys in (KmsKeys(arns[1]), KmsKeys(discovery=Discovery())):
        with EnvelopeClient(keys, kms=calls) as client:
            assert client.decrypt(message).plaintext == b"for two"


def test_the_other_sides_cached_data_keys_are_kept_here_too(
    arns: list[str], provider: Any, calls: CountedCalls
) -> None:
    materials = aws_encryption_sdk.CachingCryptoMaterialsManager(
        master_key_provider=provider, cache=aws_encryption_sdk.LocalCryptoMaterialsCache(10), max_age=600.0
    )
    messages = [SDK.encrypt(source=b"%d" % n, materials_manager=materials)[0] for n in range(20)]
    with EnvelopeClient(arns, kms=calls, caching=CACHING) as client:
        assert [client.decrypt(message).plaintext for message in messages] == [b"%d" % n for n in range(20)]
    assert calls.operations == ["Decrypt"]


@pytest.mark.parametrize(
    ("algorithm", "derives"),
    [(Algorithm.AES_256_GCM_IV12_TAG16, False), (Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256, True)],
)
def test_a_data_key_that_encrypts_the_message_itself_is_not_kept(
    arns: list[str], provider: Any, calls: CountedCalls, algorithm: Algorithm, derives: bool
) -> None:
    message, _ = OLD_SDK.encrypt(source=b"old", key_provider=provider, algorithm=algorithm)
    with EnvelopeClient(arns, kms=calls, caching=CACHING) as client, pytest.raises(UnknownFormat, match="commitment"):
        client.decrypt(message)
    assert calls.operations == []
    rules = ReadingRules(requires_commitment=False)
    with EnvelopeClient(arns, kms=calls, caching=CACHING, rules=rules) as client:
        assert [client.decrypt(message).plaintext for _ in range(3)] == [b"old"] * 3
    assert calls.operations == ["Decrypt"] * (1 if derives else 3)
