"""The scheduler: what is due gets done, by one server at a time, whatever else goes wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.opened_house import InHouse, OpenedHouse, opened_house

from strongroom.jobs import scheduler
from strongroom.jobs.scheduler import Scheduler
from strongroom.operations.house import House
from strongroom.operations.periodic import PERIODIC, Work

LEASE = text("SELECT holder FROM leases WHERE name = 'scheduler'")


@pytest.fixture(autouse=True)
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "ROUND_SECONDS", 0.02)


@contextlib.contextmanager
def periodic_work(**works: Work) -> Iterator[None]:
    """Have `works` done too, first of all."""
    others = dict(PERIODIC)
    PERIODIC.clear()
    PERIODIC.update({f"test/{name}": work for name, work in works.items()}, **others)
    try:
        yield
    finally:
        PERIODIC.clear()
        PERIODIC.update(others)


@contextlib.asynccontextmanager
async def scheduling(house: House) -> AsyncIterator[Scheduler]:
    running = Scheduler(house)
    running.start()
    try:
        yield running
    finally:
        await running.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def test_what_is_due_happens_by_itself(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        doomed = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        rotating = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.kms("ScheduleKeyDeletion", KeyId=doomed, PendingWindowInDays=7)
        await house.kms("EnableKeyRotation", KeyId=rotating, RotationPeriodInDays=90)
        async with scheduling(house.house):
            await asyncio.sleep(0.1)
            assert len((await house.kms("ListKeys"))["Keys"]) == 2
            house.clock.advance(timedelta(days=91))
            async with asyncio.timeout(5):
                while len((await house.kms("ListKeys"))["Keys"]) == 2:
                    await asyncio.sleep(0.01)
                while not (await house.kms("ListKeyRotations", KeyId=rotating))["Rotations"]:
                    await asyncio.sleep(0.01)
        assert len((await house.kms("ListKeyRotations", KeyId=rotating))["Rotations"]) == 1

    in_house(body)


def test_a_failing_work_keeps_no_other_from_being_done(in_house: InHouse[None]) -> None:
    failed, done = [], []

    async def fail(house: House) -> None:
        failed.append(1)
        raise ValueError("always")

    async def do(house: House) -> None:
        done.append(1)

    async def body(house: OpenedHouse) -> None:
        with periodic_work(a=fail, b=do):
            async with scheduling(house.house):
                await until(lambda: len(failed) >= 3 and len(done) >= 3)

    in_house(body)
    assert abs(len(failed) - len(done)) <= 1


def test_it_goes_on_after_an_error_of_the_lease(in_house: InHouse[None]) -> None:
    done = []

    async def do(house: House) -> None:
        done.append(1)

    async def body(house: OpenedHouse) -> None:
        away = text("ALTER TABLE leases RENAME TO leases_away")
        back = text("ALTER TABLE leases_away RENAME TO leases")
        await house.house.store.write(lambda connection: connection.execute(away).close())
        with periodic_work(a=do):
            async with scheduling(house.house):
                await asyncio.sleep(0.1)
                assert not done
                await house.house.store.write(lambda connection: connection.execute(back).close())
                await until(lambda: bool(done))

    in_house(body)


def test_one_server_at_a_time_and_the_next_takes_over(tmp_path: Path, postgresql_url: str) -> None:
    worked: list[House] = []

    async def do(house: House) -> None:
        worked.append(house)

    async def main() -> None:
        async with opened_house(tmp_path, postgresql_url) as one, opened_house(tmp_path, postgresql_url) as other:
            with periodic_work(a=do):
                async with scheduling(other.house):
                    await until(lambda: other.house in worked)
                    async with scheduling(one.house):
                        await asyncio.sleep(0.2)
                        assert one.house not in worked
                        # A moved clock ends no lease early.
                        one.clock.advance(timedelta(days=400))
                        await asyncio.sleep(0.2)
                        assert one.house not in worked
                async with scheduling(one.house):
                    await until(lambda: one.house in worked)
                holders = await one.house.store.read(lambda connection: connection.execute(LEASE).all())
                assert holders == []

    asyncio.run(main())


def test_a_server_that_died_is_replaced_when_its_lease_ends(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(scheduler, "LEASE_RENEWAL_SECONDS", 0.1)
    worked: list[House] = []

    async def do(house: House) -> None:
        worked.append(house)

    async def main() -> None:
        async with opened_house(tmp_path, postgresql_url) as one, opened_house(tmp_path, postgresql_url) as other:
            with periodic_work(a=do):
                await one.house.store.write(
                    lambda connection: connection.execute(
                        text("INSERT INTO leases (name, holder, expires_at) VALUES ('scheduler', 'dead', :at)"),
                        {"at": one.clock.wall() + 0.5},
                    ).close()
                )
                async with scheduling(other.house):
                    await asyncio.sleep(0.2)
                    assert worked == []
                    await until(lambda: bool(worked))
                    # It renews its lease while it works.
                    async with scheduling(one.house):
                        await asyncio.sleep(0.8)
                        assert one.house not in worked

    asyncio.run(main())


def test_a_server_alone_does_not_wait_for_the_lease_of_one_that_died(tmp_path: Path) -> None:
    done = []

    async def do(house: House) -> None:
        done.append(1)

    async def main() -> None:
        async with opened_house(tmp_path) as house:
            held = text("INSERT INTO leases (name, holder, expires_at) VALUES ('scheduler', 'dead', :at)")
            until_then = {"at": house.clock.wall() + 60}
            await house.house.store.write(lambda connection: connection.execute(held, until_then).close())
            with periodic_work(a=do):
                async with scheduling(house.house):
                    await until(lambda: bool(done))

    asyncio.run(main())


def test_the_work_in_hand_is_finished_before_the_end(in_house: InHouse[None]) -> None:
    ended = []

    async def body(house: OpenedHouse) -> None:
        started = asyncio.Event()

        async def slow(inner: House) -> None:
            started.set()
            await asyncio.sleep(0.2)
            ended.append(1)

        with periodic_work(a=slow):
            async with scheduling(house.house):
                await started.wait()
        assert ended == [1]

    in_house(body)


def test_who_cannot_wait_has_a_round_begun_at_once(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "ROUND_SECONDS", 3_600.0)
    rounds = []

    async def do(house: House) -> None:
        rounds.append(1)

    async def body(house: OpenedHouse) -> None:
        with periodic_work(a=do):
            async with scheduling(house.house) as running:
                await until(lambda: bool(rounds))
                before = len(rounds)
                async with asyncio.timeout(20):
                    await asyncio.gather(running.catch_up(), running.catch_up())
                    assert len(rounds) > before
                    before = len(rounds)
                    await running.catch_up()
                    assert len(rounds) == before + 1
            # Nobody waits for one that has stopped.
            await running.catch_up()

    in_house(body)
