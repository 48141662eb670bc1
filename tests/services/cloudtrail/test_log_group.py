"""Delivery to a log group, in a role; and how events are parted for PutLogEvents."""

import json
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.cloudtrail.trailing import BUCKET, deliver, make_bucket, status
from tests.services.refusals import refused

from strongroom.services.cloudtrail.log_events import (
    CALL_BYTES_MAX,
    CALL_SPAN_MS_MAX,
    EVENT_BYTES_MAX,
    EVENTS_PER_CALL_MAX,
    portions,
)
from strongroom.services.cloudtrail.log_files import Events

GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:trail-group:*"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/to-logs"
STREAM = f"{ACCOUNT}_CloudTrail_us-east-1"
TO_LOGS = {"CloudWatchLogsLogGroupArn": GROUP, "CloudWatchLogsRoleArn": ROLE}


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


async def create(house: OpenedHouse, **params: Any) -> None:
    await house.call("cloudtrail", "CreateTrail", Name="management", S3BucketName=BUCKET, **(TO_LOGS | params))


def test_events_in_a_log_group(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_bucket(house)
        with refused("InvalidCloudWatchLogsRoleArnException"):
            await create(house)
        trust = policy(Principal={"Service": "cloudtrail.amazonaws.com"}, Action="sts:AssumeRole")
        await house.call("iam", "CreateRole", RoleName="to-logs", AssumeRolePolicyDocument=trust)
        with refused("InvalidCloudWatchLogsRoleArnException"):
            await create(house)
        stream_arn = GROUP.removesuffix("*") + f"log-stream:{STREAM}*"
        allowed = policy(Action=["logs:CreateLogStream", "logs:PutLogEvents"], Resource=stream_arn)
        await house.call("iam", "PutRolePolicy", RoleName="to-logs", PolicyName="put", PolicyDocument=allowed)
        with refused("InvalidCloudWatchLogsLogGroupArnException"):
            await create(house)
        await house.call("logs", "CreateLogGroup", logGroupName="trail-group")
        with refused("InvalidCloudWatchLogsLogGroupArnException"):
            await create(house, CloudWatchLogsLogGroupArn=GROUP.replace("us-east-1", "eu-west-1"))
        await create(house)
        await house.call("cloudtrail", "StartLogging", Name="management")
        await house.kms("ListKeys")
        await deliver(house)
        told = await status(house)
        assert told["LatestCloudWatchLogsDeliveryTime"]
        asked = {"logGroupName": "trail-group", "logStreamName": STREAM, "startFromHead": True}
        events = (await house.call("logs", "GetLogEvents", **asked))["events"]
        assert [json.loads(each["message"])["eventName"] for each in events] == ["StartLogging", "ListKeys"]
        await house.call("iam", "DeleteRolePolicy", RoleName="to-logs", PolicyName="put")
        await house.kms("ListAliases")
        await deliver(house)
        told = await status(house)
        assert told["LatestCloudWatchLogsDeliveryError"] == "AccessDeniedException"
        assert "LatestDeliveryError" not in told

    in_house(body)


def test_portions() -> None:
    events = Events()
    events.encoded = [b"x" * 100] * (EVENTS_PER_CALL_MAX + 1)
    events.times = list(range(len(events.encoded)))
    assert [len(each) for each in portions([events])] == [8_322, EVENTS_PER_CALL_MAX + 1 - 8_322]
    small = Events([b"x"] * (EVENTS_PER_CALL_MAX + 1), [1] * (EVENTS_PER_CALL_MAX + 1))
    assert [len(each) for each in portions([small])] == [EVENTS_PER_CALL_MAX, 1]
    late = Events([b"b", b"a"], [CALL_SPAN_MS_MAX + 1, 0])
    assert [[each["message"] for each in portion] for portion in portions([late])] == [["a"], ["b"]]
    large = Events([b"x" * EVENT_BYTES_MAX, b"y"], [1, 2])
    assert [[each["message"] for each in portion] for portion in portions([large])] == [["y"]]
    assert all(sum(len(each["message"]) + 26 for each in p) <= CALL_BYTES_MAX for p in portions([events]))
