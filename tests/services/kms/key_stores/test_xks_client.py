"""The client of external key store proxies, against the reference proxy."""

import asyncio
import base64
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.services.kms.key_stores.conftest import HOST, Certificates, made_certificates
from tests.services.kms.key_stores.reference_proxy import (
    ACCESS_KEY_ID,
    BASE_PATH,
    SECRET_ACCESS_KEY,
    RawAnswer,
    ReferenceProxy,
)

from strongroom.services.kms.key_stores.xks_answers import ExternalKey
from strongroom.services.kms.key_stores.xks_client import RequestMetadata, XksClient, XksProxy
from strongroom.services.kms.key_stores.xks_connection import Address
from strongroom.services.kms.key_stores.xks_errors import XksProxyError
from strongroom.services.kms.key_stores.xks_protocol import ERROR_STATUSES, SealedByProxy, integrity_value
from strongroom.services.kms.key_stores.xks_signature import XksCredential

T = TypeVar("T")
# A handshake on a busy machine takes longer than AWS allows.
PATIENCE_SECONDS = 20.0
METADATA = RequestMetadata(
    kms_request_id="4112f4d6-db54-4af4-ae30-c55a22a8dfae",
    kms_operation="Encrypt",
    aws_principal_arn="arn:aws:iam::123456789012:user/Alice",
    kms_key_arn="arn:aws:kms:us-east-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
)


