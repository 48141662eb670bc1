"""Data keys from a real KMS: who may open them, with which keys, and what is tried at all."""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.client.kms_connection import CountedCalls, connected, session_of_root
from tests.running_server import RunningServer

from strongroom.client.async_kms_calls import AsyncKmsCalls
from strongroom.client.backoff import Backoff
from strongroom.client.errors import NoUsableKey
from strongroom.client.kms_calls import KmsCall, KmsCalls
from strongroom.client.kms_keys import Discovery, KmsKeys
from strongroom.client.messages.algorithm_suites import COMMITTING, COMMITTING_SIGNED
from strongroom.client.messages.encrypted_data_key import EncryptedDataKey
from strongroom.client.messages.encryption_context import PUBLIC_KEY_NAME
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials

CONTEXT = {"tenant": "42", "purpose": "test"}
ANY = Discovery()


@pytest.fixture
def calls(server: RunningServer) -> CountedCalls:
    return CountedCalls(server)


def new_key(kms: Any, **options: Any) -> str:
    arn: str = kms.create_key(**options)["KeyMetadata"]["Arn"]
    return arn


def written(keys: KmsKeys, calls: CountedCalls) -> EncryptionMaterials:
    return keys.encryption_materials(calls, COMMITTING, CONTEXT)


def opened(
    keys: KmsKeys,
    calls: CountedCalls,
    encrypted: Sequence[EncryptedDataKey],
    context: dict[str, str] = CONTEXT,
) -> DecryptionMaterials:
    del calls.operations[:]
    return keys.decryption_materials(calls, COMMITTING, encrypted, context)


def refusals(
    keys: KmsKeys,
    calls: CountedCalls,
    encrypted: Sequence[EncryptedDataKey],
    context: dict[str, str] = CONTEXT,
) -> list[str]:
    with pytest.raises(NoUsableKey) as caught:
        opened(keys, calls, encrypted, context)
    return [refusal.reason for refusal in caught.value.refusals]


def test_the_first_key_generates_and_the_others_encrypt(kms: Any, calls: CountedCalls) -> None:
    arns = [new_key(kms) for _ in range(3)]
    materials = written(KmsKeys(arns), calls)
    assert calls.operations == ["GenerateDataKey", "Encrypt", "Encrypt"]
    assert [encrypted.kms_key_arn for encrypted in materials.encrypted_data_keys] == arns
    assert len(materials.data_key) == 32
    for arn in arns:
        found = opened(KmsKeys(arn), calls, materials.encrypted_data_keys)
        assert found.data_key == materials.data_key
        assert found.encrypted_data_key.kms_key_arn == arn
        assert calls.operations == ["Decrypt"]


def test_the_first_key_that_may_is_used(kms: Any, calls: CountedCalls) -> None:
    arns = [new_key(kms) for _ in range(3)]
    materials = written(KmsKeys(arns), calls)
    kms.disable_key(KeyId=arns[0])
    kms.schedule_key_deletion(KeyId=arns[1], PendingWindowInDays=7)
    assert opened(KmsKeys(arns), calls, materials.encrypted_data_keys).encrypted_data_key.kms_key_arn == arns[2]
    assert calls.operations == ["Decrypt"] * 3
    kms.disable_key(KeyId=arns[2])
    reasons = refusals(KmsKeys(arns), calls, materials.encrypted_data_keys)
    assert reasons == ["DisabledException", "KMSInvalidStateException", "DisabledException"]


def test_a_data_key_that_is_not_encrypted_under_every_key_is_overwritten(kms: Any, calls: CountedCalls) -> None:
    arns = [new_key(kms) for _ in range(2)]
    kms.disable_key(KeyId=arns[1])
    steps = KmsKeys(arns).encryption_steps(COMMITTING, CONTEXT)
    next(steps)
    call = steps.send({"Plaintext": b"k" * 32, "KeyId": arns[0], "CiphertextBlob": b"c"})
    data_key = inspect.getgeneratorlocals(steps)["data_key"]
    assert call.parameters["Plaintext"] == data_key == b"k" * 32
    with pytest.raises(ClientError, match="DisabledException"):
        calls.perform(call)
    steps.close()
    assert data_key == bytes(32)


def test_nobody_waits_for_a_key_while_another_one_answers(server: RunningServer, kms: Any) -> None:
    arns = [new_key(kms) for _ in range(2)]
    failing: dict[str, int] = {}
    asked: list[str] = []

    class Failing(CountedCalls):
        def attempt(self, call: KmsCall) -> Any:
            arn = call.parameters["KeyId"]
            asked.append(arn)
            if call.operation == "Decrypt" and failing.get(arn, 0) > 0:
                failing[arn] -= 1
                raise EndpointConnectionError(endpoint_url="https://kms.example")
            return super().attempt(call)

    slept: list[float] = []
    calls, keys = Failing(server, backoff=Backoff(tries_max=3, sleep=slept.append)), KmsKeys(arns)
    encrypted = written(keys, calls).encrypted_data_keys

    def opened_after(**failures: int) -> list[str]:
        del asked[:], slept[:]
        failing.update(zip(arns, failures.values(), strict=True))
        found = keys.decryption_materials(calls, COMMITTING, encrypted, CONTEXT)
        assert found.encrypted_data_key.kms_key_arn == asked[-1]
        return asked

    assert opened_after(first=9, second=0) == arns
    assert slept == []
    # Neither answers: both are waited for, together.
    assert opened_after(first=2, second=9) == [*arns, *arns, arns[0]]
    assert len(slept) == 2
    with pytest.raises(NoUsableKey) as caught:
        opened_after(first=9, second=9)
    assert [refusal.reason for refusal in caught.value.refusals] == ["EndpointConnectionError"] * 2
    assert asked == [*arns] * 3
    assert len(slept) == 2


