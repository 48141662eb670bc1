"""Rotations of managed secrets, from the first step to the last, and all that may come in between."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from tests.opened_house import InHouse, OpenedHouse, opened_house
from tests.services.refusals import refused
from tests.services.secretsmanager.rotating import SAFES, Rotating

from strongroom.operations.house import House
from strongroom.operations.managed_rotations import STEPS, ManagedSecret, RotationFailed
from strongroom.services.secretsmanager.rotations.runs import Rotations
from strongroom.services.secretsmanager.rotations.tables import update_rotation
from strongroom.storage.connection import Connection

UNFINISHED = "A previous rotation isn't complete. That rotation will be reattempted."


def in_sqlite_house(home: Path, body: Callable[[OpenedHouse], Awaitable[None]]) -> None:
    """Run a coroutine function of a house on SQLite."""

    async def main() -> None:
        async with opened_house(home) as house:
            await body(house)

    asyncio.run(main())


def test_a_managed_secret_rotates_at_once(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        described = await rotating.secrets("DescribeSecret", SecretId=arn)
        assert described["OwningService"] == "safe"
        assert described["RotationEnabled"] is True
        assert described["RotationRules"] == {"AutomaticallyAfterDays": 7}
        first = next(iter(described["VersionIdsToStages"]))
        answer = await rotating.secrets("RotateSecret", SecretId=arn)
        stages = await rotating.secrets.stages(arn)
        assert stages == {first: ["AWSCURRENT"], answer["VersionId"]: ["AWSPENDING"]}
        assert await rotating.secrets.value(arn) == "first"
        await rotating.done()
        assert await rotating.opens(arn)
        stages = await rotating.secrets.stages(arn)
        assert stages == {first: ["AWSPREVIOUS"], answer["VersionId"]: ["AWSCURRENT"]}
        assert [step for _, step in rotating.safe.steps] == ["createSecret", "setSecret", "testSecret", "finishSecret"]
        assert await rotating.events() == ["RotationStarted", "RotationSucceeded"]

    in_house(body)


def test_a_managed_secret_rotates_on_schedule(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        await rotating.round()
        assert rotating.safe.steps == []
        for times in range(1, 4):
            house.clock.advance(timedelta(days=7))
            await rotating.round()
            await rotating.round()
            assert len(rotating.safe.steps) == 4 * times
            assert await rotating.opens(arn)
            described = await rotating.secrets("DescribeSecret", SecretId=arn)
            assert abs(described["LastRotatedDate"].timestamp() - house.clock.now()) < 60
            assert timedelta(days=7) <= described["NextRotationDate"] - described["LastRotatedDate"] < timedelta(days=8)

    in_house(body)


def test_a_failing_step_leaves_the_secret_and_is_tried_again(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        failing = True

        def before(secret: ManagedSecret, step: str) -> None:
            if failing and step == "testSecret":
                raise RotationFailed("the safe is jammed")

        rotating.safe.before = before
        version_id = (await rotating.secrets("RotateSecret", SecretId=arn))["VersionId"]
        await rotating.done()
        assert await rotating.secrets.value(arn) == "first"
        assert (await rotating.secrets.stages(arn))[version_id] == ["AWSPENDING"]
        failed = (await rotating.told())[-1]
        assert failed["eventName"] == "RotationFailed"
        assert failed["errorMessage"] == "Error of safe during testSecret step: the safe is jammed"
        assert failed["additionalEventData"] == {"SecretId": arn, "SecretVersionId": version_id}
        # It waits for a minute or less, then twice as long, and an hour at most.
        for longest in (60, 120, 240, 480, 960, 1920, 3600, 3600):
            waited, steps = 0.0, len(rotating.safe.steps)
            while len(rotating.safe.steps) == steps:
                house.clock.advance(timedelta(seconds=longest / 10))
                waited += longest / 10
                await rotating.round()
            assert 0.5 <= waited / longest <= 1.1
        assert rotating.safe.steps[-3:] == [(arn, step) for step in ("createSecret", "setSecret", "testSecret")]
        with refused("InvalidRequestException", UNFINISHED):
            await rotating.secrets("RotateSecret", SecretId=arn, ClientRequestToken="x" * 36)
        await rotating.done()
        failing = False
        # Whoever asks again has it tried at once.
        with refused("InvalidRequestException", UNFINISHED):
            await rotating.secrets("RotateSecret", SecretId=arn, ClientRequestToken="x" * 36)
        await rotating.done()
        assert await rotating.opens(arn)
        assert (await rotating.secrets.stages(arn))[version_id] == ["AWSCURRENT"]
        assert (await rotating.events())[-2:] == ["RotationFailed", "RotationSucceeded"]

    in_house(body)


def test_success_is_what_the_labels_say(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        rotating.safe.finish = nothing  # type: ignore[method-assign]
        await rotating.secrets("RotateSecret", SecretId=arn)
        await rotating.done()
        assert (await rotating.events())[-1] == "RotationFailed"
        assert "does not have AWSCURRENT after the finishSecret step" in (await rotating.told())[-1]["errorMessage"]
        assert await rotating.secrets.value(arn) == "first"

    in_sqlite_house(tmp_path, body)


async def nothing(house: House, secret: ManagedSecret) -> None:
    """Do nothing, and say that it is done."""


def test_the_same_request_again_is_carried_out_once(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        token = "t" * 36
        answers = [await rotating.secrets("RotateSecret", SecretId=arn, ClientRequestToken=token) for _ in range(3)]
        await rotating.done()
        answers.append(await rotating.secrets("RotateSecret", SecretId=arn, ClientRequestToken=token))
        assert all(answer == {"ARN": arn, "Name": "safe!s", "VersionId": token} for answer in answers)
        assert len(rotating.safe.steps) == 4
        first = next(each for each, labels in (await rotating.secrets.stages(arn)).items() if "AWSPREVIOUS" in labels)
        with refused("InvalidRequestException"):
            await rotating.secrets("RotateSecret", SecretId=arn, ClientRequestToken=first)

    in_sqlite_house(tmp_path, body)


def test_a_new_value_ends_a_rotation(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        rules = {"ScheduleExpression": "rate(4 hours)"}
        await rotating.secrets("RotateSecret", SecretId=arn, RotateImmediately=False, RotationRules=rules)
        house.clock.advance(timedelta(hours=4))

        async def put() -> None:
            new = {"SecretString": "by hand", "ClientRequestToken": "h" * 36}
            await rotating.as_owner("PutSecretValue", SecretId=arn, **new)

        rotating.safe.before = lambda secret, step: put() if step == "testSecret" else None
        await rotating.round()
        assert await rotating.events() == ["RotationStarted", "RotationAbandoned"]
        assert await rotating.secrets.value(arn) == "by hand"
        assert sorted((await rotating.secrets.stages(arn)).values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]
        assert [step for _, step in rotating.safe.steps] == ["createSecret", "setSecret", "testSecret"]
        await rotating.round()
        assert len(rotating.safe.steps) == 3
        rotating.safe.before = None
        house.clock.advance(timedelta(hours=4))
        await rotating.round()
        assert await rotating.opens(arn)

    in_house(body)


def test_taking_the_label_off_ends_a_rotation(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()

        def fail(secret: ManagedSecret, step: str) -> None:
            raise RotationFailed("no")

        rotating.safe.before = fail
        version_id = (await rotating.secrets("RotateSecret", SecretId=arn))["VersionId"]
        await rotating.done()
        # It has no value yet.
        for which in ({"VersionId": version_id}, {"VersionStage": "AWSPENDING"}):
            with refused("ResourceNotFoundException"):
                await rotating.secrets("GetSecretValue", SecretId=arn, **which)
        current = next(
            each for each, labels in (await rotating.secrets.stages(arn)).items() if labels[0] != "AWSPENDING"
        )
        with refused("ResourceNotFoundException"):
            move = {"MoveToVersionId": version_id, "RemoveFromVersionId": current}
            await rotating.as_owner("UpdateSecretVersionStage", SecretId=arn, VersionStage="AWSCURRENT", **move)
        off = {"VersionStage": "AWSPENDING", "RemoveFromVersionId": version_id}
        await rotating.as_owner("UpdateSecretVersionStage", SecretId=arn, **off)
        assert (await rotating.events())[-1] == "RotationAbandoned"
        assert list((await rotating.secrets.stages(arn)).values()) == [["AWSCURRENT"]]
        listed = await rotating.secrets("ListSecretVersionIds", SecretId=arn, IncludeDeprecated=True)
        assert len(listed["Versions"]) == 1
        rotating.safe.before = None
        await rotating.secrets("RotateSecret", SecretId=arn)
        await rotating.done()
        assert await rotating.opens(arn)

    in_house(body)


def test_labels_are_looked_at_behind_a_step(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()
        finish = rotating.safe.finish

        async def take_off(secret: ManagedSecret) -> None:
            off = {"VersionStage": "AWSPENDING", "RemoveFromVersionId": secret.version_id}
            await rotating.as_owner("UpdateSecretVersionStage", SecretId=arn, **off)

        async def take_off_first(inner: House, secret: ManagedSecret) -> None:
            await take_off(secret)
            await finish(inner, secret)

        rotating.safe.finish = take_off_first  # type: ignore[method-assign]
        house.clock.advance(timedelta(days=8))
        await rotating.round()
        assert await rotating.opens(arn)
        assert await rotating.events() == ["RotationStarted", "RotationSucceeded"]
        # Who takes it off for good ends the rotation; the next one waits for a minute.
        house.clock.advance(timedelta(days=8))
        rotating.safe.before = lambda secret, step: take_off(secret) if step == "setSecret" else None
        rotating.safe.steps.clear()
        for _ in range(3):
            await rotating.round()
        assert [step for _, step in rotating.safe.steps] == ["createSecret", "setSecret"]
        assert (await rotating.events())[-1] == "RotationAbandoned"
        rotating.safe.before, rotating.safe.finish = None, finish  # type: ignore[method-assign]
        house.clock.advance(timedelta(minutes=1))
        await rotating.round()
        assert await rotating.opens(arn)

    in_sqlite_house(tmp_path, body)


def test_a_cancelled_rotation_stops_where_it_is(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()

        async def cancel() -> None:
            answer = await rotating.secrets("CancelRotateSecret", SecretId=arn)
            assert (await rotating.secrets.stages(arn))[answer["VersionId"]] == ["AWSPENDING"]

        rotating.safe.before = lambda secret, step: cancel() if step == "setSecret" else None
        version_id = (await rotating.secrets("RotateSecret", SecretId=arn))["VersionId"]
        await rotating.done()
        house.clock.advance(timedelta(days=30))
        await rotating.round()
        assert [step for _, step in rotating.safe.steps] == ["createSecret", "setSecret"]
        described = await rotating.secrets("DescribeSecret", SecretId=arn)
        assert described["RotationEnabled"] is False
        assert described["VersionIdsToStages"][version_id] == ["AWSPENDING"]
        # What was half made may be what the safe knows: it is gone on with.
        rotating.safe.before = None
        answer = await rotating.secrets("RotateSecret", SecretId=arn)
        assert answer["VersionId"] == version_id
        await rotating.done()
        assert await rotating.opens(arn)
        assert (await rotating.secrets.stages(arn))[version_id] == ["AWSCURRENT"]
        await rotating.secrets("RotateSecret", SecretId=arn)
        await rotating.done()
        assert await rotating.opens(arn)

    in_house(body)


def test_a_secret_that_is_deleted_does_not_rotate(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn, gone = await rotating.make(), await rotating.make("safe!gone")

        async def delete(secret: ManagedSecret) -> None:
            at_once = {"ForceDeleteWithoutRecovery": True} if secret.arn == gone else {}
            await rotating.as_owner("DeleteSecret", SecretId=secret.arn, **at_once)

        rotating.safe.before = lambda secret, step: delete(secret) if step == "testSecret" else None
        for each in (arn, gone):
            await rotating.secrets("RotateSecret", SecretId=each)
        await rotating.done()
        house.clock.advance(timedelta(days=8))
        await rotating.round()
        assert len(rotating.safe.steps) == 6
        await rotating.as_owner("RestoreSecret", SecretId=arn)
        rotating.safe.before = None
        await rotating.round()
        # What was pending is gone on with.
        assert await rotating.opens(arn)
        assert sorted((await rotating.secrets.stages(arn)).values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]

    in_sqlite_house(tmp_path, body)


def test_replicas_follow_a_rotation(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make(AddReplicaRegions=[{"Region": "eu-west-1"}])

        async def look() -> None:
            replica = await rotating.secrets("DescribeSecret", SecretId="safe!s", region="eu-west-1")
            assert replica["VersionIdsToStages"] == await rotating.secrets.stages(arn)

        rotating.safe.before = lambda secret, step: look()
        for _ in range(3):
            await rotating.secrets("RotateSecret", SecretId=arn)
            await look()
            await rotating.done()
            await look()
        there = await rotating.secrets.value("safe!s", region="eu-west-1")
        assert there == rotating.safe.passwords[arn] == await rotating.secrets.value(arn)
        replicas = (await rotating.secrets("DescribeSecret", SecretId=arn))["ReplicationStatus"]
        assert [each["Status"] for each in replicas] == ["InSync"]
        assert "ReplicationFailed" not in await rotating.events()
        # A replica that stands alone is not rotated beside what was its primary.
        await rotating.secrets("StopReplicationToReplica", SecretId="safe!s", region="eu-west-1")
        alone = await rotating.secrets("DescribeSecret", SecretId="safe!s", region="eu-west-1")
        assert alone["RotationEnabled"] is False
        rotating.safe.steps.clear()
        house.clock.advance(timedelta(days=8))
        await rotating.round()
        assert {each for each, _ in rotating.safe.steps} == {arn}

    in_house(body)


def test_a_slow_rotation_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        slow = [await rotating.make(f"safe!slow-{number}") for number in range(10)]
        quick = [await rotating.make(f"safe!quick-{number}") for number in range(10)]
        let_go = asyncio.Event()

        async def wait() -> None:
            await let_go.wait()

        rotating.safe.before = lambda secret, step: wait() if secret.arn in slow and step == "setSecret" else None
        house.clock.advance(timedelta(days=8))
        await house.run_periodic_work()
        for _ in range(1_000):
            if sum(step == "finishSecret" for _, step in rotating.safe.steps) == len(quick):
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert all([await rotating.opens(arn) for arn in quick])
        assert all([await rotating.secrets.value(arn) == "first" for arn in slow])
        await house.run_periodic_work()
        let_go.set()
        await rotating.done()
        assert all([await rotating.opens(arn) for arn in slow])
        assert len(rotating.safe.steps) == 4 * 20

    in_sqlite_house(tmp_path, body)


def test_many_at_the_same_hour_keep_to_the_quotas(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arns = [await rotating.make(f"safe!{number}") for number in range(70)]
        house.clock.advance(timedelta(days=8))
        for _ in range(3):
            await rotating.round()
        assert all([await rotating.opens(arn) for arn in arns])
        events = await rotating.events()
        assert events.count("RotationSucceeded") == len(arns)
        assert "RotationFailed" not in events

    async def main() -> None:
        async with opened_house(tmp_path, request_quotas="on") as house:
            await body(house)

    asyncio.run(main())


def test_a_house_that_closes_lets_go_and_the_next_goes_on(tmp_path: Path) -> None:
    async def first(house: OpenedHouse) -> str:
        rotating = Rotating(house)
        arn = await rotating.make()
        reached = asyncio.Event()

        async def stay() -> None:
            reached.set()
            await asyncio.sleep(3_600)

        rotating.safe.before = lambda secret, step: stay() if step == "testSecret" else None
        await rotating.secrets("RotateSecret", SecretId=arn)
        await asyncio.wait_for(reached.wait(), 20)
        return arn

    async def second(house: OpenedHouse) -> None:
        arn = made[0]
        rotating = Rotating(house)
        rotating.safe.passwords = passwords
        await rotating.round()
        assert [step for _, step in rotating.safe.steps] == ["testSecret", "finishSecret"]
        assert await rotating.opens(arn)
        assert await rotating.events() == ["RotationStarted", "RotationSucceeded"]

    made: list[str] = []

    async def keep(house: OpenedHouse) -> None:
        made.append(await first(house))

    in_sqlite_house(tmp_path, keep)
    passwords = SAFES[-1].passwords
    in_sqlite_house(tmp_path, second)


def test_what_fails_because_the_server_stops_has_not_failed(tmp_path: Path) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        arn = await rotating.make()

        def stop(secret: ManagedSecret, step: str) -> None:
            house.house.stopping.set()
            raise RotationFailed("the sandbox is gone")

        rotating.safe.before = stop
        await rotating.secrets("RotateSecret", SecretId=arn)
        await rotating.done()
        await rotating.round()
        assert await rotating.events() == ["RotationStarted"]
        house.house.stopping.clear()
        rotating.safe.before = None
        await rotating.round()
        assert await rotating.opens(arn)

    in_sqlite_house(tmp_path, body)


def test_two_servers_do_not_rotate_the_same_secret(tmp_path: Path, migrated_postgresql_url: str) -> None:
    async def main() -> None:
        url = migrated_postgresql_url
        async with opened_house(tmp_path, url) as one, opened_house(tmp_path, url) as other:
            rotating = Rotating(one)
            arns = [await rotating.make(f"safe!{number}") for number in range(5)]
            for house in (one, other):
                house.clock.advance(timedelta(days=8))
            at_work: set[str] = set()

            async def alone(secret: ManagedSecret) -> None:
                assert secret.arn not in at_work
                at_work.add(secret.arn)
                await asyncio.sleep(0.02)
                at_work.discard(secret.arn)

            rotating.safe.before = lambda secret, step: alone(secret)
            both = [house.house.part(Rotations) for house in (one, other)]
            for _ in range(5):
                await asyncio.gather(*(rotations.start_due() for rotations in both))
                await asyncio.sleep(0.01)
            for rotations in both:
                await rotations.idle()
            assert sorted(rotating.safe.steps) == sorted((arn, step) for arn in arns for step in STEPS)
            # What a server has left behind is the other one's once its lease is over.
            reached = asyncio.Event()

            async def hang() -> None:
                reached.set()
                await asyncio.sleep(3_600)

            rotating.safe.before = lambda secret, step: hang() if step == "setSecret" else None
            await rotating.secrets("RotateSecret", SecretId=arns[0])
            await asyncio.wait_for(reached.wait(), 20)
            rotating.safe.before = None
            await both[1].start_due()
            await both[1].idle()
            steps = len(rotating.safe.steps)
            late = one.clock.wall() - 1

            def expire(connection: Connection) -> None:
                update_rotation(connection, arns[0], {"held_until": late})

            await one.house.store.write(expire)
            await both[1].start_due()
            await both[1].idle()
            assert [step for _, step in rotating.safe.steps[steps:]] == ["setSecret", "testSecret", "finishSecret"]
            assert await rotating.opens(arns[0])

    asyncio.run(main())