@pytest.fixture
def description(proxy: ReferenceProxy, certificates: Certificates) -> XksProxy:
    return XksProxy(
        host=HOST,
        path=BASE_PATH,
        credential=XksCredential(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
        address=Address("127.0.0.1", proxy.port),
        trust=certificates.authority,
    )


def asked(
    description: XksProxy, work: Callable[[XksClient], Awaitable[T]], timeout_seconds: float = PATIENCE_SECONDS
) -> T:
    """Return what comes of `work` with a client."""

    async def main() -> T:
        client = XksClient(description, "us-east-2", timeout_seconds)
        try:
            return await work(client)
        finally:
            client.close()

    return asyncio.run(main())


def refused(
    description: XksProxy, work: Callable[[XksClient], Awaitable[Any]], timeout_seconds: float = PATIENCE_SECONDS
) -> XksProxyError:
    with pytest.raises(XksProxyError) as refusal:
        asked(description, work, timeout_seconds)
    return refusal.value


async def encrypt_something(client: XksClient) -> SealedByProxy:
    return await client.encrypt("key-1", b"a data key", b"context", METADATA)


@pytest.mark.parametrize("plaintext", [b"", b"x", bytes(range(256)), bytes(4_300)], ids=len)
@pytest.mark.parametrize("aad", [b"", b"project=nile", bytes(8_192)], ids=len)
def test_a_round_trip(description: XksProxy, plaintext: bytes, aad: bytes) -> None:
    async def work(client: XksClient) -> bytes:
        sealed = await client.encrypt("key-1", plaintext, aad, METADATA)
        assert sealed.metadata == b"key_version=1"
        return await client.decrypt("key-1", sealed, aad, METADATA)

    assert asked(description, work) == plaintext


def test_a_proxy_need_not_send_metadata(description: XksProxy, proxy: ReferenceProxy) -> None:
    proxy.sends_metadata = False

    async def work(client: XksClient) -> bytes:
        sealed = await encrypt_something(client)
        assert sealed.metadata == b""
        return await client.decrypt("key-1", sealed, b"context", METADATA)

    assert asked(description, work) == b"a data key"
    assert all("ciphertextMetadata" not in members for _, members in proxy.requests)


@pytest.mark.parametrize("part", SealedByProxy._fields)
def test_what_was_altered_does_not_open(description: XksProxy, part: str) -> None:
    async def work(client: XksClient) -> None:
        sealed = await encrypt_something(client)
        value = getattr(sealed, part)
        altered = sealed._replace(**{part: bytes([value[0] ^ 1]) + value[1:]})
        await client.decrypt("key-1", altered, b"context", METADATA)

    assert refused(description, work).name == "InvalidCiphertextException"


def test_another_key_or_context_does_not_open(description: XksProxy) -> None:
    for key_id, aad in (("key-2", b"context"), ("key-1", b"contex"), ("key-1", b"")):

        async def work(client: XksClient, key_id: str = key_id, aad: bytes = aad) -> None:
            await client.decrypt(key_id, await encrypt_something(client), aad, METADATA)

        assert refused(description, work).name == "InvalidCiphertextException"


def test_a_key_is_described(description: XksProxy, proxy: ReferenceProxy) -> None:
    async def work(client: XksClient) -> ExternalKey:
        return await client.describe_key("key-1", METADATA)

    assert asked(description, work) == ExternalKey("AES_256", ("ENCRYPT", "DECRYPT", "WRAP"), True)
    proxy.disabled.add("key-1")
    assert not asked(description, work).is_enabled
    assert refused(description, encrypt_something).name == "InvalidStateException"
    proxy.disabled.clear()
    proxy.usages = ["DECRYPT"]
    assert refused(description, encrypt_something).name == "InvalidKeyUsageException"


@pytest.mark.parametrize(
    ("statuses", "is_available"),
    [(["ACTIVE"], True), (["UNAVAILABLE", "DEGRADED"], True), (["UNAVAILABLE"] * 10, False)],
)
def test_health(description: XksProxy, proxy: ReferenceProxy, statuses: list[str], is_available: bool) -> None:
    proxy.health_statuses = statuses
    found = asked(description, lambda client: client.health(METADATA))
    assert found.key_managers == tuple(statuses)
    assert found.is_available is is_available
    assert (found.fleet_size, found.vendor) == (1, "Tests")


def test_the_proxy_learns_what_the_specification_says(description: XksProxy, proxy: ReferenceProxy) -> None:
    via = replace(METADATA, kms_via_service="s3.us-east-2.amazonaws.com")
    asked(description, lambda client: client.encrypt("key-1", b"Hello World!", b"", via))
    asked(description, lambda client: client.health(RequestMetadata(kms_request_id="1", kms_operation="Connect")))
    (path, members), (_, health) = proxy.requests
    assert path == f"{BASE_PATH}/keys/key-1/encrypt"
    assert members == {
        "requestMetadata": {
            "awsPrincipalArn": METADATA.aws_principal_arn,
            "kmsKeyArn": METADATA.kms_key_arn,
            "kmsOperation": "Encrypt",
            "kmsRequestId": METADATA.kms_request_id,
            "kmsViaService": "s3.us-east-2.amazonaws.com",
        },
        "plaintext": "SGVsbG8gV29ybGQh",
        "encryptionAlgorithm": "AES_GCM",
        "ciphertextDataIntegrityValueAlgorithm": "SHA_256",
    }
    assert health == {"requestMetadata": {"kmsRequestId": "1", "kmsOperation": "Connect"}}
    assert proxy.headers[0]["content-type"] == "application/json"
    assert proxy.headers[0]["host"] == HOST


def test_a_wrong_secret_is_told_apart(description: XksProxy) -> None:
    wrong = replace(description, credential=XksCredential(ACCESS_KEY_ID, SECRET_ACCESS_KEY[:-1] + "A"))
    assert refused(wrong, encrypt_something).name == "AuthenticationFailedException"
    assert SECRET_ACCESS_KEY not in repr(description)


def test_a_wrong_path_and_a_missing_key_are_told_apart(description: XksProxy, proxy: ReferenceProxy) -> None:
    elsewhere = replace(description, path="/other/kms/xks/v1")
    assert refused(elsewhere, encrypt_something).name == "InvalidUriPathException"
    absent = refused(description, lambda client: client.encrypt("absent", b"", b"", METADATA))
    assert absent.name == "KeyNotFoundException"
    asked_so_far = len(proxy.requests)
    for key_id in ("..", ".", "", "a/b", "a?b", "a%2fb", "é", "a" * 129):
        odd = refused(description, lambda client, key_id=key_id: client.encrypt(key_id, b"", b"", METADATA))
        assert odd.name == "KeyNotFoundException"
    assert len(proxy.requests) == asked_so_far, "the proxy never hears of an id that could mean another path"


@pytest.mark.parametrize(("name", "status"), ERROR_STATUSES.items())
def test_every_error_of_the_specification(description: XksProxy, proxy: ReferenceProxy, name: str, status: int) -> None:
    body = json.dumps({"errorName": name, "errorMessage": "words of the proxy"}).encode()
    proxy.alter = lambda _, __: RawAnswer(status, body)
    refusal = refused(description, encrypt_something)
    assert refusal.name == name
    assert refusal.message.endswith(".")
    assert "words of the proxy" not in refusal.message + str(refusal)


def altered(**changes: Any) -> Callable[[str, RawAnswer], RawAnswer]:
    """Return what changes members of an answer; None removes one."""

    def alter(_: str, answer: RawAnswer) -> RawAnswer:
        members = json.loads(answer.body) | changes
        return answer._replace(
            body=json.dumps({name: value for name, value in members.items() if value is not None}).encode()
        )

    return alter


def of_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


MALFORMED_ENCRYPTS = {
    "no ciphertext": altered(ciphertext=None),
    "ciphertext of another length": altered(ciphertext=of_bytes(b"shorter")),
    "ciphertext not Base64": altered(ciphertext="@@@@"),
    "ciphertext with white space": altered(ciphertext="YWJjZGVm\nZ2hpag=="),
    "ciphertext a number": altered(ciphertext=1),
    "no initialization vector": altered(initializationVector=None),
    "initialization vector of 13 bytes": altered(initializationVector=of_bytes(bytes(13))),
    "tag of 12 bytes": altered(authenticationTag=of_bytes(bytes(12))),
    "metadata of 21 bytes": altered(ciphertextMetadata=of_bytes(bytes(21))),
    "no integrity value": altered(ciphertextDataIntegrityValue=None),
    "wrong integrity value": altered(ciphertextDataIntegrityValue=of_bytes(bytes(32))),
    "a flipped bit": altered(authenticationTag=of_bytes(bytes(16))),
    "not JSON": lambda _, answer: answer._replace(body=b"{"),
    "not an object": lambda _, answer: answer._replace(body=b"[]"),
    "a name twice": lambda _, answer: answer._replace(body=answer.body[:-1] + b', "ciphertext": ""}'),
    "not UTF-8": lambda _, answer: answer._replace(body=b'{"ciphertext": "\xff"}'),
    "deep": lambda _, answer: answer._replace(body=b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    "empty": lambda _, answer: answer._replace(body=b""),
    "another content type": lambda _, answer: answer._replace(content_type="text/html"),
    "too long": lambda _, answer: answer._replace(body=answer.body + b" " * 70_000),
    "another success": lambda _, answer: answer._replace(status=202),
    "a redirection": lambda _, answer: RawAnswer(307, b"{}"),
    "an unknown error": lambda _, answer: RawAnswer(400, b'{"errorName": "OtherException"}'),
    "an error without a name": lambda _, answer: RawAnswer(500, b"{}"),
    "an error that is no text": lambda _, answer: RawAnswer(500, b'{"errorName": ["InternalException"]}'),
    "an error page": lambda _, answer: RawAnswer(502, b"<html>", "text/html"),
}


@pytest.mark.parametrize("alter", MALFORMED_ENCRYPTS.values(), ids=MALFORMED_ENCRYPTS.keys())
def test_a_malformed_answer_is_not_believed(description: XksProxy, proxy: ReferenceProxy, alter: Any) -> None:
    proxy.alter = alter
    refusal = refused(description, encrypt_something)
    assert refusal.name == "MalformedResponse"
    assert refusal.message.startswith("AWS KMS cannot interpret the response from the external key store proxy.")


def test_a_plaintext_of_another_length_is_not_believed(description: XksProxy, proxy: ReferenceProxy) -> None:
    async def work(client: XksClient) -> None:
        sealed = await encrypt_something(client)
        proxy.alter = altered(plaintext=of_bytes(b"another length"))
        await client.decrypt("key-1", sealed, b"context", METADATA)

    assert refused(description, work).name == "MalformedResponse"


@pytest.mark.parametrize(
    "changes",
    [
        {"keySpec": None},
        {"keySpec": 256},
        {"keyUsage": None},
        {"keyUsage": "ENCRYPT"},
        {"keyUsage": ["ENCRYPT", 1]},
        {"keyUsage": ["ENCRYPT"] * 11},
        {"keyStatus": "enabled"},
        {"keyStatus": None},
    ],
    ids=str,
)
def test_a_malformed_description_is_not_believed(
    description: XksProxy, proxy: ReferenceProxy, changes: dict[str, Any]
) -> None:
    proxy.alter = altered(**changes)
    refusal = refused(description, lambda client: client.describe_key("key-1", METADATA))
    assert refusal.name == "MalformedResponse"


@pytest.mark.parametrize(
    "changes",
    [
        {"xksProxyFleetSize": 0},
        {"xksProxyFleetSize": True},
        {"xksProxyFleetSize": 1.0},
        {"xksProxyVendor": None},
        {"ekmVendor": None},
        {"ekmFleetDetails": []},
        {"ekmFleetDetails": [{"id": "1", "model": "m", "healthStatus": "ACTIVE"}] * 11},
        {"ekmFleetDetails": [{"id": "1", "model": "m", "healthStatus": "WELL"}]},
        {"ekmFleetDetails": [{"id": "1", "healthStatus": "ACTIVE"}]},
        {"ekmFleetDetails": ["ACTIVE"]},
    ],
    ids=str,
)
def test_a_malformed_health_is_not_believed(
    description: XksProxy, proxy: ReferenceProxy, changes: dict[str, Any]
) -> None:
    proxy.alter = altered(**changes)
    assert refused(description, lambda client: client.health(METADATA)).name == "MalformedResponse"


def test_members_that_are_not_known_are_passed_over(description: XksProxy, proxy: ReferenceProxy) -> None:
    proxy.alter = altered(ofALaterVersion={"a": 1})
    assert asked(description, encrypt_something).metadata == b"key_version=1"


def test_connections_are_kept(description: XksProxy, proxy: ReferenceProxy) -> None:
    async def work(client: XksClient) -> None:
        for _ in range(10):
            await encrypt_something(client)

    asked(description, work)
    assert proxy.connections == 1


def test_requests_at_the_same_time_have_connections_of_their_own(description: XksProxy, proxy: ReferenceProxy) -> None:
    async def work(client: XksClient) -> None:
        proxy.delay_seconds = 0.3
        started = time.monotonic()
        await asyncio.gather(*(client.health(METADATA) for _ in range(5)))
        assert time.monotonic() - started < 5 * 0.3

    asked(description, work)
    assert proxy.connections == 5


def test_a_connection_that_the_proxy_closed_is_replaced(description: XksProxy, proxy: ReferenceProxy) -> None:
    async def work(client: XksClient) -> None:
        await encrypt_something(client)
        proxy.close_connections()
        await encrypt_something(client)
        await asyncio.sleep(0.2)
        proxy.close_connections()
        await asyncio.sleep(0.2)
        await encrypt_something(client)
        proxy.close_after_answer = True
        await encrypt_something(client)
        await encrypt_something(client)

    asked(description, work)
    assert proxy.connections >= 4


def test_a_slow_proxy_is_given_up_on_and_the_loop_is_not_held_up(description: XksProxy, proxy: ReferenceProxy) -> None:
    async def work(client: XksClient) -> None:
        await client.health(METADATA)
        proxy.delay_seconds = 1.5
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - before)

        ticking = asyncio.create_task(tick())
        started = time.monotonic()
        with pytest.raises(XksProxyError) as refusal:
            await client.health(METADATA)
        ticking.cancel()
        assert refusal.value.name == "TimedOut"
        assert 0.9 < time.monotonic() - started < 1.4
        assert longest < 0.4

    asked(description, work, timeout_seconds=1.0)


def test_the_answer_to_a_request_that_was_given_up_on_goes_to_nobody(
    description: XksProxy, proxy: ReferenceProxy
) -> None:
    async def work(client: XksClient) -> None:
        sealed = await encrypt_something(client)
        proxy.delay_seconds = 1.2
        with pytest.raises(XksProxyError, match="TimedOut"):
            await client.health(METADATA)
        proxy.delay_seconds = 0.0
        assert await client.decrypt("key-1", sealed, b"context", METADATA) == b"a data key"

    asked(description, work, timeout_seconds=1.0)


def test_nobody_listens(description: XksProxy, proxy: ReferenceProxy) -> None:
    proxy.stop()
    refusal = refused(description, encrypt_something)
    assert refusal.name == "Unreachable"
    assert refusal.message.startswith("AWS KMS cannot communicate with the external key store proxy.")
    nowhere = replace(description, address=Address("no-such-host.invalid", 443))
    assert refused(nowhere, encrypt_something).name == "Unreachable"


def test_a_proxy_that_says_nothing_at_all(description: XksProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = replace(description, address=Address("127.0.0.1", silent.getsockname()[1]))
        assert refused(there, encrypt_something, timeout_seconds=0.25).name == "TimedOut"


def test_tls_is_verified(description: XksProxy, tmp_path: Path) -> None:
    stranger = made_certificates(tmp_path, HOST)
    for changed in ({"trust": stranger.authority}, {"trust": None}, {"host": "other.example.com"}):
        refusal = refused(replace(description, **changed), encrypt_something)
        assert refusal.name == "TlsFailed"
        assert refusal.message.startswith("AWS KMS cannot establish a TLS connection")


def test_plain_http_is_not_spoken(description: XksProxy) -> None:
    async def main() -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            there = Address("127.0.0.1", server.sockets[0].getsockname()[1])
            client = XksClient(replace(description, address=there), "us-east-2", PATIENCE_SECONDS)
            with pytest.raises(XksProxyError) as refusal:
                await encrypt_something(client)
            return refusal.value.name

    assert asyncio.run(main()) == "TlsFailed"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_not_spoken(description: XksProxy, certificates: Certificates) -> None:
    async def main() -> str:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        old.load_cert_chain(certificates.certificate, certificates.private_key)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=old) as server:
            there = Address("127.0.0.1", server.sockets[0].getsockname()[1])
            client = XksClient(replace(description, address=there), "us-east-2", PATIENCE_SECONDS)
            with pytest.raises(XksProxyError) as refusal:
                await encrypt_something(client)
            return refusal.value.name

    assert asyncio.run(main()) == "TlsFailed"


def test_the_integrity_value_of_the_specification() -> None:
    sealed = SealedByProxy(
        ciphertext=base64.b64decode("ghxkK1txeDNn3q8Y"),
        metadata=base64.b64decode("a2V5X3ZlcnNpb249MQ=="),
        iv=base64.b64decode("HMrlRw85cAJUd5Ax"),
        tag=base64.b64decode("vBxN2ncH1oEkR8WVXpmyYQ=="),
    )
    aad = b"project=nile,department=marketing"
    assert of_bytes(integrity_value(aad, sealed)) == "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc="