def claimed_in(*regions: str) -> list[EncryptedDataKey]:
    return [EncryptedDataKey.of_kms(f"arn:aws:kms:{region}:123456789012:key/x", b"c") for region in regions]


@pytest.mark.parametrize("in_loop", [False, True])
def test_a_message_of_many_keys_holds_its_reader_up_no_longer_than_one(server: RunningServer, in_loop: bool) -> None:
    seconds = 0.0

    def sleep(delay: float) -> None:
        nonlocal seconds
        seconds += delay

    async def sleep_async(delay: float) -> None:
        sleep(delay)

    class Unreachable(CountedCalls):
        def attempt(self, call: KmsCall) -> Any:
            sleep(3.0)
            self.operations.append(call.operation)
            raise EndpointConnectionError(endpoint_url="https://kms.example")

    backoff = Backoff(clock=lambda: seconds, sleep=sleep, sleep_async=sleep_async)
    calls = Unreachable(server, backoff=backoff)
    steps = KmsKeys(discovery=ANY).decryption_steps(COMMITTING, claimed_in(*["eu-west-1"] * 16), CONTEXT)
    with pytest.raises(NoUsableKey):
        asyncio.run(AsyncKmsCalls(calls).run(steps)) if in_loop else calls.run(steps)
    # Each once, and no try after the 60 seconds that one key is waited for.
    assert 16 <= len(calls.operations) <= 21
    assert seconds <= 63


def test_a_message_does_not_choose_hosts_that_aws_does_not_have(server: RunningServer) -> None:
    asked: list[str] = []
    keys, regions = KmsKeys(discovery=ANY), ("qq-hostile-1", "eu-west-1", "qq-hostile-2")

    def noted(calls: KmsCalls) -> list[str]:
        del asked[:]
        make = calls._create_client

        def make_and_note(*arguments: Any, **options: Any) -> Any:
            client = make(*arguments, **options)

            def answer(request: Any, **_: Any) -> None:
                asked.append(client.meta.region_name)
                raise EndpointConnectionError(endpoint_url=request.url)

            client.meta.events.register("before-send", answer)
            return client

        calls._create_client = make_and_note
        with pytest.raises(NoUsableKey):
            keys.decryption_materials(calls, COMMITTING, claimed_in(*regions), CONTEXT)
        return asked

    once = Backoff(tries_max=1)
    assert noted(KmsCalls(session_of_root(), backoff=once)) == ["eu-west-1"]
    # A server of one's own has all Regions.
    assert noted(connected(server, backoff=once)) == list(regions)


