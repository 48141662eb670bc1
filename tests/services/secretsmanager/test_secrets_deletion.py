"""Deletion: the window, what is refused meanwhile, the end of it, and its records."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, arn_of, keeping

from strongroom.services.secretsmanager import tables

MARKED = "You can't perform this operation on the secret because it was marked for deletion."
NOT_FOUND = "Secrets Manager can't find the specified secret."


def test_a_secret_waits_can_be_saved_and_goes(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        made = await secrets("CreateSecret", Name="s", SecretString="x")
        deleted = await secrets("DeleteSecret", SecretId="s", RecoveryWindowInDays=7)
        assert deleted["ARN"] == made["ARN"]
        assert round(deleted["DeletionDate"].timestamp() - house.clock.now()) == 7 * 86_400
        assert (await secrets("DescribeSecret", SecretId="s"))["DeletedDate"] == deleted["DeletionDate"]
        for operation, params in (
            ("GetSecretValue", {}),
            ("PutSecretValue", {"SecretString": "y"}),
            ("UpdateSecret", {"Description": "y"}),
            ("DeleteSecret", {}),
            ("GetResourcePolicy", {}),
            ("DeleteResourcePolicy", {}),
            ("RotateSecret", {"RotateImmediately": False}),
            ("CancelRotateSecret", {}),
            ("ReplicateSecretToRegions", {"AddReplicaRegions": [{"Region": "eu-west-1"}]}),
            ("UpdateSecretVersionStage", {"VersionStage": "a", "MoveToVersionId": made["VersionId"]}),
        ):
            with refused("InvalidRequestException", MARKED):
                await secrets(operation, SecretId="s", **params)
        scheduled = "You can't create this secret because a secret with this name is already scheduled for deletion."
        with refused("InvalidRequestException", scheduled):
            await secrets("CreateSecret", Name="s", SecretString="x")
        await secrets("RestoreSecret", SecretId="s")
        await secrets("RestoreSecret", SecretId="s")
        assert await secrets.value("s") == "x"
        await secrets("DeleteSecret", SecretId="s")
        house.clock.advance(timedelta(days=29))
        await house.run_periodic_work()
        assert "DeletedDate" in await secrets("DescribeSecret", SecretId="s")
        house.clock.advance(timedelta(days=1))
        # It is gone the moment that its time has come, cleared away yet or not.
        with refused("ResourceNotFoundException", NOT_FOUND):
            await secrets("RestoreSecret", SecretId="s")
        await house.run_periodic_work()
        for table in (tables.SECRETS, tables.VERSIONS, tables.STAGES):
            count = await house.house.store.read(
                lambda connection, table=table: connection.execute(select(func.count()).select_from(table)).scalar_one()
            )
            assert count == 0
        records = await house.house.audit.records(house.clock.now() - 10, house.clock.now() + 10)
        details = {"SecretId": made["ARN"], "SecretVersionId": made["VersionId"]}
        assert [each.details for each in records if each.operation == "EndSecretVersionDelete"] == [details]

    in_house(body)


def test_a_name_is_free_again_when_the_window_has_ended(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        first = await secrets("CreateSecret", Name="s", SecretString="1")
        await secrets("DeleteSecret", SecretId="s", RecoveryWindowInDays=30)
        secrets.house.clock.advance(timedelta(days=30, seconds=1))
        second = await secrets("CreateSecret", Name="s", SecretString="2")
        assert first["ARN"] != second["ARN"]
        await secrets.house.run_periodic_work()
        assert await secrets.value("s") == "2"

    keeping(tmp_path, body)


def test_at_once(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="1")
        await secrets("DeleteSecret", SecretId="s")
        await secrets("DeleteSecret", SecretId="s", ForceDeleteWithoutRecovery=True)
        with refused("ResourceNotFoundException", NOT_FOUND):
            await secrets("DescribeSecret", SecretId="s")
        again = await secrets("DeleteSecret", SecretId="s", ForceDeleteWithoutRecovery=True)
        assert (again["Name"], again["ARN"]) == ("s", arn_of("s"))
        with refused("ResourceNotFoundException", NOT_FOUND):
            await secrets("DeleteSecret", SecretId="s")

    keeping(tmp_path, body)


@pytest.mark.parametrize(
    "params",
    [
        {"RecoveryWindowInDays": 6},
        {"RecoveryWindowInDays": 31},
        {"RecoveryWindowInDays": 0},
        {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True},
    ],
)
def test_windows_that_there_are_not(tmp_path: Path, params: dict[str, Any]) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="1")
        with refused("InvalidParameterException"):
            await secrets("DeleteSecret", SecretId="s", **params)
        assert await secrets.value("s") == "1"

    keeping(tmp_path, body)


def test_the_records_of_a_deletion(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="1")
        await secrets("PutSecretValue", SecretId="s", SecretString="2")
        await secrets("DeleteSecret", SecretId="s")
        await secrets("RestoreSecret", SecretId="s")
        await secrets("DeleteSecret", SecretId="s", ForceDeleteWithoutRecovery=True)
        now = secrets.house.clock.now()
        records = await secrets.house.house.audit.records(now - 60, now + 60)
        events = [each.operation for each in records if each.identity.type == "AWS Internal" and each.service != "kms"]
        assert sorted(events) == sorted(
            ["StartSecretVersionDelete", "CancelSecretVersionDelete", "EndSecretVersionDelete"] * 2
        )

    keeping(tmp_path, body)
