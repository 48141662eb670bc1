"""The steps of a request, from signed bytes to the audit record, without a socket."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house

from strongroom.base.context import Origin, new_request_id
from strongroom.operations import registry
from strongroom.server.counters import RequestCounters
from strongroom.server.pipeline import Pipeline
from strongroom.wire.http import HttpRequest, HttpResponse


async def signed(opened: OpenedHouse, pipeline: Pipeline, operation: str, body: bytes, **changed: str) -> HttpResponse:
    credential = await opened.house.principals.root_access_key(ACCOUNT)
    assert credential is not None
    secret = changed.get("secret", credential.secret_access_key)
    headers = {
        "Host": "localhost",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"TrentService.{operation}",
    }
    request = AWSRequest("POST", "http://localhost/", data=body, headers=headers)
    keys = Credentials(credential.caller.identity.access_key_id, secret)
    SigV4Auth(keys, "kms", changed.get("region", "us-east-1")).add_auth(request)
    pairs = [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()]
    now = time.time()
    origin = Origin(new_request_id(now), now, "127.0.0.1", False)
    return await pipeline.handle(HttpRequest("POST", b"/", b"", pairs, origin, body))


def told(response: HttpResponse) -> tuple[int, Any]:
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body)


def test_refused_parameters_leave_a_record_without_the_parameters(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as opened:
            pipeline = Pipeline(opened.house, RequestCounters())
            status, answer = told(await signed(opened, pipeline, "GenerateRandom", b'{"NumberOfBytes": 2000}'))
            assert (status, answer["__type"]) == (400, "ValidationException")
            status, answer = told(await signed(opened, pipeline, "Encrypt", b'{"KeyId": "x", "Plaintext": 7}'))
            assert (status, answer["__type"]) == (400, "SerializationException")
            now = opened.clock.now()
            records = await opened.house.audit.records(now - 60, now + 1)
            assert [(each.operation, each.error_code, each.request) for each in records] == [
                ("GenerateRandom", "ValidationException", {}),
                ("Encrypt", "SerializationException", {}),
            ]
            # The client is told which value was wrong; the record must not, for it may be a secret in the wrong place.
            assert [each.error_message for each in records] == ["", ""]
            assert {each.identity.arn for each in records} == {f"arn:aws:iam::{ACCOUNT}:root"}

    asyncio.run(main())


@pytest.mark.parametrize("region", ["x" * 33, "US-EAST-1", "us_east_1", "us--east-1", "-", ""])
def test_a_region_that_cannot_be_is_refused(tmp_path: Path, region: str) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as opened:
            pipeline = Pipeline(opened.house, RequestCounters())
            status, answer = told(await signed(opened, pipeline, "CreateKey", b"{}", region=region))
            assert (status, answer["__type"]) in [
                (400, "InvalidSignatureException"),
                (400, "IncompleteSignatureException"),
            ]
            for name in ("x" * 32, "eu-central-1", "local"):
                assert told(await signed(opened, pipeline, "ListKeys", b"{}", region=name)) == (
                    200,
                    {"Keys": [], "Truncated": False},
                )

    asyncio.run(main())


def test_what_is_not_served_says_so_and_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(registry.OPERATIONS, ("kms", "Sign"))

    async def main() -> None:
        async with opened_house(tmp_path) as opened:
            pipeline = Pipeline(opened.house, RequestCounters())
            body = b'{"KeyId": "alias/a", "Message": "c2VjcmV0", "SigningAlgorithm": "ECDSA_SHA_256"}'
            status, answer = told(await signed(opened, pipeline, "Sign", body))
            assert (status, answer["__type"]) == (400, "UnsupportedOperationException")
            now = opened.clock.now()
            (record,) = await opened.house.audit.records(now - 60, now + 1)
            assert (record.operation, record.error_code) == ("Sign", "UnsupportedOperationException")
            assert record.request == {"KeyId": "alias/a", "SigningAlgorithm": "ECDSA_SHA_256"}

    asyncio.run(main())


def test_who_did_not_sign_rightly_is_told_so_and_nothing_is_done(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as opened:
            pipeline = Pipeline(opened.house, RequestCounters())
            response = await signed(opened, pipeline, "CreateKey", b"{}", secret="not-the-secret")
            assert told(response)[1]["__type"] == "InvalidSignatureException"
            assert (await opened.kms("ListKeys"))["Keys"] == []
            assert told(await signed(opened, pipeline, "CreateKey", b"{}"))[0] == 200
            assert len((await opened.kms("ListKeys"))["Keys"]) == 1

    asyncio.run(main())