def test_only_so_many_connections_are_kept(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.client.kms_calls.CLIENTS_MAX", 3)
    calls = connected(server)
    for region in ("us-east-1", *(f"xx-made-{number}" for number in range(6)), "us-east-1"):
        with pytest.raises(ClientError):
            calls.attempt(KmsCall(region, "Decrypt", {"CiphertextBlob": b"c"}))
    assert list(calls._clients) == ["us-east-1", "xx-made-4", "xx-made-5"]


def test_a_message_does_not_choose_the_key_unless_it_may(kms: Any, calls: CountedCalls) -> None:
    ours, others = new_key(kms), new_key(kms)
    encrypted = written(KmsKeys(others), calls).encrypted_data_keys
    assert refusals(KmsKeys(ours), calls, encrypted) == []
    assert calls.operations == []
    assert opened(KmsKeys(discovery=ANY), calls, encrypted).encrypted_data_key.kms_key_arn == others
    account = others.split(":")[4]
    assert opened(KmsKeys(discovery=Discovery(frozenset({account}))), calls, encrypted)
    assert refusals(KmsKeys(discovery=Discovery(frozenset({"210987654321"}))), calls, encrypted) == []
    assert refusals(KmsKeys(discovery=Discovery(partition="aws-cn")), calls, encrypted) == []
    assert calls.operations == []


def test_another_context_opens_nothing(kms: Any, calls: CountedCalls) -> None:
    keys = KmsKeys(new_key(kms))
    encrypted = written(keys, calls).encrypted_data_keys
    assert refusals(keys, calls, encrypted, {**CONTEXT, "tenant": "43"}) == ["InvalidCiphertextException"]


def test_keys_by_id_and_by_alias(kms: Any, calls: CountedCalls) -> None:
    arn = new_key(kms)
    key_id = arn.rpartition("/")[2]
    alias = f"alias/{key_id}"
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    alias_arn = f"{arn.rpartition(':')[0]}:{alias}"
    for name in (arn, key_id, alias, alias_arn):
        materials = written(KmsKeys(name), calls)
        assert materials.encrypted_data_keys[0].kms_key_arn == arn
        for opener in (arn, key_id, alias, alias_arn):
            assert opened(KmsKeys(opener), calls, materials.encrypted_data_keys).data_key == materials.data_key
    # Once the alias stands for another key, it no longer opens what the first one encrypted.
    kms.update_alias(AliasName=alias, TargetKeyId=new_key(kms))
    assert refusals(KmsKeys(alias), calls, materials.encrypted_data_keys) == ["IncorrectKeyException"]


def test_a_replica_opens_what_its_primary_encrypted(server: RunningServer, kms: Any, calls: CountedCalls) -> None:
    arn = new_key(kms, MultiRegion=True)
    replica = kms.replicate_key(KeyId=arn, ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]["Arn"]
    encrypted = written(KmsKeys(arn), calls).encrypted_data_keys
    kms.disable_key(KeyId=arn)
    assert opened(KmsKeys(replica), calls, encrypted).encrypted_data_key.kms_key_arn == arn
    assert refusals(KmsKeys(discovery=ANY), calls, encrypted) == ["DisabledException"]


def test_each_key_is_asked_in_its_region(server: RunningServer, kms: Any, calls: CountedCalls) -> None:
    arns = [new_key(kms), new_key(server.client("kms", region="eu-central-1"))]
    encrypted = written(KmsKeys(arns), calls).encrypted_data_keys
    assert opened(KmsKeys(discovery=ANY), calls, encrypted[1:]).encrypted_data_key.kms_key_arn == arns[1]


def test_a_grant_token_is_sent_along(server: RunningServer, kms: Any) -> None:
    seen: list[Any] = []

    class Noting(CountedCalls):
        def attempt(self, call: Any) -> Any:
            seen.append(call.parameters.get("GrantTokens"))
            return super().attempt(call)

    arn = new_key(kms)
    token = kms.create_grant(KeyId=arn, GranteePrincipal=arn_of_root(arn), Operations=["Decrypt"])["GrantToken"]
    calls, keys = Noting(server), KmsKeys(arn, grant_tokens=[token])
    opened(keys, calls, written(keys, calls).encrypted_data_keys)
    assert seen == [[token], [token]]


def arn_of_root(key_arn: str) -> str:
    return f"arn:aws:iam::{key_arn.split(':')[4]}:root"


def test_a_signing_key_is_bound_to_the_data_key(kms: Any, calls: CountedCalls) -> None:
    keys = KmsKeys(new_key(kms))
    materials = keys.encryption_materials(calls, COMMITTING_SIGNED, CONTEXT)
    assert materials.signing_key is not None
    assert set(materials.encryption_context) == {*CONTEXT, PUBLIC_KEY_NAME}
    encrypted = materials.encrypted_data_keys
    assert refusals(keys, calls, encrypted, CONTEXT) == ["InvalidCiphertextException"]
    assert opened(keys, calls, encrypted, dict(materials.encryption_context)).data_key == materials.data_key


def test_what_is_no_kms_key_of_a_region_is_not_asked(calls: CountedCalls) -> None:
    hostile = [
        EncryptedDataKey("aws-kms", b"arn:aws:kms:us-east-1.example.com/:123456789012:key/x", b"c"),
        EncryptedDataKey("aws-kms", b"arn:aws:kms:us-east-1:123456789012:alias/x", b"c"),
        EncryptedDataKey("aws-kms", b"arn:aws:s3:us-east-1:123456789012:key/x", b"c"),
        EncryptedDataKey("aws-kms", b"\xff", b"c"),
        EncryptedDataKey("raw", b"arn:aws:kms:us-east-1:123456789012:key/x", b"c"),
    ]
    assert refusals(KmsKeys(discovery=ANY), calls, hostile) == []
    assert calls.operations == []


def test_a_message_with_many_keys_is_refused_before_any_is_asked(kms: Any, calls: CountedCalls) -> None:
    keys = KmsKeys(new_key(kms))
    many = written(keys, calls).encrypted_data_keys * 17
    assert refusals(keys, calls, many) == ["the message has more than 16 encrypted data keys"]
    assert calls.operations == []
    assert opened(KmsKeys(discovery=ANY, encrypted_data_keys_max=17), calls, many)


@pytest.mark.parametrize("name", ["", "key/x", "arn:aws:s3:::bucket", "arn:aws:kms:nowhere:1:key/x", "a:b"])
def test_what_names_no_key(name: str) -> None:
    with pytest.raises(ValueError, match=r"names no KMS key|no ARN of a KMS key"):
        KmsKeys(name)


def test_keys_are_needed() -> None:
    with pytest.raises(ValueError, match="name a KMS key"):
        KmsKeys()


def test_nothing_is_encrypted_where_there_is_only_discovery(calls: CountedCalls) -> None:
    with pytest.raises(ValueError, match="no KMS key to encrypt under"):
        written(KmsKeys(discovery=ANY), calls)
