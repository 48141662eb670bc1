"""Rotation as it is kept: rules, windows, what is due; and what is refused because nothing can run it yet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping

from strongroom.services.secretsmanager.rotation import due_rotations

FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:rotate"
LATER: dict[str, Any] = {"SecretId": "s", "RotateImmediately": False}
DAYS: dict[str, Any] = {"RotationLambdaARN": FUNCTION, "RotationRules": {"AutomaticallyAfterDays": 30}}


def day_of(moment: datetime) -> datetime:
    """Return the midnight before a moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def test_a_schedule_is_kept(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        await secrets("CreateSecret", Name="s", SecretString="x")
        assert "RotationEnabled" not in await secrets("DescribeSecret", SecretId="s")
        assert set(await secrets("RotateSecret", **LATER, **DAYS)) == {"ARN", "Name"}
        described = await secrets("DescribeSecret", SecretId="s")
        assert described["RotationEnabled"] is True
        assert described["RotationLambdaARN"] == FUNCTION
        assert described["RotationRules"] == {"AutomaticallyAfterDays": 30}
        assert "LastRotatedDate" not in described
        due = day_of(datetime.fromtimestamp(house.clock.now(), UTC)) + timedelta(days=31, seconds=-1)
        assert described["NextRotationDate"] == due
        (listed,) = (await secrets("ListSecrets"))["SecretList"]
        assert listed["NextRotationDate"] == due
        # A value that somebody sets is a rotation, too.
        house.clock.advance(timedelta(days=5))
        await secrets("PutSecretValue", SecretId="s", SecretString="y")
        assert (await secrets("DescribeSecret", SecretId="s"))["NextRotationDate"] == due + timedelta(days=5)
        await secrets("PutSecretValue", SecretId="s", SecretString="z", VersionStages=["mine"])
        rules = {"ScheduleExpression": "cron(0 16 1,15 * ? *)", "Duration": "2h"}
        await secrets("RotateSecret", **LATER, RotationRules=rules)
        described = await secrets("DescribeSecret", SecretId="s")
        assert described["RotationRules"] == rules | {"AutomaticallyAfterDays": 14}
        assert (described["NextRotationDate"].day, described["NextRotationDate"].hour) in ((1, 18), (15, 18))
        await secrets("CancelRotateSecret", SecretId="s")
        described = await secrets("DescribeSecret", SecretId="s")
        assert described["RotationEnabled"] is False
        assert described["RotationLambdaARN"] == FUNCTION
        assert "NextRotationDate" not in described

    in_house(body)


def test_what_is_due(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)

        async def due() -> list[str]:
            return [row.name for row in await due_rotations(house.house, 10)]

        for name, days in (("a", 2), ("b", 1), ("off", 1), ("deleted", 1), ("never", 0)):
            replicas = {"AddReplicaRegions": [{"Region": "eu-west-1"}]} if name == "a" else {}
            await secrets("CreateSecret", Name=name, SecretString="x", **replicas)
            if days:
                rules = {"AutomaticallyAfterDays": days}
                params = {"SecretId": name, "RotationLambdaARN": FUNCTION, "RotationRules": rules}
                await secrets("RotateSecret", RotateImmediately=False, **params)
        await secrets("CancelRotateSecret", SecretId="off")
        await secrets("DeleteSecret", SecretId="deleted")
        assert await due() == []
        house.clock.advance(timedelta(days=1))
        assert await due() == ["b"]
        house.clock.advance(timedelta(days=1))
        assert await due() == ["b", "a"]
        assert [row.name for row in await due_rotations(house.house, 1)] == ["b"]
        assert (await secrets("DescribeSecret", SecretId="a", region="eu-west-1"))["RotationEnabled"] is True

    in_house(body)


def test_what_cannot_be_asked_for(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="x")
        with refused("InvalidRequestException"):
            await secrets("RotateSecret", **LATER, RotationRules={"AutomaticallyAfterDays": 3})
        with refused("InvalidRequestException"):
            await secrets("CancelRotateSecret", SecretId="s")
        with refused("InvalidParameterException"):
            await secrets("RotateSecret", **LATER, RotationLambdaARN=FUNCTION)
        with refused("InvalidParameterException"):
            await secrets("RotateSecret", **LATER, **(DAYS | {"RotationLambdaARN": "arn:aws:s3:::bucket"}))
        for params in (DAYS, DAYS | {"RotateImmediately": True}):
            with refused("UnsupportedOperationException"):
                await secrets("RotateSecret", SecretId="s", **params)
        for member, value in (
            ("ExternalSecretRotationRoleArn", "arn:aws:iam::111122223333:role/rotate"),
            ("ExternalSecretRotationMetadata", [{"Key": "a", "Value": "b"}]),
        ):
            with refused("UnsupportedOperationException"):
                await secrets("RotateSecret", **LATER, **DAYS, **{member: value})
        with refused("UnsupportedOperationException"):
            await secrets("PutSecretValue", SecretId="s", SecretString="y", RotationToken="x" * 36)
        assert "RotationEnabled" not in await secrets("DescribeSecret", SecretId="s")
        await secrets("PutSecretValue", SecretId="s", SecretString="y", VersionStages=["AWSPENDING"])
        unfinished = "A previous rotation isn't complete. That rotation will be reattempted."
        with refused("InvalidRequestException", unfinished):
            await secrets("RotateSecret", **LATER, **DAYS)

    keeping(tmp_path, body)


def test_replicas_in_other_accounts_are_refused(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        arn = (await secrets("CreateSecret", Name="s", SecretString="x"))["ARN"]
        for operation in ("AssociateCrossAccountReplica", "DisassociateCrossAccountReplica"):
            with refused("UnsupportedOperationException"):
                await secrets(operation, SecretId="s", CrossAccountReplicaARN=arn)

    keeping(tmp_path, body)
