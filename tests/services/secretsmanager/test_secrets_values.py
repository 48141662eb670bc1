"""Secrets and their values: created, read, put, found by every way of naming them."""

import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import GUEST, GUEST_ACCOUNT, Keeper, arn_of, keeping

NOT_FOUND = "Secrets Manager can't find the specified secret."
BAD_NAME = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"


def test_a_secret_has_text_or_bytes(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        token = str(uuid.uuid4())
        made = await secrets("CreateSecret", Name="db/one", SecretString="pässwört", ClientRequestToken=token)
        assert re.fullmatch(arn_of("db/one") + "-[A-Za-z0-9]{6}", made["ARN"])
        assert (made["Name"], made["VersionId"]) == ("db/one", token)
        got = await secrets("GetSecretValue", SecretId="db/one")
        assert (got["SecretString"], got["VersionStages"], got["VersionId"]) == ("pässwört", ["AWSCURRENT"], token)
        assert (got["ARN"], got["Name"]) == (made["ARN"], "db/one")
        await secrets("PutSecretValue", SecretId="db/one", SecretBinary=b"\x00\xff")
        got = await secrets("GetSecretValue", SecretId="db/one")
        assert got["SecretBinary"] == b"\x00\xff"
        assert "SecretString" not in got
        assert await secrets.value("db/one", VersionStage="AWSPREVIOUS") == "pässwört"
        assert await secrets.value("db/one", VersionId=token) == "pässwört"

    in_house(body)


def test_a_secret_without_a_value(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        made = await secrets("CreateSecret", Name="empty")
        assert set(made) == {"ARN", "Name"}
        assert set(await secrets("DescribeSecret", SecretId="empty")) == {
            *("ARN", "Name", "CreatedDate", "LastChangedDate"),
        }
        with refused(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
        ):
            await secrets("GetSecretValue", SecretId="empty")
        put = await secrets("PutSecretValue", SecretId="empty", SecretString="x", VersionStages=["mine"])
        assert put["VersionStages"] == ["AWSCURRENT", "mine"]

    in_house(body)


def test_every_way_of_naming_a_secret(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        arn = (await secrets("CreateSecret", Name="Valid/_+=.@-Name-a1b2", SecretString="x"))["ARN"]
        for identifier in ("Valid/_+=.@-Name-a1b2", arn, arn_of("Valid/_+=.@-Name-a1b2")):
            assert (await secrets("GetSecretValue", SecretId=identifier))["ARN"] == arn
        # A name that ends like a suffix cannot be found by its partial ARN: that reads as a complete one.
        await secrets("CreateSecret", Name="Invalid-a1b2c3", SecretString="x")
        assert await secrets.value("Invalid-a1b2c3") == "x"
        wrong = [
            arn_of("Invalid-a1b2c3"),
            arn[:-1] + "_",
            arn.replace("us-east-1", "eu-west-1"),
            arn.rpartition(":")[2],
        ]
        for identifier in wrong[:-1]:
            with refused("ResourceNotFoundException", NOT_FOUND):
                await secrets("GetSecretValue", SecretId=identifier)
        for identifier in ("no such", "a:b", "arn:aws:kms:us-east-1:111122223333:key/x", f"arn:aws:s3:::{arn}", "a\0b"):
            with refused("ValidationException", BAD_NAME):
                await secrets("GetSecretValue", SecretId=identifier)
        with refused("ValidationException", BAD_NAME):
            await secrets("CreateSecret", Name="Inv *?!]Name\\-")

    in_house(body)


def test_a_remade_secret_is_another_one(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        first = (await secrets("CreateSecret", Name="again", SecretString="1"))["ARN"]
        await secrets("DeleteSecret", SecretId="again", ForceDeleteWithoutRecovery=True)
        second = (await secrets("CreateSecret", Name="again", SecretString="2"))["ARN"]
        assert first != second
        with refused("ResourceNotFoundException", NOT_FOUND):
            await secrets("GetSecretValue", SecretId=first)
        assert await secrets.value(second) == "2"

    in_house(body)


def test_requests_that_come_again(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        token, later = str(uuid.uuid4()), str(uuid.uuid4())
        made = await secrets("CreateSecret", Name="s", SecretString="x", ClientRequestToken=token)
        assert await secrets("CreateSecret", Name="s", SecretString="x", ClientRequestToken=token) == made
        in_use = (
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        )
        with refused("ResourceExistsException", in_use + f"{made['ARN']}."):
            await secrets("CreateSecret", Name="s", SecretString="y", ClientRequestToken=token)
        with refused("ResourceExistsException", "The operation failed because the secret s already exists."):
            await secrets("CreateSecret", Name="s", SecretString="x")
        put = await secrets("PutSecretValue", SecretId="s", SecretString="y", ClientRequestToken=later)
        assert await secrets("PutSecretValue", SecretId="s", SecretString="y", ClientRequestToken=later) == put
        with refused("ResourceExistsException", in_use.replace(token, later) + f"{made['ARN']}."):
            await secrets("PutSecretValue", SecretId="s", SecretBinary=b"y", ClientRequestToken=later)
        with refused("ResourceExistsException"):
            await secrets("UpdateSecret", SecretId="s", SecretString="y", ClientRequestToken=later)
        assert len((await secrets("ListSecretVersionIds", SecretId="s"))["Versions"]) == 2
        for bad in ("x" * 31 + "\0", "ä" * 32):
            with refused("InvalidParameterException"):
                await secrets("PutSecretValue", SecretId="s", SecretString="y", ClientRequestToken=bad)
        with refused(
            "InvalidParameterException", "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        ):
            await house.call("secretsmanager", "PutSecretValue", SecretId="s", SecretString="y")

    in_house(body)


def test_update_changes_value_and_description(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        await secrets("CreateSecret", Name="s", SecretString="x", Description="one")
        assert (await secrets("DescribeSecret", SecretId="s"))["Description"] == "one"
        assert "VersionId" not in await secrets("UpdateSecret", SecretId="s", Description="two")
        updated = await secrets("UpdateSecret", SecretId="s", SecretString="y")
        described = await secrets("DescribeSecret", SecretId="s")
        assert described["Description"] == "two"
        assert described["VersionIdsToStages"][updated["VersionId"]] == ["AWSCURRENT"]
        assert await secrets.value("s") == "y"
        await secrets("UpdateSecret", SecretId="s", Description="")
        assert "Description" not in await secrets("DescribeSecret", SecretId="s")
        with refused("InvalidParameterException"):
            await secrets("UpdateSecret", SecretId="s", Description="a\0b")

    in_house(body)


NO_SECRET: list[tuple[dict[str, Any], str]] = [
    ({"SecretString": "x", "SecretBinary": b"x"}, "InvalidParameterException"),
    ({"SecretString": "ä" * 40_000}, "InvalidParameterException"),
    ({"Type": "partner"}, "UnsupportedOperationException"),
    ({"CrossAccountPrimaryARN": arn_of("other-a1b2c3")}, "UnsupportedOperationException"),
    ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "InvalidParameterException"),
    ({"Tags": [{"Key": "aws:a", "Value": "1"}]}, "InvalidParameterException"),
    ({"Tags": [{"Key": str(number), "Value": ""} for number in range(51)]}, "InvalidParameterException"),
    ({"Tags": [{"Value": "1"}]}, "InvalidParameterException"),
    ({"Description": "\0"}, "InvalidParameterException"),
    ({"AddReplicaRegions": [{"Region": "us-east-1"}]}, "InvalidParameterException"),
    ({"AddReplicaRegions": [{"Region": "moon-1"}]}, "InvalidParameterException"),
    ({"AddReplicaRegions": [{"Region": "cn-north-1"}]}, "InvalidParameterException"),
    ({"AddReplicaRegions": [{"Region": "eu-west-1"}, {"Region": "eu-west-1"}]}, "InvalidParameterException"),
]


def test_what_no_secret_is_made_of(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        for params, code in NO_SECRET:
            with refused(code):
                await secrets("CreateSecret", Name="s", **params)
        assert (await secrets("ListSecrets"))["SecretList"] == []

    keeping(tmp_path, body)


def test_the_largest_secret(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        await secrets("CreateSecret", Name="s", SecretString="x" * 65_536)
        assert await secrets.value("s") == "x" * 65_536
        await secrets("PutSecretValue", SecretId="s", SecretBinary=bytes(65_536))
        assert (await secrets("GetSecretValue", SecretId="s"))["SecretBinary"] == bytes(65_536)

    in_house(body)


def test_a_batch_tells_of_each(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        for number in range(23):
            await secrets("CreateSecret", Name=f"s{number:02}", SecretString=f"value {number}")
        await secrets("DeleteSecret", SecretId="s05")
        batch = await secrets("BatchGetSecretValue", SecretIdList=["s01", "s05", "nothing", "no name", arn_of("s02")])
        assert [value["SecretString"] for value in batch["SecretValues"]] == ["value 1", "value 2"]
        assert {each["SecretId"]: each["ErrorCode"] for each in batch["Errors"]} == {
            "s05": "InvalidRequestException",
            "nothing": "ResourceNotFoundException",
            "no name": "ValidationException",
        }
        found: list[str] = []
        page = await secrets("BatchGetSecretValue", Filters=[{"Key": "name", "Values": ["s"]}])
        assert len(page["SecretValues"]) == 20
        found += [value["Name"] for value in page["SecretValues"]]
        more = {"Filters": [{"Key": "name", "Values": ["s"]}], "NextToken": page["NextToken"]}
        page = await secrets("BatchGetSecretValue", **more)
        found += [value["Name"] for value in page["SecretValues"]]
        assert found == [f"s{number:02}" for number in range(23) if number != 5]
        assert "NextToken" not in page
        for params in ({}, {"SecretIdList": ["s"], "Filters": []}, {"SecretIdList": ["s"], "MaxResults": 2}):
            with refused("InvalidParameterException"):
                await secrets("BatchGetSecretValue", **params)

    in_house(body)


def test_what_is_remembered_of_reading(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        version = (await secrets("CreateSecret", Name="s", SecretString="x"))["VersionId"]
        assert "LastAccessedDate" not in await secrets("DescribeSecret", SecretId="s")
        await secrets("GetSecretValue", SecretId="s")
        accessed = (await secrets("DescribeSecret", SecretId="s"))["LastAccessedDate"]
        assert (accessed.hour, accessed.minute, accessed.second) == (0, 0, 0)
        (listed,) = (await secrets("ListSecretVersionIds", SecretId="s"))["Versions"]
        assert (listed["VersionId"], listed["LastAccessedDate"]) == (version, accessed)
        house.clock.advance(timedelta(days=2))
        await secrets("GetSecretValue", SecretId="s")
        assert (await secrets("DescribeSecret", SecretId="s"))["LastAccessedDate"] > accessed

    in_house(body)


def test_another_account_has_names_of_its_own(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        mine = await secrets("CreateSecret", Name="s", SecretString="mine")
        theirs = await secrets("CreateSecret", Name="s", SecretString="theirs", caller=GUEST)
        assert mine["ARN"].split(":")[4] == ACCOUNT
        assert theirs["ARN"].split(":")[4] == GUEST_ACCOUNT
        assert await secrets.value("s") == "mine"
        assert await secrets.value("s", caller=GUEST) == "theirs"

    in_house(body)
