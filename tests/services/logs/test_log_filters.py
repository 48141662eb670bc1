"""FilterLogEvents, metric filters and subscription filters."""

import base64
import gzip
import json

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.logs.asking import GROUP, GROUP_ARN, ask, filtered, make_group, now_ms, put
from tests.services.refusals import refused

from strongroom.services.logs.events import reading
from strongroom.services.logs.events.batches import Event, event_id
from strongroom.services.logs.filters.delivery import envelope
from strongroom.services.logs.groups.directory import Place


def test_events_of_all_streams_come_interleaved_and_filtered(
    in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCHES_PER_READ", 4)

    async def body(house: OpenedHouse) -> None:
        await make_group(house, streams=("web-1", "web-2", "db"))
        begin = now_ms(house) - 1_000_000
        expected = []
        for number in range(30):
            stream = ("web-1", "web-2", "db")[number % 3]
            level = "ERROR" if number % 5 == 0 else "INFO"
            texts = [json.dumps({"level": level, "number": number}), f"plain {level} {number}"]
            # Each batch overlaps with the two after it.
            await put(house, *texts, stream=stream, at=begin + 10 * number)
            expected += texts
        assert sorted(await filtered(house)) == sorted(expected)
        for limit in (1, 7, 50):
            everything = await filtered(house, limit=limit)
            assert everything == [text for _, text in sorted(enumerate(expected), key=lambda pair: pair[0])]
            assert await filtered(house, limit=limit, startFromHead=False) == everything[::-1]
        assert await filtered(house, filterPattern="plain ERROR") == [f"plain ERROR {n}" for n in range(0, 30, 5)]
        assert len(await filtered(house, filterPattern='{ $.level = "ERROR" && $.number > 10 }')) == 3
        assert await filtered(house, filterPattern="nowhere") == []
        assert len(await filtered(house, logStreamNamePrefix="web-")) == 40
        assert len(await filtered(house, logStreamNames=["db", "web-1"])) == 40
        assert await filtered(house, startTime=begin + 10, endTime=begin + 21) == expected[2:6]
        page = await ask(house, "FilterLogEvents", logGroupName=GROUP, limit=1)
        event = page["events"][0]
        assert (event["logStreamName"], event["timestamp"], len(event["eventId"])) == ("web-1", begin, 56)
        assert page["searchedLogStreams"] == []
        # What one page may read is bounded, and the next one goes on from there.
        monkeypatch.setattr(reading, "SCANNED_BYTES_MAX", 1)
        assert len(await filtered(house, filterPattern="plain ERROR")) == 6
        empty = await ask(house, "FilterLogEvents", logGroupName=GROUP, filterPattern="nowhere")
        assert empty["events"] == []
        assert empty["nextToken"]
        assert await filtered(house, startFromHead=False, filterPattern="nowhere") == []

    in_house(body)


def test_what_a_filter_request_may_not_say(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        with refused("InvalidParameterException"):
            await filtered(house, logStreamNames=["i-1"], logStreamNamePrefix="i")
        with refused("InvalidParameterException"):
            await filtered(house, filterPattern="{ $.x = ")
        with refused("InvalidParameterException", "The specified nextToken is invalid."):
            await filtered(house, nextToken="x")
        with refused("ResourceNotFoundException", "The specified log stream does not exist."):
            await filtered(house, logStreamNames=["i-1", "i-2"])
        with refused("ResourceNotFoundException", "The specified log group does not exist."):
            await filtered(house, logGroupName="/no")

    in_house(body)


def test_metric_filters_are_kept_shown_tried_and_deleted(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1", "defaultValue": 0.0}
        named = {"logGroupName": GROUP, "filterName": "f"}
        await ask(house, "PutMetricFilter", **named, filterPattern=" ", metricTransformations=[transformation])
        filters = (await ask(house, "DescribeMetricFilters", logGroupName=GROUP))["metricFilters"]
        assert filters[0].pop("creationTime")
        assert filters == [
            {
                "filterName": "f",
                "filterPattern": " ",
                "logGroupName": GROUP,
                "metricTransformations": [transformation],
                "applyOnTransformedLogs": False,
            }
        ]
        assert (await ask(house, "DescribeLogGroups"))["logGroups"][0]["metricFilterCount"] == 1
        found = await ask(house, "DescribeMetricFilters", metricName="m", metricNamespace="n")
        assert len(found["metricFilters"]) == 1
        assert (await ask(house, "DescribeMetricFilters", metricName="x", metricNamespace="n"))["metricFilters"] == []
        with refused("InvalidParameterException"):
            await ask(house, "PutMetricFilter", **named, filterPattern="", metricTransformations=[transformation] * 2)
        with refused("InvalidParameterException"):
            wrong = transformation | {"metricValue": "x"}
            await ask(house, "PutMetricFilter", **named, filterPattern="", metricTransformations=[wrong])
        for number in range(3):
            params = {"filterPattern": "{ $.a = %a% && $.b = %b% }", "metricTransformations": [transformation]}
            putting = ask(house, "PutMetricFilter", logGroupName=GROUP, filterName=f"r{number}", **params)
            if number < 2:
                await putting
            else:
                with refused("LimitExceededException"):
                    await putting
        await ask(house, "DeleteMetricFilter", **named)
        with refused("ResourceNotFoundException"):
            await ask(house, "DeleteMetricFilter", **named)
        tried = await ask(
            house, "TestMetricFilter", filterPattern="[ip, user, status=4*]", logEventMessages=["a b 404", "a b 200"]
        )
        assert [match["eventNumber"] for match in tried["matches"]] == [1]
        assert tried["matches"][0]["extractedValues"] == {"$ip": "a", "$user": "b", "$status": "404"}

    in_house(body)


def test_subscription_filters_to_what_cannot_be_delivered_to(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        assert await ask(house, "DescribeSubscriptionFilters", logGroupName=GROUP) == {"subscriptionFilters": []}
        named = {"logGroupName": GROUP, "filterName": "f", "filterPattern": ""}
        arn = "arn:aws:lambda:us-east-1:111122223333:function:f"
        denied = (
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute "
            "your function."
        )
        with refused("InvalidParameterException", denied):
            await ask(house, "PutSubscriptionFilter", **named, destinationArn=arn)
        with refused("UnsupportedOperationException"):
            await ask(house, "PutSubscriptionFilter", **named, destinationArn=arn.replace("lambda", "kinesis"))
        elsewhere = "The destination must be a function of the same account and Region."
        for other in (arn.replace("us-east-1", "eu-west-1"), arn.replace("1111", "2222")):
            with refused("InvalidParameterException", elsewhere):
                await ask(house, "PutSubscriptionFilter", **named, destinationArn=other)
        missing = "The specified subscription filter does not exist."
        with refused("ResourceNotFoundException", missing):
            await ask(house, "DeleteSubscriptionFilter", logGroupName=GROUP, filterName="f")
        with refused("ResourceNotFoundException", "The specified log group does not exist."):
            await ask(house, "DescribeSubscriptionFilters", logGroupName="/no")

    in_house(body)


def test_the_envelope_of_a_delivery() -> None:
    event = Event(event_id(1_700_000_000_000, 5, 0), 1_700_000_000_000, 1_700_000_000_001, "s", "the message")
    made = envelope(Place("111122223333", "us-east-1", GROUP), "s", "f", [event])
    told = json.loads(gzip.decompress(base64.b64decode(made["awslogs"]["data"])))
    assert told == {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": GROUP,
        "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [{"id": event.id_text, "timestamp": 1_700_000_000_000, "message": "the message"}],
    }
    assert GROUP_ARN.endswith(GROUP)
