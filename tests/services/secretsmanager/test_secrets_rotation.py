"""Rotation as it is kept: rules, windows, what is due, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper
from tests.services.secretsmanager.rotating import Rotating

from strongroom.services.secretsmanager.rotations.tables import secrets_due

LATER: dict[str, Any] = {"RotateImmediately": False}


def day_of(moment: datetime) -> datetime:
    """Return the midnight before a moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def test_a_schedule_is_kept(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        secrets, arn = rotating.secrets, await rotating.make()
        rules = {"AutomaticallyAfterDays": 30}
        assert set(await secrets("RotateSecret", SecretId=arn, **LATER, RotationRules=rules)) == {"ARN", "Name"}
        described = await secrets("DescribeSecret", SecretId=arn)
        assert described["RotationEnabled"] is True
        assert described["RotationRules"] == rules
        due = day_of(datetime.fromtimestamp(house.clock.now(), UTC)) + timedelta(days=31, seconds=-1)
        assert described["NextRotationDate"] == due
        (listed,) = (await secrets("ListSecrets"))["SecretList"]
        assert listed["NextRotationDate"] == due
        assert listed["OwningService"] == "safe"
        # A value that its owner sets is a rotation, too.
        house.clock.advance(timedelta(days=5))
        await rotating.as_owner("PutSecretValue", SecretId=arn, SecretString="y", ClientRequestToken="y" * 36)
        assert (await secrets("DescribeSecret", SecretId=arn))["NextRotationDate"] == due + timedelta(days=5)
        new = {"SecretId": arn, "SecretString": "z", "ClientRequestToken": "z" * 36, "VersionStages": ["mine"]}
        await rotating.as_owner("PutSecretValue", **new)
        rules = {"ScheduleExpression": "cron(0 16 1,15 * ? *)", "Duration": "2h"}
        await secrets("RotateSecret", SecretId=arn, **LATER, RotationRules=rules)
        described = await secrets("DescribeSecret", SecretId=arn)
        assert described["RotationRules"] == rules | {"AutomaticallyAfterDays": 14}
        assert (described["NextRotationDate"].day, described["NextRotationDate"].hour) in ((1, 18), (15, 18))
        await rotating.as_owner("CancelRotateSecret", SecretId=arn)
        described = await secrets("DescribeSecret", SecretId=arn)
        assert described["RotationEnabled"] is False
        assert "NextRotationDate" not in described
        assert rotating.safe.steps == []

    in_house(body)


def test_what_is_due(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        secrets = rotating.secrets

        async def due(limit: int = 10) -> list[str]:
            now = house.clock.now()
            found = await house.house.store.read(lambda connection: secrets_due(connection, now, limit))
            return [row.name.removeprefix("safe!") for row in found]

        for name, days in (("a", 2), ("b", 1), ("off", 1), ("deleted", 1), ("never", 9)):
            replicas = {"AddReplicaRegions": [{"Region": "eu-west-1"}]} if name == "a" else {}
            arn = await rotating.make(f"safe!{name}", **replicas)
            await secrets("RotateSecret", SecretId=arn, **LATER, RotationRules={"AutomaticallyAfterDays": days})
        await rotating.as_owner("CancelRotateSecret", SecretId="safe!off")
        await rotating.as_owner("DeleteSecret", SecretId="safe!deleted")
        assert await due() == []
        house.clock.advance(timedelta(days=1))
        assert await due() == ["b"]
        house.clock.advance(timedelta(days=1))
        assert await due() == ["b", "a"]
        assert await due(1) == ["b"]
        described = await secrets("DescribeSecret", SecretId="safe!a", region="eu-west-1")
        assert described["RotationEnabled"] is True
        assert described["OwningService"] == "safe"

    in_house(body)


def test_what_cannot_be_asked_for(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        await secrets("CreateSecret", Name="s", SecretString="x")
        with refused("InvalidRequestException"):
            await secrets("RotateSecret", SecretId="s", **LATER, RotationRules={"AutomaticallyAfterDays": 3})
        with refused("InvalidRequestException"):
            await secrets("CancelRotateSecret", SecretId="s")
        with refused("InvalidParameterException"):
            function = {"RotationLambdaARN": "arn:aws:s3:::bucket", "RotationRules": {"AutomaticallyAfterDays": 3}}
            await secrets("RotateSecret", SecretId="s", **LATER, **function)
        for member, value in (
            ("ExternalSecretRotationRoleArn", "arn:aws:iam::111122223333:role/rotate"),
            ("ExternalSecretRotationMetadata", [{"Key": "a", "Value": "b"}]),
        ):
            with refused("UnsupportedOperationException"):
                await secrets("RotateSecret", SecretId="s", **LATER, **{member: value})
        assert "RotationEnabled" not in await secrets("DescribeSecret", SecretId="s")

    in_house(body)


def test_only_its_service_changes_a_managed_secret(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        secrets, arn = rotating.secrets, await rotating.make()
        version_id = next(iter(await secrets.stages(arn)))
        managed = "The secret is managed by another service, and you must use that service to update it."
        stage = {"VersionStage": "mine", "MoveToVersionId": version_id}
        function = "arn:aws:lambda:us-east-1:111122223333:function:rotate"
        for operation, params in (
            ("PutSecretValue", {"SecretString": "mine"}),
            ("UpdateSecret", {"Description": "mine"}),
            ("UpdateSecretVersionStage", stage),
            ("DeleteSecret", {}),
            ("DeleteSecret", {"ForceDeleteWithoutRecovery": True}),
            ("RotateSecret", {"RotationLambdaARN": function}),
        ):
            with refused("InvalidRequestException", managed):
                await secrets(operation, SecretId=arn, **params)
        with refused("InvalidParameterException"):
            await secrets("CreateSecret", Name="safe!mine", SecretString="x")
        with refused("InvalidParameterException"):
            await secrets("UntagResource", SecretId=arn, TagKeys=["aws:secretsmanager:owningService"])
        await secrets("TagResource", SecretId=arn, Tags=[{"Key": "mine", "Value": "too"}])
        found = await secrets("ListSecrets", Filters=[{"Key": "owning-service", "Values": ["safe"]}])
        assert [each["Name"] for each in found["SecretList"]] == ["safe!s"]
        assert {"Key": "aws:secretsmanager:owningService", "Value": "safe"} in found["SecretList"][0]["Tags"]
        # A user for whom the service makes it needs the permissions, and it is the service's all the same.
        new = {"Name": "safe!t", "SecretString": "x", "ClientRequestToken": "t" * 36}
        made = await house.call("secretsmanager", "CreateSecret", via="safe", **new)
        assert (await secrets("DescribeSecret", SecretId=made["ARN"]))["OwningService"] == "safe"
        with refused("InvalidParameterException"):
            await house.call("secretsmanager", "CreateSecret", via="rds", **new | {"Name": "safe!u"})
        await rotating.as_owner("DeleteSecret", SecretId=arn, ForceDeleteWithoutRecovery=True)

    in_house(body)


def test_a_service_reaches_its_own_secrets_alone(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        rotating = Rotating(house)
        await rotating.secrets("CreateSecret", Name="s", SecretString="x")
        with refused("AccessDeniedException"):
            await rotating.as_owner("GetSecretValue", SecretId="s")
        key = await rotating.secrets.key()
        arn = await rotating.make(KmsKeyId=key)
        await rotating.secrets("RotateSecret", SecretId=arn)
        await rotating.done()
        assert await rotating.opens(arn)

    in_house(body)


def test_replicas_in_other_accounts_are_refused(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        arn = (await secrets("CreateSecret", Name="s", SecretString="x"))["ARN"]
        for operation in ("AssociateCrossAccountReplica", "DisassociateCrossAccountReplica"):
            with refused("UnsupportedOperationException"):
                await secrets(operation, SecretId="s", CrossAccountReplicaARN=arn)

    in_house(body)
