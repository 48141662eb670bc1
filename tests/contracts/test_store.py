"""What every store promises, on every database."""

import asyncio
from collections.abc import Sequence

import pytest
import uvloop
from sqlalchemy import Connection, create_engine, delete, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from tests.contracts.notes import adding, count, names, notes, open_notes

from strongroom.base.errors import AwsError
from strongroom.storage.errors import StorageUnavailable, StoreClosed, is_unique_violation
from strongroom.storage.store import open_store, writes_waiting_max


def test_a_write_returns_its_result_and_a_read_sees_it(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            for number in range(20):
                assert await store.write(adding(f"n{number:02}")) == f"n{number:02}"
                assert await store.read(count) == number + 1
            assert store.kind == store_url.partition(":")[0]

    uvloop.run(scenario())


def test_it_is_all_there_after_reopening(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await asyncio.gather(*(store.write(adding(f"n{number}", number)) for number in range(50)))
        async with open_notes(store_url) as store:
            assert await store.read(names) == [f"n{number}" for number in range(50)]

    uvloop.run(scenario())


def test_a_failing_write_is_undone_alone(store_url: str) -> None:
    def adding_then_failing(number: int):
        def fn(connection: Connection) -> None:
            adding(f"bad{number}", number)(connection)
            raise AwsError("LimitExceededException", f"number {number}")

        return fn

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            writes = [
                store.write(adding_then_failing(number) if number % 3 == 0 else adding(f"good{number}", number))
                for number in range(60)
            ]
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
            for number, outcome in enumerate(outcomes):
                if number % 3 == 0:
                    assert isinstance(outcome, AwsError)
                    assert outcome.message == f"number {number}"
                else:
                    assert outcome == f"good{number}"
            assert await store.read(names) == [f"good{number}" for number in range(60) if number % 3]
            with pytest.raises(AwsError):
                await store.write(adding_then_failing(99))
            assert await store.read(count) == 40

    uvloop.run(scenario())


def test_exceptions_keep_their_type(store_url: str) -> None:
    class OfMyOwnError(Exception):
        pass

    def raising(error: BaseException):
        def fn(connection: Connection) -> None:
            raise error

        return fn

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            for verb in (store.read, store.write):
                for error in (OfMyOwnError("x"), KeyError("k"), AwsError("NotFoundException")):
                    with pytest.raises(type(error)) as caught:
                        await verb(raising(error))
                    assert caught.value is error
            with pytest.raises(RuntimeError):
                await store.write(raising(StopIteration()))
            with pytest.raises(DBAPIError) as wrong:
                await store.write(lambda connection: connection.exec_driver_sql("SELECT nothing FROM nowhere"))
            assert not isinstance(wrong.value, StorageUnavailable)

    uvloop.run(scenario())


def test_a_duplicate_is_told_from_other_broken_constraints(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await store.write(adding("one"))
            with pytest.raises(IntegrityError) as duplicate:
                await store.write(adding("one"))
            assert is_unique_violation(duplicate.value)
            with pytest.raises(IntegrityError) as orphan:
                await store.write(adding("two", parent="nobody"))
            assert not is_unique_violation(orphan.value)

    uvloop.run(scenario())


def test_the_text_of_an_error_has_no_parameters(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await store.write(adding("one", parent=None))
            with pytest.raises(IntegrityError) as duplicate:
                await store.write(adding("one", parent="a-secret-value"))
            assert "a-secret-value" not in str(duplicate.value)

    uvloop.run(scenario())


def test_an_error_caught_in_a_nested_transaction_does_no_harm(store_url: str) -> None:
    def adding_unless_there(connection: Connection) -> str:
        try:
            with connection.begin_nested():
                adding("one", 7)(connection)
        except IntegrityError:
            adding("two", 2)(connection)
        return "done"

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await store.write(adding("one", 1))
            both = await asyncio.gather(store.write(adding_unless_there), store.write(adding("three", 3)))
            assert both == ["done", "three"]
            assert await store.read(names) == ["one", "two", "three"]

    uvloop.run(scenario())


def test_a_nested_transaction_left_open_fails_alone(store_url: str) -> None:
    def leaving_it_open(connection: Connection) -> None:
        connection.begin_nested()
        adding("lost")(connection)

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            with pytest.raises(RuntimeError, match="nested"):
                await store.write(leaving_it_open)
            writes = [store.write(leaving_it_open if number == 5 else adding(f"n{number}")) for number in range(10)]
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
            assert [isinstance(outcome, RuntimeError) for outcome in outcomes] == [number == 5 for number in range(10)]
            assert await store.read(count) == 9

    uvloop.run(scenario())


def test_a_write_that_commits_by_itself_is_refused_and_the_store_lives_on(store_url: str) -> None:
    def committing(connection: Connection) -> None:
        connection.commit()

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            with pytest.raises((RuntimeError, StorageUnavailable)):
                await store.write(committing)
            await store.write(adding("after"))
            assert await store.read(names) == ["after"]

    uvloop.run(scenario())


def test_writes_happen_in_the_order_of_the_calls(store_url: str) -> None:
    def adding_next(name: str):
        return lambda connection: adding(name, count(connection))(connection)

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await asyncio.gather(*(store.write(adding_next(f"n{number}")) for number in range(150)))
            assert await store.read(names) == [f"n{number}" for number in range(150)]

    uvloop.run(scenario())


def test_writes_that_read_first_lose_no_update(store_url: str) -> None:
    def increment(connection: Connection) -> int:
        position = connection.execute(select(notes.c.position).where(notes.c.name == "counter")).scalar_one()
        connection.execute(update(notes).where(notes.c.name == "counter").values(position=position + 1))
        return position

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await store.write(adding("counter", 0))
            seen = await asyncio.gather(*(store.write(increment) for _ in range(100)))
            assert seen == list(range(100))

    uvloop.run(scenario())


def test_one_read_sees_one_snapshot(store_url: str) -> None:
    other = create_engine(store_url.replace("postgresql:", "postgresql+psycopg:"))

    def counting_twice(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        with other.begin() as elsewhere:
            adding("meanwhile")(elsewhere)
        return before, count(connection)

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            assert await store.read(counting_twice) == (0, 0)
            assert await store.read(count) == 1

    uvloop.run(scenario())
    other.dispose()


def test_a_read_cannot_write(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            await store.write(adding("one"))
            with pytest.raises(DBAPIError):
                await store.read(lambda connection: connection.execute(delete(notes)).rowcount)
            assert await store.read(count) == 1
            await store.write(adding("two"))

    uvloop.run(scenario())


def test_rows_do_not_outlive_their_transaction(store_url: str) -> None:
    def adding_and_selecting(connection: Connection):
        adding("one")(connection)
        return connection.execute(select(notes))

    async def scenario() -> None:
        async with open_notes(store_url) as store:
            with pytest.raises(TypeError, match="take its rows out"):
                await store.read(lambda connection: connection.execute(select(notes)))
            with pytest.raises(TypeError, match="take its rows out"):
                await store.read(lambda connection: (row for row in connection.execute(select(notes))))
            with pytest.raises(TypeError, match="take its rows out"):
                await store.write(adding_and_selecting)
            assert await store.read(count) == 0

    uvloop.run(scenario())


def test_subscribers_hear_of_a_change_before_its_writer_does(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            heard: list[Sequence[str]] = []
            store.subscribe(heard.append)
            await store.write(adding("quiet"))
            assert heard == []
            await store.write(adding("one"), invalidates=["key/1", "alias/1", "key/1"])
            assert heard == [("key/1", "alias/1")]
            with pytest.raises(IntegrityError):
                await store.write(adding("one"), invalidates=["key/2"])
            assert len(heard) == 1

            async def noticing(number: int) -> bool:
                await store.write(adding(f"n{number}"), invalidates=(f"n{number}",))
                return any(f"n{number}" in changed for changed in heard)

            assert all(await asyncio.gather(*(noticing(number) for number in range(40))))
            told = [name for changed in heard[1:] for name in changed]
            assert sorted(told) == sorted(f"n{number}" for number in range(40))
            with pytest.raises(TypeError):
                await store.write(adding("x"), invalidates="key/1")

    uvloop.run(scenario())


def test_a_subscriber_that_fails_is_told_to_forget_everything(store_url: str) -> None:
    heard: list[Sequence[str]] = []
    reported: list[object] = []

    def failing(changed: Sequence[str]) -> None:
        heard.append(changed)
        if changed:
            raise ValueError("no room")

    def failing_always(changed: Sequence[str]) -> None:
        raise KeyError(changed)

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))
        async with open_notes(store_url) as store:
            store.subscribe(failing)
            store.subscribe(failing_always)
            assert await store.write(adding("one"), invalidates=["a"]) == "one"

    uvloop.run(scenario())
    assert heard == [("a",), ()]
    assert [type(error) for error in reported] == [ValueError, KeyError, KeyError]


def test_a_cancelled_caller_does_not_undo_its_write(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            tasks = [asyncio.create_task(store.write(adding(f"n{number}"))) for number in range(10)]
            await asyncio.sleep(0)
            tasks[4].cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(outcomes[4], asyncio.CancelledError)
            assert await store.read(count) == 10

    uvloop.run(scenario())


def test_closing_drains_what_was_asked_for(store_url: str) -> None:
    async def scenario() -> None:
        store = await open_store(store_url)
        async with open_notes(store_url):
            pass
        many = writes_waiting_max + 300  # More than the queue holds: the last ones wait for room.
        tasks = [asyncio.create_task(store.write(adding(f"n{number:05}"))) for number in range(many)]
        await asyncio.sleep(0)
        await store.close()
        assert await asyncio.gather(*tasks) == [f"n{number:05}" for number in range(many)]
        with pytest.raises(StoreClosed):
            await store.write(adding("late"))
        with pytest.raises(StoreClosed):
            await store.read(count)
        assert not await store.is_healthy()
        await store.close()
        async with open_notes(store_url) as again:
            assert await again.read(count) == many

    uvloop.run(scenario())


def test_a_cancelled_caller_that_waits_for_room_writes_nothing(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            tasks = [asyncio.create_task(store.write(adding(f"n{n}"))) for n in range(writes_waiting_max + 5)]
            await asyncio.sleep(0)
            tasks[-1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert await store.read(count) == writes_waiting_max + 4

    uvloop.run(scenario())


def test_health(store_url: str) -> None:
    async def scenario() -> None:
        async with open_notes(store_url) as store:
            assert await store.is_healthy()

    uvloop.run(scenario())
