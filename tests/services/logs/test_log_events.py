"""Events: what PutLogEvents takes, and what GetLogEvents gives back."""

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.logs.asking import GROUP, STREAM, ask, make_group, messages_of, now_ms, put
from tests.services.refusals import refused

from strongroom.services.logs.events import reading

DAY_MS = 86_400_000


def test_events_come_back_as_they_were_put(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        at = now_ms(house) - 5_000
        answer = await put(house, "first", "zweite Zeile: Straße", "third\nwith a break\0", at=at)
        assert answer["nextSequenceToken"]
        got = await ask(house, "GetLogEvents", logGroupName=GROUP, logStreamName=STREAM)
        assert [event["message"] for event in got["events"]] == [
            "first",
            "zweite Zeile: Straße",
            "third\nwith a break\0",
        ]
        assert [event["timestamp"] - at for event in got["events"]] == [0, 1, 2]
        assert all(abs(event["ingestionTime"] - now_ms(house)) < 10_000 for event in got["events"])
        stream = (await ask(house, "DescribeLogStreams", logGroupName=GROUP))["logStreams"][0]
        assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (at, at + 2)
        assert (await ask(house, "DescribeLogGroups"))["logGroups"][0]["storedBytes"] == 3 * 26 + 5 + 21 + 19

    in_house(body)


def test_tokens_lead_forwards_and_backwards_and_repeat_at_the_ends(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        named = {"logGroupName": GROUP, "logStreamName": STREAM, "limit": 3}
        empty = await ask(house, "GetLogEvents", **named)
        assert empty["events"] == []
        for number in range(0, 10, 2):
            await put(house, f"{number}", f"{number + 1}", at=now_ms(house) - 10_000 + number)
        again = await ask(house, "GetLogEvents", **named, nextToken=empty["nextForwardToken"])
        assert [event["message"] for event in again["events"]] == ["0", "1", "2"]

        tail = await ask(house, "GetLogEvents", **named)
        assert [event["message"] for event in tail["events"]] == ["7", "8", "9"]
        end = await ask(house, "GetLogEvents", **named, nextToken=tail["nextForwardToken"], startFromHead=True)
        assert (end["events"], end["nextForwardToken"]) == ([], tail["nextForwardToken"])
        back = await ask(house, "GetLogEvents", **named, nextToken=end["nextBackwardToken"])
        assert [event["message"] for event in back["events"]] == ["7", "8", "9"]

        seen, token = [], tail["nextBackwardToken"]
        while True:
            page = await ask(house, "GetLogEvents", **named, nextToken=token)
            if page["nextBackwardToken"] == token:
                break
            seen = [event["message"] for event in page["events"]] + seen
            token = page["nextBackwardToken"]
        assert seen == [str(number) for number in range(7)]
        forth = await ask(house, "GetLogEvents", **named, nextToken=page["nextForwardToken"])
        assert [event["message"] for event in forth["events"]] == ["0", "1", "2"]

        await put(house, "10")
        new = await ask(house, "GetLogEvents", **named, nextToken=tail["nextForwardToken"])
        assert [event["message"] for event in new["events"]] == ["10"]
        for wrong in ("x", "f/1/s", "f/" + "9" * 80 + "/s"):
            with refused("InvalidParameterException", "The specified nextToken is invalid."):
                await ask(house, "GetLogEvents", **named, nextToken=wrong)

    in_house(body)


def test_the_end_of_the_time_is_not_included(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        at = now_ms(house) - 60_000
        await put(house, "a", "b", "c", at=at)
        assert await messages_of(house, startTime=at + 1, endTime=at + 2) == ["b"]
        assert await messages_of(house, startTime=at + 2) == ["c"]
        assert await messages_of(house, endTime=at) == []

    in_house(body)


def test_too_old_too_new_and_expired_events_are_told_and_not_kept(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        await ask(house, "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=3)
        now = now_ms(house)
        times = [now - 20 * DAY_MS, now - 5 * DAY_MS, now - 4 * DAY_MS, now - 60_000, now, now + 3 * 3_600_000]
        events = [{"timestamp": at, "message": str(index)} for index, at in enumerate(times)]
        named = {"logGroupName": GROUP, "logStreamName": STREAM}
        answer = await ask(house, "PutLogEvents", **named, logEvents=events)
        assert answer["rejectedLogEventsInfo"] == {
            "tooOldLogEventEndIndex": 1,
            "expiredLogEventEndIndex": 3,
            "tooNewLogEventStartIndex": 5,
        }
        assert await messages_of(house) == ["3", "4"]
        answer = await ask(house, "PutLogEvents", **named, logEvents=events[:1])
        assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 1} or answer[
            "rejectedLogEventsInfo"
        ] == {"tooOldLogEventEndIndex": 1}

    in_house(body)


def test_what_a_batch_may_not_be(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        now, named = now_ms(house), {"logGroupName": GROUP, "logStreamName": STREAM}

        async def refuse(message: str, *events: tuple[int, str]) -> None:
            sent = [{"timestamp": at, "message": text} for at, text in events]
            with refused("InvalidParameterException", message):
                await ask(house, "PutLogEvents", **named, logEvents=sent)

        await refuse(
            "Log events in a single PutLogEvents request must be in chronological order.", (now, "a"), (now - 1, "b")
        )
        await refuse(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
            (now - 2 * DAY_MS, "a"),
            (now, "b"),
        )
        await refuse("Upload too large: 1048577 bytes exceeds limit of 1048576", (now, "x" * (1_048_576 - 25)))
        await refuse("Upload too large: 1048577 bytes exceeds limit of 1048576", (now, "é" * 524_275 + "x"))
        await put(house, "x" * (1_048_576 - 26))
        with refused("InvalidParameterException"):
            await put(house, "")
        with refused("InvalidParameterException"):
            await put(house, *["x"] * 10_001)
        with refused("ResourceNotFoundException", "The specified log stream does not exist."):
            await put(house, "x", stream="other")
        with refused("ResourceNotFoundException", "The specified log group does not exist."):
            await put(house, "x", group="other")
        await put(house, *["x"] * 10_000)
        # A page holds a megabyte: the long event alone, then the others.
        assert len(await messages_of(house)) == 1
        assert len(await messages_of(house, stream=STREAM, startFromHead=False)) == 10_000

    in_house(body)


def test_batches_that_overlap_are_read_in_the_order_of_time(
    in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCHES_PER_READ", 3)

    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        begin = now_ms(house) - 3_600_000
        for number in range(10):
            events = [
                {"timestamp": begin + 100 * number + 70 * index, "message": f"{100 * number + 70 * index} {number}"}
                for index in range(8)
            ]
            await ask(house, "PutLogEvents", logGroupName=GROUP, logStreamName=STREAM, logEvents=events)
        for descending in (False, True):
            for limit in (1, 3, 7, 50, 10_000):
                found: list[str] = []
                named = {"logGroupName": GROUP, "logStreamName": STREAM, "limit": limit}
                token: dict[str, object] = {"startFromHead": not descending}
                while True:
                    page = await ask(house, "GetLogEvents", **named, **token)
                    texts = [event["message"] for event in page["events"]]
                    found = texts + found if descending else found + texts
                    next_token = page["nextBackwardToken" if descending else "nextForwardToken"]
                    if token.get("nextToken") == next_token:
                        break
                    token = {"nextToken": next_token}
                assert found == sorted(found, key=lambda text: tuple(map(int, text.split())))
                assert len(found) == 80

    in_house(body)


def test_a_deleted_stream_or_group_shows_nothing_and_leaves_nothing(in_house: InHouse[None]) -> None:
    from strongroom.services.logs.events import tables

    async def body(house: OpenedHouse) -> None:
        await make_group(house, streams=("a", "b"))
        await put(house, "in a", stream="a")
        await put(house, "in b", stream="b")
        await ask(house, "DeleteLogStream", logGroupName=GROUP, logStreamName="a")
        with refused("ResourceNotFoundException", "The specified log stream does not exist."):
            await put(house, "x", stream="a")
        await ask(house, "CreateLogStream", logGroupName=GROUP, logStreamName="a")
        assert await messages_of(house, stream="a") == []
        assert await messages_of(house, stream="b") == ["in b"]
        await ask(house, "DeleteLogGroup", logGroupName=GROUP)
        with refused("ResourceNotFoundException", "The specified log group does not exist."):
            await put(house, "x", stream="b")
        await make_group(house, streams=("b",))
        assert await messages_of(house, stream="b") == []
        assert await house.house.store.read(tables.newest_batch) > 0
        await house.run_periodic_work()
        assert await house.house.store.read(tables.newest_batch) == 0

    in_house(body)


def test_events_past_their_retention_are_gone(in_house: InHouse[None]) -> None:
    from datetime import timedelta

    from strongroom.services.logs.events import tables

    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        await put(house, "old", at=now_ms(house) - 3_600_000)
        await ask(house, "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=1)
        assert await messages_of(house) == ["old"]
        house.clock.advance(timedelta(hours=23, minutes=30))
        await put(house, "new")
        assert await messages_of(house) == ["new"]
        await house.run_periodic_work()
        assert await messages_of(house) == ["new"]
        assert (await ask(house, "DescribeLogGroups"))["logGroups"][0]["storedBytes"] == 29
        house.clock.advance(timedelta(days=2))
        await house.run_periodic_work()
        assert await house.house.store.read(tables.newest_batch) == 0
        described = (await ask(house, "DescribeLogGroups"))["logGroups"][0]
        assert (described["storedBytes"], described["retentionInDays"]) == (0, 1)

    in_house(body)
