"""M13: log groups under a KMS key: who must allow it, what it covers, and what disabling it does."""

import json
import time
from typing import Any

from strongroom.tour.command_line import File
from strongroom.tour.visit import NO_ERROR, Visit

GROUP = "/tour/encrypted"


def show(visit: Visit) -> None:
    """Associate a key with a group that has events already, disable it, enable it, and read in between."""
    account = visit.served.account
    arn = f"arn:aws:logs:{account.region}:{account.account_id}:log-group:{GROUP}"
    visit.aws("logs", "CreateLogGroup", logGroupName=GROUP)
    for stream in ("before", "since"):
        visit.aws("logs", "CreateLogStream", logGroupName=GROUP, logStreamName=stream)
    _put(visit, "before")
    key_arn = visit.aws("kms", "CreateKey", Description="logs", query="KeyMetadata.Arn")["KeyMetadata"]["Arn"]
    associate: dict[str, Any] = {"logGroupName": GROUP, "kmsKeyId": key_arn}
    seen = visit.error_of("logs", "AssociateKmsKey", **associate)
    visit.prove(
        "a key that does not allow the logs service is refused", expected="InvalidParameterException", seen=seen
    )
    visit.say("The key policy has to allow the service principal, for this group:")
    policy = json.loads(visit.aws("kms", "GetKeyPolicy", KeyId=key_arn, query="Policy", is_quiet=True)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{account.region}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
        }
    )
    visit.aws("kms", "PutKeyPolicy", KeyId=key_arn, Policy=File.of_json("key-policy.json", policy))
    seen = visit.error_of("logs", "AssociateKmsKey", **associate)
    visit.prove("with the permission it is taken", expected=NO_ERROR, seen=seen)
    _put(visit, "since")
    visit.say("New events are under the key; the older ones stay as they were. Now the key is disabled:")
    read: dict[str, Any] = {"logGroupName": GROUP, "query": "events[].message"}
    seen = visit.error_of("logs", "GetLogEvents", **read, logStreamName="since")
    visit.prove("with the key, events are read", expected=NO_ERROR, seen=seen)
    visit.aws("kms", "DisableKey", KeyId=key_arn)
    seen = visit.error_of("logs", "GetLogEvents", **read, logStreamName="since")
    visit.prove("disabled key: events since then are unreadable", expected="AccessDeniedException", seen=seen)
    seen = visit.error_of("logs", "GetLogEvents", **read, logStreamName="before")
    visit.prove("events from before the key are readable still", expected=NO_ERROR, seen=seen)
    visit.aws("kms", "EnableKey", KeyId=key_arn)
    told = visit.aws("logs", "GetLogEvents", **read, logStreamName="since")["events"]
    visit.prove(
        "enabled again: they are back", expected=[_message(visit, "since")], seen=[each["message"] for each in told]
    )


def _message(visit: Visit, stream: str) -> str:
    return visit.canary.secret(f"{stream}-event")


def _put(visit: Visit, stream: str) -> None:
    events = [{"timestamp": int(time.time() * 1000), "message": _message(visit, stream)}]
    visit.aws(
        "logs",
        "PutLogEvents",
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=events,
        query="rejectedLogEventsInfo",
    )
