"""GetCallerIdentity, through a real client over HTTPS and over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, opened_house
from tests.services.refusals import refused

from strongroom.operations.trail import as_cloudtrail


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_the_root_user_is_told_who_it_is(server: Any, secure: bool, region: str) -> None:
    answer = server.client("sts", secure=secure, region=region).get_caller_identity()
    account = answer["Account"]
    assert (answer["UserId"], answer["Arn"]) == (account, f"arn:aws:iam::{account}:root")
    assert len(account) == 12


def test_a_stranger_is_told_nothing(server: Any) -> None:
    with refused("InvalidClientTokenId"):
        server.client("sts", aws_access_key_id="AKIAUNKNOWNUNKNOWN01").get_caller_identity()
    with refused("SignatureDoesNotMatch"):
        server.client("sts", aws_secret_access_key="not-the-secret-at-all").get_caller_identity()


def test_it_is_recorded_like_everything(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            answer = await house.call("sts", "GetCallerIdentity")
            assert answer == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
            now = house.clock.now()
            (record,) = await house.house.audit.records(now - 60, now + 1)
            event = as_cloudtrail(record)
            assert (event["eventSource"], event["eventName"]) == ("sts.amazonaws.com", "GetCallerIdentity")
            assert event["readOnly"] is True
            assert event["responseElements"] is None

    asyncio.run(main())
