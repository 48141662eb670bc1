"""Many at once: one secret of a name, one current version, and caches that a change empties by name."""

import asyncio
from pathlib import Path
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping

from strongroom.base.errors import AwsError


def test_one_of_many_makes_the_secret(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        made = await asyncio.gather(
            *(secrets("CreateSecret", Name="s", SecretString=str(number)) for number in range(12)),
            return_exceptions=True,
        )
        succeeded = [each for each in made if isinstance(each, dict)]
        assert len(succeeded) == 1
        assert {each.code for each in made if isinstance(each, AwsError)} == {"ResourceExistsException"}
        assert (await secrets("GetSecretValue", SecretId="s"))["VersionId"] == succeeded[0]["VersionId"]

    in_house(body)


def test_many_values_at_once_leave_one_current(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        await secrets("CreateSecret", Name="s", SecretString="first", AddReplicaRegions=[{"Region": "eu-west-1"}])
        values = {str(number) for number in range(20)}
        puts = await asyncio.gather(*(secrets("PutSecretValue", SecretId="s", SecretString=each) for each in values))
        listed = (await secrets("ListSecretVersionIds", SecretId="s", IncludeDeprecated=True))["Versions"]
        assert len(listed) == 21
        assert {put["VersionId"] for put in puts} < {each["VersionId"] for each in listed}
        labels = [label for each in listed for label in each.get("VersionStages", ())]
        assert sorted(labels) == ["AWSCURRENT", "AWSPREVIOUS"]
        current = await secrets.value("s")
        assert current in values
        assert await secrets.value("s", region="eu-west-1") == current
        assert (await secrets("DescribeSecret", SecretId="s"))["ReplicationStatus"][0]["Status"] == "InSync"

    in_house(body)


def test_reading_again_touches_no_database_until_a_change(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        arn = (await secrets("CreateSecret", Name="s", SecretString="1"))["ARN"]
        await secrets("CreateSecret", Name="other", SecretString="x")
        for identifier in ("s", arn):
            await secrets("GetSecretValue", SecretId=identifier)
        store, reads = secrets.house.house.store, 0
        read = store.read

        async def counted(query: Any) -> Any:
            nonlocal reads
            reads += 1
            return await read(query)

        store.read = counted  # type: ignore[method-assign]
        # A change to another secret is none of its business.
        await secrets("PutSecretValue", SecretId="other", SecretString="y")
        reads = 0
        for _ in range(5):
            assert await secrets.value("s") == await secrets.value(arn) == "1"
        assert reads == 0
        await secrets("PutSecretValue", SecretId="s", SecretString="2")
        assert await secrets.value("s") == "2"
        assert reads > 0
        await secrets("DeleteSecret", SecretId="s")
        with refused("InvalidRequestException"):
            await secrets("GetSecretValue", SecretId="s")

    keeping(tmp_path, body)


def test_a_withdrawn_permission_counts_at_the_next_read(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        key = await secrets.key()
        await secrets("CreateSecret", Name="s", SecretString="1", KmsKeyId=key)
        for _ in range(3):
            assert await secrets.value("s") == "1"
            await secrets.house.kms("DisableKey", KeyId=key)
            with refused("DecryptionFailure"):
                await secrets("GetSecretValue", SecretId="s")
            await secrets.house.kms("EnableKey", KeyId=key)

    keeping(tmp_path, body)
