"""`EnvelopeClient` against a real KMS: what opens, what does not, and which calls it makes for it."""

import array
import base64
import io
import logging
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.client.kms_connection import CountedCalls, connected
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

from strongroom.client import (
    COMMITTING,
    COMMITTING_SIGNED,
    CacheLimits,
    Closed,
    EnvelopeClient,
    KmsCalls,
    NotAuthentic,
    NoUsableKey,
    UnexpectedContext,
    UnknownFormat,
)
from strongroom.client.kms_calls import KmsCall
from strongroom.client.messages.algorithm_suites import SUITES, AlgorithmSuite

CONTEXT = {"tenant": "42", "purpose": "test"}
CACHING = CacheLimits(age_seconds_max=600)


@pytest.fixture(scope="module")
def arn(kms: Any) -> str:
    made: str = kms.create_key()["KeyMetadata"]["Arn"]
    return made


@pytest.fixture
def calls(server: RunningServer) -> CountedCalls:
    return CountedCalls(server)


class Time:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("suite", [COMMITTING, COMMITTING_SIGNED], ids=str)
def test_there_and_back(arn: str, calls: CountedCalls, suite: AlgorithmSuite) -> None:
    with EnvelopeClient(arn, kms=calls, suite=suite) as client:
        for length in (0, 1, 65_536, 300_000):
            message = client.encrypt(b"x" * length, CONTEXT)
            assert client.decrypt(message) == (b"x" * length, CONTEXT)
        assert client.decrypt(client.encrypt(b"no context")) == (b"no context", {})
    assert calls.operations == ["GenerateDataKey", "Decrypt"] * 5


def test_pairs_of_the_context_are_required(arn: str, calls: CountedCalls) -> None:
    with EnvelopeClient(arn, kms=calls) as client:
        message = client.encrypt(b"for 42", CONTEXT)
        assert client.decrypt(message, {"tenant": "42"}).encryption_context == CONTEXT
        for required in ({"tenant": "43"}, {"region": ""}, {**CONTEXT, "region": "x"}):
            with pytest.raises(UnexpectedContext):
                client.decrypt(message, required)
        # A message for another tenant that only says that it is for this one.
        with pytest.raises(NoUsableKey, match="InvalidCiphertextException"):
            client.decrypt(message.replace(b"\x0242", b"\x0243"), {"tenant": "43"})
    assert calls.operations == ["GenerateDataKey", "Decrypt", "Decrypt"]


def test_what_was_altered_does_not_open(arn: str, calls: CountedCalls) -> None:
    with EnvelopeClient(arn, kms=calls, caching=CACHING) as client:
        message = client.encrypt(b"x" * 100, CONTEXT)
        client.decrypt(message)
        for position in (-1, -150, len(message) // 2 + 100):
            altered = bytearray(message)
            altered[position] ^= 1
            with pytest.raises((NotAuthentic, UnknownFormat)):
                client.decrypt(altered)
        for other in (b"", b"x", message[:-1], message + b"x"):
            with pytest.raises((NotAuthentic, UnknownFormat)):
                client.decrypt(other)
        assert client.decrypt(message).plaintext == b"x" * 100


def test_a_reserved_name_is_refused(arn: str, calls: CountedCalls) -> None:
    with EnvelopeClient(arn, kms=calls) as client, pytest.raises(ValueError, match="aws-crypto-"):
        client.encrypt(b"x", {"aws-crypto-public-key": "x"})
    assert calls.operations == []


def test_what_is_no_bytes_costs_no_call(arn: str, calls: CountedCalls) -> None:
    with EnvelopeClient(arn, kms=calls) as client:
        for plaintext, context in (("text", {}), (b"x", {"a": 1}), (b"x", {b"a": "b"})):
            with pytest.raises(TypeError):
                client.encrypt(plaintext, context)  # type: ignore[arg-type]
        assert calls.operations == []
        numbers = array.array("I", range(1_000))
        message = client.encrypt(memoryview(numbers))
        assert client.decrypt(message).plaintext == numbers.tobytes()
        # Items of four bytes, of a message that is longer than a block would be that was sized by their count.
        message += bytes(4 + -len(message) % 4)
        with pytest.raises(NotAuthentic, match="something follows"):
            client.decrypt(memoryview(array.array("I", message)))
        with pytest.raises(TypeError):
            client.decrypt("text")  # type: ignore[arg-type]


def test_a_forked_child_has_connections_of_its_own(arn: str, server: RunningServer) -> None:
    with EnvelopeClient(arn, kms=connected(server), caching=CACHING) as client:
        message = client.encrypt(b"x")
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if client.decrypt(message).plaintext == b"x" else 1)
            finally:
                os._exit(2)
        for _ in range(5):
            client.forget_data_keys()
            assert client.decrypt(message).plaintext == b"x"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_data_key_serves_the_messages_of_one_context(arn: str, calls: CountedCalls) -> None:
    contexts = [{"a": "b", "c": "d"}, {"c": "d", "a": "b"}]
    others = [{"a": "bc", "d": ""}, {"a": "b"}, {"ab": "c", "d": ""}, {}, {"c": "b", "a": "d"}, {"ac": "bd"}]
    with EnvelopeClient(arn, kms=calls, caching=CACHING) as client:
        messages = [client.encrypt(b"x", context) for context in contexts]
        assert calls.operations == ["GenerateDataKey"]
        messages += [client.encrypt(b"x", context) for context in others * 2]
        assert calls.operations == ["GenerateDataKey"] * 7
        del calls.operations[:]
        opened = [client.decrypt(message).encryption_context for message in messages]
        assert opened == contexts + others * 2
        assert calls.operations == ["Decrypt"] * 7


