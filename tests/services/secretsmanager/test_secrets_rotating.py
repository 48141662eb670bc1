"""Rotations of managed secrets, from the first step to the last, and all that may come in between."""

from datetime import timedelta

from tests.opened_house import InHouse, OpenedHouse
from tests.services.secretsmanager.rotating import Rotating


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
