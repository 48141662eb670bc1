"""Staging labels and versions: how labels move, what is deprecated, what makes room."""

import uuid
from datetime import timedelta
from pathlib import Path

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping


def ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def test_labels_move_as_values_come(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        one, two, three = ids(3)
        await secrets("CreateSecret", Name="s", SecretString="1", ClientRequestToken=one)
        put = await secrets("PutSecretValue", SecretId="s", SecretString="2", ClientRequestToken=two)
        assert put["VersionStages"] == ["AWSCURRENT"]
        assert await secrets.stages("s") == {two: ["AWSCURRENT"], one: ["AWSPREVIOUS"]}
        await secrets("PutSecretValue", SecretId="s", SecretString="3", ClientRequestToken=three)
        assert await secrets.stages("s") == {three: ["AWSCURRENT"], two: ["AWSPREVIOUS"]}
        listed = (await secrets("ListSecretVersionIds", SecretId="s"))["Versions"]
        assert [each["VersionId"] for each in listed] == [two, three]
        every = (await secrets("ListSecretVersionIds", SecretId="s", IncludeDeprecated=True))["Versions"]
        assert [(each["VersionId"], each.get("VersionStages")) for each in every] == [
            (one, None),
            (two, ["AWSPREVIOUS"]),
            (three, ["AWSCURRENT"]),
        ]
        assert all(each["KmsKeyIds"] == ["DefaultEncryptionKey"] for each in every)
        first = await secrets("ListSecretVersionIds", SecretId="s", IncludeDeprecated=True, MaxResults=2)
        rest = await secrets("ListSecretVersionIds", SecretId="s", IncludeDeprecated=True, NextToken=first["NextToken"])
        assert first["Versions"] + rest["Versions"] == every
        assert await secrets.value("s", VersionId=one) == "1"

    in_house(body)


def test_a_rotation_in_labels(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        one, two, three = ids(3)
        await secrets("CreateSecret", Name="s", SecretString="S1", ClientRequestToken=one)
        pending = {"SecretId": "s", "VersionStages": ["AWSPENDING"]}
        await secrets("PutSecretValue", SecretString="S2", ClientRequestToken=two, **pending)
        assert await secrets.value("s") == "S1"
        moved = await secrets(
            "UpdateSecretVersionStage",
            SecretId="s",
            VersionStage="AWSCURRENT",
            RemoveFromVersionId=one,
            MoveToVersionId=two,
        )
        assert set(moved) == {"ARN", "Name"}
        assert await secrets.stages("s") == {two: ["AWSCURRENT", "AWSPENDING"], one: ["AWSPREVIOUS"]}
        got = await secrets("GetSecretValue", SecretId="s")
        assert (got["SecretString"], got["VersionStages"]) == ("S2", ["AWSCURRENT", "AWSPENDING"])
        await secrets("PutSecretValue", SecretString="S3", ClientRequestToken=three, **pending)
        assert await secrets.stages("s") == {two: ["AWSCURRENT"], three: ["AWSPENDING"], one: ["AWSPREVIOUS"]}

    in_house(body)


def test_labels_of_ones_own(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        one, two, three = ids(3)
        await secrets("CreateSecret", Name="s", SecretString="1", ClientRequestToken=one)
        own = await secrets(
            "PutSecretValue",
            SecretId="s",
            SecretString="2",
            ClientRequestToken=two,
            VersionStages=["one", "two", "three"],
        )
        assert own["VersionStages"] == ["one", "three", "two"]
        await secrets(
            "PutSecretValue", SecretId="s", SecretString="3", ClientRequestToken=three, VersionStages=["one", "four"]
        )
        assert await secrets.stages("s") == {one: ["AWSCURRENT"], two: ["three", "two"], three: ["four", "one"]}
        assert await secrets.value("s", VersionStage="four") == "3"
        assert await secrets.value("s", VersionStage="one", VersionId=three) == "3"
        with refused(
            "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."
        ):
            await secrets("GetSecretValue", SecretId="s", VersionStage="one", VersionId=two)
        missing = "Secrets Manager can't find the specified secret value for VersionId: "
        for unknown in (*ids(1), "x" * 31 + "\0"):
            with refused("ResourceNotFoundException", missing + unknown):
                await secrets("GetSecretValue", SecretId="s", VersionId=unknown)

    keeping(tmp_path, body)


def test_moving_and_taking_off_labels(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        one, two, stranger = ids(3)
        await secrets("CreateSecret", Name="s", SecretString="1", ClientRequestToken=one)
        await secrets("PutSecretValue", SecretId="s", SecretString="2", ClientRequestToken=two)

        async def move(label: str, **params: str) -> None:
            await secrets("UpdateSecretVersionStage", SecretId="s", VersionStage=label, **params)

        await move("own", MoveToVersionId=one)
        await move("own", MoveToVersionId=one)
        assert (await secrets.stages("s"))[one] == ["AWSPREVIOUS", "own"]
        with refused("InvalidParameterException"):
            await move("own", MoveToVersionId=two)
        with refused("InvalidParameterException"):
            await move("own", MoveToVersionId=two, RemoveFromVersionId=two)
        await move("own", MoveToVersionId=two, RemoveFromVersionId=one)
        await move("own", RemoveFromVersionId=two)
        assert "own" not in str(await secrets.stages("s"))
        with refused("InvalidParameterException"):
            await move("own", RemoveFromVersionId=two)
        with refused("InvalidParameterException"):
            await move("AWSCURRENT", RemoveFromVersionId=two)
        with refused("InvalidParameterException"):
            await move("own")
        with refused("InvalidParameterException"):
            await move("a\0b", MoveToVersionId=one)
        with refused("ResourceNotFoundException"):
            await move("own", MoveToVersionId=stranger)
        await move("AWSPREVIOUS", RemoveFromVersionId=one)
        assert await secrets.stages("s") == {two: ["AWSCURRENT"]}

    keeping(tmp_path, body)


def test_a_secret_has_at_most_twenty_labels(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="1")
        labels = [f"label-{number}" for number in range(20)]
        with refused("LimitExceededException"):
            await secrets("PutSecretValue", SecretId="s", SecretString="2", VersionStages=labels)
        assert len(await secrets.stages("s")) == 1
        await secrets("PutSecretValue", SecretId="s", SecretString="2", VersionStages=labels[:19])
        version = (await secrets("GetSecretValue", SecretId="s"))["VersionId"]
        with refused("LimitExceededException"):
            await secrets("UpdateSecretVersionStage", SecretId="s", VersionStage="more", MoveToVersionId=version)

    keeping(tmp_path, body)


def test_old_versions_make_room(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        house = secrets.house
        first = (await secrets("CreateSecret", Name="s", SecretString="0"))["VersionId"]
        for number in range(1, 100):
            await secrets("PutSecretValue", SecretId="s", SecretString=str(number))
        with refused("LimitExceededException"):
            await secrets("PutSecretValue", SecretId="s", SecretString="too many for a day")
        house.clock.advance(timedelta(days=1, minutes=1))
        await secrets("PutSecretValue", SecretId="s", SecretString="100")
        listed = await secrets("ListSecretVersionIds", SecretId="s", IncludeDeprecated=True, MaxResults=100)
        assert len(listed["Versions"]) == 100
        assert first not in [each["VersionId"] for each in listed["Versions"]]
        assert await secrets.value("s", VersionStage="AWSPREVIOUS") == "99"
        now = house.clock.now()
        events = await house.house.audit.records(now - 60, now + 60)
        assert [event.details for event in events if event.operation == "SecretVersionDeletion"] == [
            {"SecretId": listed["ARN"], "SecretVersionId": first}
        ]

    keeping(tmp_path, body)