def test_the_limits_hold(arn: str, calls: CountedCalls) -> None:
    time, limits = Time(), CacheLimits(age_seconds_max=60, messages_max=5, bytes_max=1_000)
    with EnvelopeClient(arn, kms=calls, caching=limits, clock=time) as client:

        def asked(*lengths: int) -> int:
            del calls.operations[:]
            for length in lengths:
                client.encrypt(b"x" * length)
            return len(calls.operations)

        assert asked(*[1] * 10) == 2
        assert asked(990, 10, 991, 9) == 2
        # Longer than any data key may encrypt: one of its own, beside the one that is kept and full by now.
        assert asked(1_001, 1_001, 0) == 2
        time.seconds += 60
        assert asked(0, 0) == 1
        message = client.encrypt(b"x")
        del calls.operations[:]
        client.decrypt(message)
        client.decrypt(message)
        time.seconds += 60
        client.decrypt(message)
        assert calls.operations == ["Decrypt", "Decrypt"]


def test_a_crowd_of_threads_is_counted_exactly(arn: str, calls: CountedCalls) -> None:
    limits, gate = CacheLimits(age_seconds_max=600, messages_max=50), threading.Barrier(24)
    with EnvelopeClient(arn, kms=calls, caching=limits, suite=COMMITTING) as client:

        def work() -> list[bytes]:
            gate.wait()
            return [client.encrypt(b"x", CONTEXT) for _ in range(25)]

        with ThreadPoolExecutor(24) as pool:
            messages = [message for future in [pool.submit(work) for _ in range(24)] for message in future.result()]
        assert calls.operations == ["GenerateDataKey"] * 12
        gate = threading.Barrier(24)
        with ThreadPoolExecutor(24) as pool:
            opened = list(pool.map(lambda message: client.decrypt(message).plaintext, messages))
        assert opened == [b"x"] * 600
        assert calls.operations[12:] == ["Decrypt"] * 12


def test_a_failure_reaches_all_who_wait(kms: Any, server: RunningServer) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=arn)
    gate = threading.Barrier(8)
    codes: list[str] = []

    def work() -> None:
        gate.wait()
        try:
            client.encrypt(b"x")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    with EnvelopeClient(arn, kms=connected(server), caching=CACHING) as client, ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result()
        assert codes == ["DisabledException"] * 8
        # Nothing of the failure is kept.
        kms.enable_key(KeyId=arn)
        client.encrypt(b"x")


def test_a_disabled_key_is_noticed_when_the_data_key_goes(kms: Any, server: RunningServer) -> None:
    arn, time = kms.create_key()["KeyMetadata"]["Arn"], Time()
    limits = CacheLimits(age_seconds_max=60)
    with EnvelopeClient(arn, kms=connected(server), caching=limits, clock=time) as client:
        message = client.encrypt(b"x")
        client.decrypt(message)
        kms.disable_key(KeyId=arn)
        assert client.decrypt(client.encrypt(b"y")).plaintext == b"y"
        time.seconds += 60
        with pytest.raises(NoUsableKey, match="DisabledException"):
            client.decrypt(message)
        kms.enable_key(KeyId=arn)
        client.encrypt(b"x")
        kms.disable_key(KeyId=arn)
        client.forget_data_keys()
        with pytest.raises(ClientError, match="DisabledException"):
            client.encrypt(b"x")


def test_a_stream_uses_a_kept_data_key_only_when_its_length_is_known(arn: str, calls: CountedCalls) -> None:
    def streamed(client: EnvelopeClient, length: int | None) -> bytes:
        sink = io.BytesIO()
        client.encrypt_stream(io.BytesIO(b"x" * 3_000_000), sink, CONTEXT, length_bytes=length)
        return sink.getvalue()

    with EnvelopeClient(arn, kms=calls, caching=CACHING) as client:
        messages = [streamed(client, length) for length in (None, 3_000_000, 3_000_001, None)]
        assert calls.operations == ["GenerateDataKey"] * 3
        with pytest.raises(ValueError, match="longer than was said"):
            streamed(client, 2_999_999)
        for message in messages:
            sink = io.BytesIO()
            assert client.decrypt_stream(io.BytesIO(message), sink, {"tenant": "42"}) == CONTEXT
            assert sink.getvalue() == b"x" * 3_000_000


