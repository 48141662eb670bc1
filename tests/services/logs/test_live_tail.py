"""Live Tail: events as they come in."""

import asyncio
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.logs.asking import GROUP, GROUP_ARN, ask, key_for_logs, make_group, put
from tests.services.refusals import refused

from strongroom.services.logs import live_tail


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_tail, "UPDATE_SECONDS", 0.02)


async def tail(house: OpenedHouse, **params: Any) -> Any:
    answer = await ask(house, "StartLiveTail", **({"logGroupIdentifiers": [GROUP_ARN]} | params))
    stream = answer["responseStream"]
    start = (await anext(stream))["sessionStart"]
    assert start["logGroupIdentifiers"] == params.get("logGroupIdentifiers", [GROUP_ARN])
    return stream


async def messages(stream: Any, count: int) -> list[str]:
    """Return the next messages of a session, and see to it that none is there beyond them."""
    found: list[str] = []
    quiet = 0
    while len(found) < count or quiet < 2:
        update = (await anext(stream))["sessionUpdate"]
        assert update["sessionMetadata"] == {"sampled": False}
        quiet = 0 if update["sessionResults"] else quiet + 1
        found += [event["message"] for event in update["sessionResults"]]
    return found


def test_a_session_shows_what_comes_in_and_nothing_else(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house, streams=("web-1", "db"), kmsKeyId=await key_for_logs(house))
        await make_group(house, "/other", streams=("db",))
        await put(house, "before", stream="db")
        every = await tail(house)
        both = await tail(house, logGroupIdentifiers=[GROUP_ARN, GROUP_ARN.replace(GROUP, "/other")])
        web = await tail(house, logStreamNamePrefixes=["web"])
        errors = await tail(house, logEventFilterPattern="ERROR")
        db = await tail(house, logStreamNames=["db"])
        await put(house, "ERROR a", "b", stream="web-1")
        await put(house, "c", stream="db")
        await put(house, "d", stream="db", group="/other")
        assert await messages(every, 3) == ["ERROR a", "b", "c"]
        assert sorted(await messages(both, 4)) == ["ERROR a", "b", "c", "d"]
        assert await messages(web, 2) == ["ERROR a", "b"]
        assert await messages(errors, 1) == ["ERROR a"]
        assert await messages(db, 1) == ["c"]
        await put(house, "later", stream="db")
        assert await messages(every, 1) == ["later"]
        for stream in (every, both, web, errors, db):
            await stream.aclose()

    in_house(body)


def test_many_events_are_sampled(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        stream = await tail(house)
        await put(house, *[str(number) for number in range(2_000)])
        while not (update := (await anext(stream))["sessionUpdate"])["sessionResults"]:
            pass
        assert update["sessionMetadata"] == {"sampled": True}
        assert len(update["sessionResults"]) == live_tail.EVENTS_PER_UPDATE
        await stream.aclose()

    in_house(body)


def test_sessions_are_limited_and_end(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_tail, "SESSIONS_MAX", 2)

    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        sessions = [await tail(house) for _ in range(2)]
        with refused("LimitExceededException"):
            await tail(house)
        await sessions[0].aclose()
        sessions[0] = await tail(house)
        house.house.stopping.set()
        async with asyncio.timeout(5):
            for session in sessions:
                assert [event async for event in session] == []
        house.house.stopping.clear()
        monkeypatch.setattr(live_tail, "SESSION_SECONDS_MAX", 0)
        session = await tail(house)
        assert [list(event) async for event in session] == [["SessionTimeoutException"]]

    in_house(body)


def test_what_a_session_may_not_be_of(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_group(house)
        other = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/no"
        with refused("ResourceNotFoundException"):
            await tail(house, logGroupIdentifiers=[other])
        for wrong in (GROUP, f"{GROUP_ARN}:*"):
            with refused("InvalidParameterException"):
                await ask(house, "StartLiveTail", logGroupIdentifiers=[wrong])
        with refused("InvalidParameterException"):
            await tail(house, logStreamNames=["a"], logStreamNamePrefixes=["a"])
        with refused("InvalidParameterException"):
            await tail(house, logGroupIdentifiers=[GROUP_ARN, GROUP_ARN], logStreamNames=["a"])

    in_house(body)
