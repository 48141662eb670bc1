"""Signatures that do not hold: of another time, of another request, of another secret, of nobody."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.faults.plain_client import (
    FORM,
    Answer,
    exchange,
    head_of,
    kms_headers,
    kms_request,
    signed_headers,
)
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer, running_server

BODY = b'{"Limit": 10}'
WHO_AM_I = b"Action=GetCallerIdentity&Version=2011-06-15"


def answer_to(server: RunningServer, sent: bytes) -> Answer:
    answer = exchange(server, sent)
    assert answer is not None
    return answer


def refusal(server: RunningServer, sent: bytes) -> tuple[int, str]:
    answer = answer_to(server, sent)
    return answer.status, answer.code


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (-16, "Signature expired: "),
        (16, "Signature not yet current: "),
        (-60 * 24, "Signature expired: "),
        (60 * 24 * 365, "Signature not yet current: "),
    ],
)
def test_a_clock_that_is_wrong(unharmed: RunningServer, minutes: int, text: str) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    answer = answer_to(unharmed, kms_request(unharmed.http, "ListKeys", BODY, at=at))
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert answer.json["message"].startswith(text)
    sts = head_of(signed_headers(unharmed.http, WHO_AM_I, {"Content-Type": FORM}, service="sts", at=at)) + WHO_AM_I
    answer = answer_to(unharmed, sts)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert text in answer.body.decode()


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_nearly_right(unharmed: RunningServer, minutes: int) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    assert refusal(unharmed, kms_request(unharmed.http, "ListKeys", BODY, at=at)) == (200, "")


def test_a_replay_holds_in_its_time_and_not_after(unharmed: RunningServer) -> None:
    now = datetime.now(UTC)
    recent = kms_request(unharmed.http, "ListKeys", BODY, at=now - timedelta(minutes=14, seconds=30))
    assert [refusal(unharmed, recent) for _ in range(3)] == [(200, "")] * 3
    old = kms_request(unharmed.http, "ListKeys", BODY, at=now - timedelta(minutes=15, seconds=5))
    assert [refusal(unharmed, old) for _ in range(3)] == [(400, "InvalidSignatureException")] * 3


def _other_date(sent: bytes) -> bytes:
    today = datetime.now(UTC)
    return sent.replace(today.strftime("%Y%m%d/").encode(), (today - timedelta(1)).strftime("%Y%m%d/").encode())


def _flipped(sent: bytes) -> bytes:
    at = sent.index(b"Signature=") + len(b"Signature=") + 20
    return sent[:at] + (b"0" if sent[at : at + 1] != b"0" else b"1") + sent[at + 1 :]


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda sent: sent.replace(b": 10}", b": 11}"), id="body"),
        pytest.param(lambda sent: sent.replace(b"POST / ", b"POST /?a=b "), id="query"),
        pytest.param(lambda sent: sent.replace(b"POST / ", b"POST /x "), id="path"),
        pytest.param(lambda sent: sent.replace(b".ListKeys", b".ListAliases"), id="operation"),
        pytest.param(lambda sent: sent.replace(b"Host: 127.0.0.1", b"Host: localhost"), id="host"),
        pytest.param(lambda sent: sent.replace(b"\r\n\r\n", b"\r\nX-Amz-More: x\r\n\r\n"), id="another header"),
        pytest.param(lambda sent: sent.replace(b"x-amz-json-1.1", b"x-amz-json-1.0"), id="content type"),
        pytest.param(lambda sent: sent.replace(b"content-type;", b""), id="fewer signed headers"),
        pytest.param(lambda sent: sent.replace(b";x-amz-target", b""), id="unsigned target"),
        pytest.param(lambda sent: sent.replace(b"us-east-1/kms", b"eu-west-1/kms"), id="region"),
        pytest.param(lambda sent: sent.replace(b"/kms/aws4", b"/sts/aws4"), id="service"),
        pytest.param(lambda sent: sent.replace(b"aws4_request", b"aws5_request"), id="terminator"),
        pytest.param(_other_date, id="day"),
        pytest.param(_flipped, id="signature"),
    ],
)
def test_a_changed_request(unharmed: RunningServer, tamper: Callable[[bytes], bytes]) -> None:
    sent = kms_request(unharmed.http, "ListKeys", BODY)
    assert refusal(unharmed, sent) == (200, "")
    changed = tamper(sent)
    assert changed != sent
    assert refusal(unharmed, changed) == (400, "InvalidSignatureException")


def test_the_time_is_part_of_what_is_signed(unharmed: RunningServer) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    headers = kms_headers(unharmed.http, "ListKeys", BODY, at=old)
    headers["X-Amz-Date"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    assert refusal(unharmed, head_of(headers) + BODY) == (400, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (Credentials(ROOT_ACCESS_KEY_ID, "another secret"), "InvalidSignatureException"),
        (Credentials(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY.upper()), "InvalidSignatureException"),
        (Credentials(ROOT_ACCESS_KEY_ID, "", None), "InvalidSignatureException"),
        (Credentials("AKIANOBODY0000000000", ROOT_SECRET_ACCESS_KEY), "UnrecognizedClientException"),
        (Credentials(ROOT_ACCESS_KEY_ID.lower(), ROOT_SECRET_ACCESS_KEY), "UnrecognizedClientException"),
        (Credentials(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, "a token"), "UnrecognizedClientException"),
    ],
)
def test_the_wrong_credentials(unharmed: RunningServer, credentials: Credentials, code: str) -> None:
    assert refusal(unharmed, kms_request(unharmed.http, "ListKeys", BODY, credentials=credentials)) == (400, code)


def test_who_signs_wrongly_learns_nothing_of_the_right_signature(unharmed: RunningServer) -> None:
    sent = kms_request(unharmed.http, "ListKeys", BODY)
    right = sent.partition(b"Signature=")[2][:64]
    answer = answer_to(unharmed, _flipped(sent))
    assert right not in answer.body
    assert len(answer.body) < 500


def test_a_refused_change_is_not_done(unharmed: RunningServer) -> None:
    body = b'{"Description": "by a forger"}'
    forged = kms_request(unharmed.http, "CreateKey", body, credentials=Credentials(ROOT_ACCESS_KEY_ID, "forged"))
    assert refusal(unharmed, forged) == (400, "InvalidSignatureException")
    kms = unharmed.client("kms")
    keys = [key["KeyId"] for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]]
    described = (kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] for key in keys[:200])
    assert "by a forger" not in described


def test_each_region_is_signed_for_apart(unharmed: RunningServer) -> None:
    """A key lives in the Region that the request is signed for."""
    key_id = unharmed.client("kms", region="eu-central-1").create_key()["KeyMetadata"]["KeyId"]
    assert unharmed.client("kms", region="eu-central-1").describe_key(KeyId=key_id)
    with pytest.raises(ClientError, match="NotFoundException"):
        unharmed.client("kms").describe_key(KeyId=key_id)


def test_an_access_key_that_was_made_inactive(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        assert server.client("kms").list_keys()["Keys"] == []
        server.stop()
        with sqlite3.connect(server.data / "strongroom.db") as database:
            database.execute("UPDATE access_keys SET status = 'Inactive'")
        database.close()
        server.start()
        assert refusal(server, kms_request(server.http, "ListKeys", BODY)) == (400, "UnrecognizedClientException")