def test_files_share_a_data_key(arn: str, calls: CountedCalls, tmp_path: Path) -> None:
    with EnvelopeClient(arn, kms=calls, caching=CacheLimits(age_seconds_max=600, bytes_max=10_000)) as client:
        for number in range(5):
            path = tmp_path / str(number)
            path.write_bytes(b"x" * 4_000)
            client.encrypt_file(path, tmp_path / f"{number}.encrypted")
        # A file whose length says nothing.
        client.encrypt_file("/proc/self/status", tmp_path / "status.encrypted")
        assert calls.operations == ["GenerateDataKey"] * 4
        client.decrypt_file(tmp_path / "status.encrypted", tmp_path / "status")
    assert b"Name:" in (tmp_path / "status").read_bytes()


def test_files_appear_whole_or_not_at_all(arn: str, server: RunningServer, tmp_path: Path) -> None:
    plain, message, opened = (tmp_path / name for name in ("plain", "message", "opened"))
    plain.write_bytes(b"0123456789" * 500_000)
    with EnvelopeClient(arn, kms=connected(server)) as client:
        client.encrypt_file(plain, message, CONTEXT)
        assert client.decrypt_file(message, opened, CONTEXT) == CONTEXT
        assert opened.read_bytes() == plain.read_bytes()
        assert opened.stat().st_mode & 0o777 == 0o600
        altered = bytearray(message.read_bytes())
        altered[-1] ^= 1
        message.write_bytes(altered)
        opened.write_bytes(b"what was here before")
        with pytest.raises(NotAuthentic):
            client.decrypt_file(message, opened)
        with pytest.raises(FileNotFoundError):
            client.encrypt_file(tmp_path / "nothing", tmp_path / "new")
    assert opened.read_bytes() == b"what was here before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["message", "opened", "plain"]


def test_a_closed_client_has_no_keys(arn: str, server: RunningServer) -> None:
    client = EnvelopeClient(arn, kms=connected(server), caching=CACHING)
    message = client.encrypt(b"x")
    client.close()
    for attempt in (lambda: client.encrypt(b"x"), lambda: client.decrypt(message)):
        with pytest.raises(Closed):
            attempt()


def test_it_is_neither_shown_nor_pickled(arn: str, server: RunningServer) -> None:
    with EnvelopeClient(arn, kms=connected(server), caching=CACHING) as client:
        opened = client.decrypt(client.encrypt(b"a secret", CONTEXT))
        assert repr(client) == f"EnvelopeClient(KmsKeys(['{arn}'], discovery=None))"
        assert "secret" not in repr(opened)
        with pytest.raises(TypeError, match="not copied or pickled"):
            pickle.dumps(client)


def test_no_log_has_a_data_key(arn: str, server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    keys: list[bytes] = []

    class Noting(CountedCalls):
        def attempt(self, call: KmsCall) -> Any:
            answer = super().attempt(call)
            keys.append(answer.get("Plaintext", b""))
            assert repr(call.parameters) not in repr(call)
            return answer

    caplog.set_level(logging.DEBUG)
    others = connected(server)
    with EnvelopeClient([arn, arn], kms=Noting(server), caching=CACHING) as client:
        client.decrypt(client.encrypt(b"x" * 50))
    assert len(keys) == 3
    assert keys[0] == keys[2]
    for key in (keys[0], b"x" * 50):
        for shown in (base64.b64encode(key).decode(), repr(key)[2:-1]):
            assert shown not in caplog.text
    assert "botocore.hooks" in caplog.text
    # Other clients of the same process log as they did.
    caplog.clear()
    others._client("us-east-1").describe_key(KeyId=arn)
    assert '"KeyMetadata"' in caplog.text


@pytest.mark.parametrize("source", ["environment", "boto3"])
def test_it_finds_its_kms(arn: str, server: RunningServer, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kms: KmsCalls | None = None
    if source == "environment":
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        # It is ours alone that tries again.
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    else:
        session = boto3.Session(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, region_name="us-east-1")
        kms = KmsCalls(session, endpoint_url=server.https, ca_bundle=str(server.ca_bundle))
    key_id = arn.rpartition("/")[2]
    with EnvelopeClient(key_id, kms=kms) as client:
        assert client.decrypt(client.encrypt(b"x", CONTEXT)) == (b"x", CONTEXT)
        options = client._kms._client("us-east-1").meta.config
        assert options.retries["total_max_attempts"] == 1


def test_messages_are_not_written_without_commitment(arn: str) -> None:
    for suite in SUITES.values():
        make: Callable[[], EnvelopeClient] = lambda suite=suite: EnvelopeClient(arn, suite=suite)  # noqa: E731
        if suite.commits:
            make().close()
        else:
            with pytest.raises(ValueError, match="no key commitment"):
                make()
