"""What keeping data keys saves, as the audit trail tells it, key by key."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.client.kms_connection import connected
from tests.running_server import RunningServer, eventually

from strongroom.client import COMMITTING, CacheLimits, EnvelopeClient

HUNDRED_MESSAGES = CacheLimits(age_seconds_max=600, messages_max=100)
THREADS = 8


def made_arn(server: RunningServer) -> str:
    arn: str = server.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def calls_of_key(server: RunningServer, arn: str) -> list[str]:
    """The names of the cryptographic operations that the audit trail has for a key."""
    pages = (
        server.client("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": arn}])
    )
    names: list[str] = [event["EventName"] for page in pages for event in page["Events"]]
    return [name for name in names if name in ("GenerateDataKey", "Encrypt", "Decrypt")]


def encrypted(server: RunningServer, arn: str, count: int, caching: CacheLimits | None) -> list[bytes]:
    """Encrypt so many small messages in a few threads."""
    with (
        EnvelopeClient(arn, kms=connected(server), caching=caching, suite=COMMITTING) as client,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        messages = list(pool.map(lambda number: client.encrypt(b"%d" % number, {"tenant": "42"}), range(count)))
        for number in (0, count // 2, count - 1):
            assert client.decrypt(messages[number]).plaintext == b"%d" % number
    return messages


def test_ten_thousand_messages_with_caching_take_a_hundred_calls(server: RunningServer) -> None:
    arn = made_arn(server)
    messages = encrypted(server, arn, 10_000, HUNDRED_MESSAGES)
    assert len(set(messages)) == 10_000
    calls: list[str] = []

    def are_there() -> bool:
        calls[:] = calls_of_key(server, arn)
        return len(calls) >= 101

    eventually(30, are_there)
    assert calls.count("GenerateDataKey") == 100
    assert len(calls) <= 110


def without_caching(server: RunningServer, count: int) -> None:
    arn = made_arn(server)
    encrypted(server, arn, count, None)
    eventually(60, lambda: len(calls_of_key(server, arn)) >= count + 3)
    calls = calls_of_key(server, arn)
    assert (calls.count("GenerateDataKey"), calls.count("Decrypt"), len(calls)) == (count, 3, count + 3)


def test_a_thousand_messages_without_take_a_thousand(server: RunningServer) -> None:
    without_caching(server, 1_000)


@pytest.mark.slow
def test_ten_thousand_messages_without_take_ten_thousand(server: RunningServer) -> None:
    without_caching(server, 10_000)
