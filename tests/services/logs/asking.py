"""Ways to ask CloudWatch Logs, of a house without a server."""

import json
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse

GROUP = "/app/web"
GROUP_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}"
STREAM = "i-1"


async def ask(house: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    """Perform one operation of CloudWatch Logs."""
    return await house.call("logs", operation, **params)


def now_ms(house: OpenedHouse) -> int:
    """Return the time of the house in milliseconds."""
    return int(house.clock.now() * 1000)


async def make_group(
    house: OpenedHouse, name: str = GROUP, streams: tuple[str, ...] = (STREAM,), **params: Any
) -> None:
    """Make a log group with streams."""
    await ask(house, "CreateLogGroup", logGroupName=name, **params)
    for stream in streams:
        await ask(house, "CreateLogStream", logGroupName=name, logStreamName=stream)


async def put(
    house: OpenedHouse, *messages: str, at: int | None = None, stream: str = STREAM, group: str = GROUP
) -> dict[str, Any]:
    """Put messages, a millisecond apart, from `at` (milliseconds) or a second ago on."""
    begin = now_ms(house) - 1_000 if at is None else at
    events = [{"timestamp": begin + index, "message": message} for index, message in enumerate(messages)]
    return await ask(house, "PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=events)


async def messages_of(house: OpenedHouse, stream: str = STREAM, **params: Any) -> list[str]:
    """Return what GetLogEvents answers of a stream, from its beginning."""
    named = {"logGroupName": GROUP, "logStreamName": stream, "startFromHead": True}
    return [event["message"] for event in (await ask(house, "GetLogEvents", **(named | params)))["events"]]


async def filtered(house: OpenedHouse, **params: Any) -> list[str]:
    """Return what FilterLogEvents finds, on all of its pages."""
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = await ask(house, "FilterLogEvents", **({"logGroupName": GROUP} | params | token))
        found += [event["message"] for event in page["events"]]
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


async def key_for_logs(
    house: OpenedHouse, arn: str = GROUP_ARN, principal: str = "logs.us-east-1.amazonaws.com", **params: Any
) -> str:
    """Make a KMS key that CloudWatch Logs may use for one ARN, as AWS's manual says; return its ARN."""
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    made = await house.kms("CreateKey", Policy=policy, **params)
    return str(made["KeyMetadata"]["Arn"])
