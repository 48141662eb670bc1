"""Finding secrets: pages, orders, filters and their negation."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping

from strongroom.operations.page_position import position_text
from strongroom.services.secretsmanager import tables


async def names(secrets: Keeper, **params: Any) -> list[str]:
    """Return the names of all pages of a list."""
    found: list[str] = []
    while True:
        page = await secrets("ListSecrets", **params)
        found += [each["Name"] for each in page["SecretList"]]
        if "NextToken" not in page:
            return found
        params = params | {"NextToken": page["NextToken"]}


def test_pages_in_every_order(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        made = ["b", "a", "B", "c", "a/b"]
        for name in made:
            await secrets("CreateSecret", Name=name, SecretString="x")
            house.clock.advance(timedelta(hours=25))
        for name in ("c", "a"):
            await secrets("GetSecretValue", SecretId=name)
            house.clock.advance(timedelta(hours=25))
        await secrets("UpdateSecret", SecretId="B", Description="changed last")
        for size in (1, 2, 100):
            assert await names(secrets, MaxResults=size) == made
            assert await names(secrets, MaxResults=size, SortOrder="desc") == made[::-1]
            in_order = ["B", "a", "a/b", "b", "c"]
            assert await names(secrets, MaxResults=size, SortBy="name") == in_order
            assert await names(secrets, MaxResults=size, SortBy="name", SortOrder="desc") == in_order[::-1]
            assert (await names(secrets, MaxResults=size, SortBy="last-changed-date"))[-1] == "B"
            assert (await names(secrets, MaxResults=size, SortBy="last-accessed-date"))[-2:] == ["c", "a"]
        token = (await secrets("ListSecrets", MaxResults=1))["NextToken"]
        for params in ({"NextToken": "x"}, {"NextToken": token, "SortBy": "name"}):
            with refused("InvalidNextTokenException"):
                await secrets("ListSecrets", **params)
        for position in (
            "[]",
            "[1]",
            "[1, 2]",
            '["a", "b"]',
            '[NaN, "b"]',
            '[1e999, "b"]',
            '["\\u0000", "b"]',
            "x",
            "[[], {}]",
        ):
            for sort_by in ("name", "created-date"):
                forged = position_text("ListSecrets", position)
                if (position, sort_by) != ('["a", "b"]', "name"):
                    with refused("InvalidNextTokenException"):
                        await secrets("ListSecrets", NextToken=forged, SortBy=sort_by)
        with refused("InvalidNextTokenException"):
            await secrets("ListSecretVersionIds", SecretId="a", NextToken=token)

    in_house(body)


FILTERS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([{"Key": "name", "Values": ["prod/"]}], ["prod/db", "prod/api"]),
    ([{"Key": "name", "Values": ["Prod"]}], []),
    ([{"Key": "name", "Values": ["!prod"]}], ["test/db"]),
    ([{"Key": "name", "Values": ["prod/db", "test"]}], ["prod/db", "test/db"]),
    ([{"Key": "name", "Values": ["prod", "!prod/api"]}], ["prod/db"]),
    ([{"Key": "description", "Values": ["the DATA"]}], ["prod/db", "test/db"]),
    ([{"Key": "description", "Values": ["!the data"]}], ["prod/api"]),
    ([{"Key": "tag-key", "Values": ["te"]}], ["prod/db", "prod/api"]),
    ([{"Key": "tag-value", "Values": ["blue"]}], ["prod/db"]),
    ([{"Key": "tag-value", "Values": ["!blue"]}], ["prod/api", "test/db"]),
    ([{"Key": "tag-key", "Values": ["team"]}, {"Key": "name", "Values": ["prod/a"]}], ["prod/api"]),
    ([{"Key": "primary-region", "Values": ["us-"]}], ["test/db"]),
    ([{"Key": "owning-service", "Values": ["rds"]}], []),
    ([{"Key": "owning-service", "Values": ["!rds"]}], ["prod/db", "prod/api", "test/db"]),
    ([{"Key": "all", "Values": ["DB blue"]}], ["prod/db"]),
    ([{"Key": "all", "Values": ["!database"]}], ["prod/api"]),
]


def test_filters(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        blue, red = [{"Key": "team", "Value": "blue"}], [{"Key": "team", "Value": "red"}]
        await secrets("CreateSecret", Name="prod/db", Description="The database", Tags=blue)
        await secrets("CreateSecret", Name="prod/api", Description="A token", Tags=red)
        await secrets(
            "CreateSecret",
            Name="test/db",
            Description="the database too",
            SecretString="x",
            AddReplicaRegions=[{"Region": "eu-west-1"}],
        )
        for filters, expected in FILTERS:
            assert await names(secrets, Filters=filters) == expected, filters
        for bad in ({"Values": ["x"]}, {"Key": "name"}):
            with refused("InvalidParameterException"):
                await secrets("ListSecrets", Filters=[bad])

    keeping(tmp_path, body)


def test_what_a_list_tells(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        version = (await secrets("CreateSecret", Name="s", SecretString="x", Description="d"))["VersionId"]
        (listed,) = (await secrets("ListSecrets"))["SecretList"]
        assert set(listed) == {
            *("ARN", "Name", "Description", "CreatedDate", "LastChangedDate", "SecretVersionsToStages"),
        }
        assert listed["SecretVersionsToStages"] == {version: ["AWSCURRENT"]}
        await secrets("DeleteSecret", SecretId="s")
        assert await names(secrets) == []
        (listed,) = (await secrets("ListSecrets", IncludePlannedDeletion=True))["SecretList"]
        assert listed["DeletedDate"] > listed["CreatedDate"]

    keeping(tmp_path, body)


def test_tags(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)

        async def tags() -> Any:
            return (await secrets("DescribeSecret", SecretId="s")).get("Tags")

        await secrets("CreateSecret", Name="s")
        assert await tags() is None
        await secrets("TagResource", SecretId="s", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        await secrets("TagResource", SecretId="s", Tags=[{"Key": "a", "Value": "3"}, {"Key": "c"}])
        assert await tags() == [
            {"Key": "a", "Value": "3"},
            {"Key": "b", "Value": "2"},
            {"Key": "c", "Value": ""},
        ]
        await secrets("UntagResource", SecretId="s", TagKeys=["a", "c", "never there"])
        assert await tags() == [{"Key": "b", "Value": "2"}]
        many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
        with refused("InvalidParameterException"):
            await secrets("TagResource", SecretId="s", Tags=many)
        await secrets("UntagResource", SecretId="s", TagKeys=["b"])
        assert await tags() == []
        await secrets("TagResource", SecretId="s", Tags=many)
        await secrets("DeleteSecret", SecretId="s")
        marked = "You can't perform this operation on the secret because it was marked for deletion."
        with refused("InvalidRequestException", marked):
            await secrets("TagResource", SecretId="s", Tags=many)
        with refused("InvalidRequestException", marked):
            await secrets("UntagResource", SecretId="s", TagKeys=["k1"])

    in_house(body)


def test_a_filter_that_passes_over_many(tmp_path: Path) -> None:
    rows = 12_001

    async def body(secrets: Keeper) -> None:
        def insert(connection: Any) -> None:
            for number in range(rows):
                name = f"{'odd' if number % 2 else 'even'}/{number:05}"
                arn = f"arn:aws:secretsmanager:us-east-1:111122223333:secret:{name}-abcdef"
                columns = {"arn": arn, "name": name, "account_id": "111122223333", "region": "us-east-1"}
                tables.insert_secret(connection, columns | {"created_at": 1.0 + number // 7, "changed_at": 1.0})

        await secrets.house.house.store.write(insert)
        found = await names(secrets, Filters=[{"Key": "name", "Values": ["odd"]}])
        # Nobody waits for a search through everything: pages end before they are full.
        first = await secrets("ListSecrets", Filters=[{"Key": "name", "Values": ["none"]}])
        assert first["SecretList"] == []
        assert "NextToken" in first
        assert await names(secrets, Filters=[{"Key": "name", "Values": ["none"]}]) == []
        assert sorted(found) == [f"odd/{number:05}" for number in range(1, rows, 2)]

    keeping(tmp_path, body)
