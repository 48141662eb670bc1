"""Parameters, their versions and labels, and the listings of them: on both databases."""

from datetime import UTC, datetime

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.ssm.asking import ARN, InSqliteHouse, ask, names, put, shown, value

from strongroom.model.service import service_model
from strongroom.operations.registry import OPERATIONS
from strongroom.services.ssm import by_path, describe

EXISTS = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
SERVED = """
    PutParameter GetParameter GetParameters GetParametersByPath GetParameterHistory DescribeParameters DeleteParameter
    DeleteParameters LabelParameterVersion UnlabelParameterVersion AddTagsToResource RemoveTagsFromResource
    ListTagsForResource PutResourcePolicy GetResourcePolicies DeleteResourcePolicy GetServiceSetting
    UpdateServiceSetting ResetServiceSetting
"""


def test_what_is_served() -> None:
    assert {name for service, name in OPERATIONS if service == "ssm"} == set(SERVED.split())


def test_the_rest_of_systems_manager_refuses_clearly(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        assert "SendCommand" in service_model("ssm").operations
        with refused("UnsupportedOperationException", "Strongroom does not serve ssm:SendCommand yet."):
            await ask(house, "SendCommand", DocumentName="AWS-RunShellScript")

    in_house(body)


def test_a_parameter_from_its_making_to_its_end(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = await ask(house, "PutParameter", Name="/app/db", Value="first", Type="String", Description="a database")
        assert made == {"Version": 1, "Tier": "Standard"}
        with refused("ParameterAlreadyExists", EXISTS):
            await put(house, "/app/db", "second")
        assert await put(house, "/app/db", "second", Overwrite=True) == 2
        one = await shown(house, "/app/db")
        assert one == {
            "Name": "/app/db",
            "Type": "String",
            "Value": "second",
            "Version": 2,
            "LastModifiedDate": one["LastModifiedDate"],
            "ARN": f"{ARN}/app/db",
            "DataType": "text",
        }
        assert abs((datetime.now(UTC) - one["LastModifiedDate"]).total_seconds()) < 60
        history = (await ask(house, "GetParameterHistory", Name="/app/db"))["Parameters"]
        assert [(each["Version"], each["Value"], each["Labels"]) for each in history] == [
            (1, "first", []),
            (2, "second", []),
        ]
        # What a new version does not say stays as it was.
        assert {each["Description"] for each in history} == {"a database"}
        assert {each["LastModifiedUser"] for each in history} == {house.caller.arn}
        assert await ask(house, "DeleteParameter", Name="/app/db") == {}
        for operation in ("GetParameter", "GetParameterHistory", "DeleteParameter"):
            with refused("ParameterNotFound", ""):
                await ask(house, operation, Name="/app/db")
        # A parameter of the same name is another one: it begins with its first version.
        assert await put(house, "/app/db", "anew") == 1
        assert len((await ask(house, "GetParameterHistory", Name="/app/db"))["Parameters"]) == 1

    in_house(body)


def test_versions_and_labels_by_name_and_by_arn(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for number in range(1, 4):
            await put(house, "/app/db", f"value {number}", Overwrite=number > 1)
        await put(house, "alone", "value")
        labelled = await ask(house, "LabelParameterVersion", Name="/app/db", ParameterVersion=2, Labels=["prod", "a-1"])
        assert labelled == {"InvalidLabels": [], "ParameterVersion": 2}
        for text, version, selector in (
            ("/app/db", 3, None),
            ("/app/db:3", 3, ":3"),
            ("/app/db:1", 1, ":1"),
            ("/app/db:prod", 2, ":prod"),
            (f"{ARN}/app/db", 3, None),
            (f"{ARN}/app/db:1", 1, ":1"),
            (f"{ARN}/app/db:a-1", 2, ":a-1"),
        ):
            one = await shown(house, text)
            assert (one["Name"], one["Version"], one.get("Selector")) == ("/app/db", version, selector), text
            assert one["Value"] == f"value {version}"
        assert (await shown(house, f"{ARN}/alone"))["Name"] == "alone"
        with refused(
            "ParameterVersionNotFound",
            "Systems Manager could not find version 4 of /app/db. Verify the version and try again.",
        ):
            await shown(house, "/app/db:4")
        for text in ("/app/db:nothing", f"/app/db:{10**18}", f"/app/db:{10**30}", "/app/db:é", "/app/db:a\x00"):
            with refused("ParameterVersionNotFound"):
                await shown(house, text)
        several = await ask(
            house,
            "GetParameters",
            Names=["/app/db:prod", "/no/such", "alone", "/app/db:9", "no name", "/app/db", f"{ARN}/alone"],
        )
        found = [(each["Name"], each["Version"]) for each in several["Parameters"]]
        assert found == [("/app/db", 3), ("/app/db", 2), ("alone", 1), ("alone", 1)]
        assert several["InvalidParameters"] == ["/no/such", "/app/db:9", "no name"]

    in_house(body)


def test_labels_move_and_are_limited(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for number in range(1, 3):
            await put(house, "p", f"{number}", Overwrite=number > 1)
        await ask(house, "LabelParameterVersion", Name="p", ParameterVersion=1, Labels=["a", "b"])
        # Without a version it is the current one; what has the label elsewhere loses it.
        assert (await ask(house, "LabelParameterVersion", Name="p", Labels=["b"]))["ParameterVersion"] == 2
        assert await value(house, "p:a") == "1"
        assert await value(house, "p:b") == "2"
        wrong = ["1a", "aws-x", "SSM", "with space", "é", "a/b"]
        answer = await ask(house, "LabelParameterVersion", Name="p", Labels=[*wrong, "fine", "fine"])
        assert answer == {"InvalidLabels": wrong, "ParameterVersion": 2}
        await ask(house, "LabelParameterVersion", Name="p", Labels=[f"l{number}" for number in range(8)])
        with refused(
            "ParameterVersionLabelLimitExceeded",
            "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
        ):
            await ask(house, "LabelParameterVersion", Name="p", Labels=["l9"])
        removed = await ask(house, "UnlabelParameterVersion", Name="p", ParameterVersion=2, Labels=["b", "a", "none"])
        assert removed == {"RemovedLabels": ["b"], "InvalidLabels": ["a", "none"]}
        history = (await ask(house, "GetParameterHistory", Name="p"))["Parameters"]
        assert [each["Labels"] for each in history] == [["a"], ["fine", *(f"l{number}" for number in range(8))]]
        for version in (7, 0, -1, 2**63 - 1):
            with refused("ParameterVersionNotFound"):
                await ask(house, "LabelParameterVersion", Name="p", ParameterVersion=version, Labels=["x"])
        with refused("ParameterNotFound"):
            await ask(house, "UnlabelParameterVersion", Name="q", ParameterVersion=1, Labels=["x"])

    in_house(body)


def test_a_hundred_versions_are_kept(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for number in range(1, 102):
            assert await put(house, "p", f"{number}", Overwrite=number > 1) == number
        first = await ask(house, "GetParameterHistory", Name="p", MaxResults=50)
        then = await ask(house, "GetParameterHistory", Name="p", NextToken=first["NextToken"])
        versions = [each["Version"] for each in first["Parameters"] + then["Parameters"]]
        assert versions == list(range(2, 102))
        assert "NextToken" not in then
        await ask(house, "LabelParameterVersion", Name="p", ParameterVersion=2, Labels=["keep"])
        with refused(
            "ParameterMaxVersionLimitExceeded",
            "You attempted to create a new version of p by calling the PutParameter API with the overwrite flag. "
            "Version 2, the oldest version, can't be deleted because it has a label associated with it. Move the label "
            "to another version of the parameter, and try again.",
        ):
            await put(house, "p", "too much", Overwrite=True)
        await ask(house, "LabelParameterVersion", Name="p", Labels=["keep"])
        assert await put(house, "p", "more", Overwrite=True) == 102
        with refused("ParameterVersionNotFound"):
            await value(house, "p:2")

    in_house(body)


TREE = ("/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/bc", "/a0", "/a-/x", "/b/c", "alone", "/Z")


def test_hierarchies_by_path_and_page(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for name in TREE:
            await put(house, name)

        async def below(path: str, recursive: bool, size: int = 10) -> list[str]:
            return await names(house, "GetParametersByPath", Path=path, Recursive=recursive, MaxResults=size)

        for size in (1, 2, 3, 10):
            assert await below("/a", False, size) == ["/a/b", "/a/bc"]
            assert await below("/a/", True, size) == ["/a/b", "/a/b/c", "/a/b/c/d", "/a/bc"]
            assert await below("/", True, size) == sorted(TREE)
            assert await below("/", False, size) == ["/Z", "/a", "/a0", "alone"]
            assert await below("/nothing/here", True, size) == []
        with refused("InvalidNextToken"):
            await ask(house, "GetParametersByPath", Path="/", NextToken="nonsense")
        described = await ask(house, "DescribeParameters", MaxResults=1)
        with refused("InvalidNextToken"):
            await ask(house, "GetParametersByPath", Path="/", NextToken=described["NextToken"])
        # Those of another Region, or of another account, are others.
        assert await names(house, "GetParametersByPath", Path="/", Recursive=True, region="eu-west-1") == []

    in_house(body)


def test_filters_of_descriptions(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/app/one", Tags=[{"Key": "env", "Value": "prod"}])
        await put(house, "/app/two", "x,y", Type="StringList", Tags=[{"Key": "env", "Value": "test"}])
        await put(house, "/app/deep/three", Type="SecureString", Tier="Advanced")
        await put(house, "four", "4", DataType="integer")

        async def found(*filters: tuple[str, str | None, list[str]], size: int = 50) -> list[str]:
            listed = [
                {"Key": key, "Values": values} | ({"Option": option} if option else {})
                for key, option, values in filters
            ]
            return await names(house, "DescribeParameters", ParameterFilters=listed, MaxResults=size)

        every = ["/app/deep/three", "/app/one", "/app/two", "four"]
        for size in (1, 2, 50):
            assert await found(size=size) == every
            assert await found(("Type", None, ["String", "StringList"]), size=size) == every[1:]
        assert await found(("Name", None, ["/app/one", "/four"])) == ["/app/one", "four"]
        assert await found(("Name", "BeginsWith", ["/app"])) == every[:3]
        assert await found(("Name", "BeginsWith", ["app/d"])) == every[:1]
        assert await found(("Name", "Contains", ["o"])) == ["/app/one", "/app/two", "four"]
        assert await found(("KeyId", None, ["alias/aws/ssm"])) == ["/app/deep/three"]
        assert await found(("KeyId", "BeginsWith", ["alias/"])) == ["/app/deep/three"]
        assert await found(("Tier", None, ["Advanced"])) == ["/app/deep/three"]
        assert await found(("DataType", None, ["integer"])) == ["four"]
        assert await found(("Path", None, ["/app"])) == ["/app/one", "/app/two"]
        assert await found(("Path", "Recursive", ["/app"])) == every[:3]
        assert await found(("Path", "OneLevel", ["/"])) == ["four"]
        assert await found(("tag:env", None, ["prod"])) == ["/app/one"]
        assert await found(("tag:env", "BeginsWith", ["t", "p"])) == ["/app/one", "/app/two"]
        both = await ask(house, "DescribeParameters", ParameterFilters=[{"Key": "tag:env"}])
        assert [each["Name"] for each in both["Parameters"]] == ["/app/one", "/app/two"]
        assert await found(("tag:env", None, ["prod"]), ("Type", None, ["StringList"])) == []
        old = await names(house, "DescribeParameters", Filters=[{"Key": "Name", "Values": ["/app/o", "four"]}])
        assert old == ["/app/one", "four"]
        one = (await ask(house, "DescribeParameters", MaxResults=1))["Parameters"][0]
        assert (one["Tier"], one["KeyId"], one["ARN"]) == ("Advanced", "alias/aws/ssm", f"{ARN}/app/deep/three")
        assert "Value" not in one

    in_house(body)


WRONG_FILTERS: list[tuple[str, str | None, dict[str, object]]] = [
    (
        "InvalidFilterKey",
        "The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, KeyId, Tier, "
        "DataType].",
        {"Key": "Label", "Values": ["x"]},
    ),
    (
        "InvalidFilterOption",
        "The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals].",
        {"Key": "Type", "Option": "Contains", "Values": ["String"]},
    ),
    (
        "InvalidFilterOption",
        "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel].",
        {"Key": "Path", "Option": "Equals", "Values": ["/a"]},
    ),
    (
        "InvalidFilterOption",
        "The following filter value is not valid: Number. Valid values include: [String, StringList, SecureString].",
        {"Key": "Type", "Values": ["Number"]},
    ),
    (
        "InvalidFilterValue",
        "The following filter values are missing : null for filter key Name.",
        {"Key": "Name"},
    ),
    ("ValidationException", None, {"Key": "Path", "Values": ["/a//b"]}),
    ("ValidationException", None, {"Key": "Path", "Values": ["/aws/x"]}),
    ("ValidationException", None, {"Key": "Colour", "Values": ["x"]}),
]


def test_filters_that_cannot_be(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for code, message, params in WRONG_FILTERS:
            with refused(code, message):
                await ask(house, "DescribeParameters", ParameterFilters=[params])

    in_sqlite_house(body)


def test_filters_by_path(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/a/one", "old")
        await put(house, "/a/one", "new", Overwrite=True)
        await put(house, "/a/two", "x", Type="StringList")
        await ask(house, "LabelParameterVersion", Name="/a/one", ParameterVersion=1, Labels=["was"])

        async def below(key: str, text: str) -> list[str]:
            filters = [{"Key": key, "Values": [text]}]
            answer = await ask(house, "GetParametersByPath", Path="/a", ParameterFilters=filters)
            return [each["Value"] for each in answer["Parameters"]]

        assert await below("Type", "StringList") == ["x"]
        assert await below("Label", "was") == ["old"]
        assert await below("Label", "never") == []
        for key in ("Name", "Path", "Tier", "DataType", "tag:x"):
            with refused("InvalidFilterKey"):
                await below(key, "/x")
        twice = [{"Key": "Type", "Values": ["String"]}] * 2
        with refused("InvalidFilterKey"):
            await ask(house, "GetParametersByPath", Path="/a", ParameterFilters=twice)

    in_house(body)


def test_many_at_once_and_tags(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
        await put(house, "/x/one", Tags=tags)
        await put(house, "/x/two")
        of_one = {"ResourceType": "Parameter", "ResourceId": "/x/one"}
        await ask(house, "AddTagsToResource", **of_one, Tags=[{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}])
        await ask(house, "RemoveTagsFromResource", **of_one, TagKeys=["a", "never"])
        listed = (await ask(house, "ListTagsForResource", **of_one))["TagList"]
        assert listed == [{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}]
        too_many = [{"Key": f"k{number}", "Value": ""} for number in range(49)]
        with refused("TooManyTagsError"):
            await ask(house, "AddTagsToResource", **of_one, Tags=too_many)
        with refused("ValidationException"):
            await ask(house, "AddTagsToResource", **of_one, Tags=[{"Key": "aws:x", "Value": ""}])
        with refused("InvalidResourceId"):
            await ask(house, "ListTagsForResource", ResourceType="Parameter", ResourceId="/x/none")
        with refused("UnsupportedOperationException"):
            await ask(house, "ListTagsForResource", ResourceType="Document", ResourceId="doc")
        answer = await ask(house, "DeleteParameters", Names=["/x/two", "/x/none", "/x/one", "no name"])
        assert answer == {"DeletedParameters": ["/x/two", "/x/one"], "InvalidParameters": ["/x/none", "no name"]}
        assert await names(house, "DescribeParameters") == []

    in_house(body)


def test_a_page_looks_at_so_many_rows_and_no_more(
    in_sqlite_house: InSqliteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (by_path, describe):
        monkeypatch.setattr(module, "ROWS_PER_READ", 2)
        monkeypatch.setattr(module, "ROWS_PER_PAGE_MAX", 4)

    async def body(house: OpenedHouse) -> None:
        for number in range(9):
            await put(house, f"/p{number}", Type="StringList" if number in (0, 7) else "String")
        filters = [{"Key": "Type", "Values": ["StringList"]}]
        for operation, more in (("DescribeParameters", {}), ("GetParametersByPath", {"Path": "/"})):
            first = await ask(house, operation, **more, ParameterFilters=filters)
            assert [each["Name"] for each in first["Parameters"]] == ["/p0"]
            # Between what is found there may be pages of nothing.
            assert await names(house, operation, **more, ParameterFilters=filters) == ["/p0", "/p7"]
            for size in (1, 2, 3, 4, 9):
                found = await names(house, operation, **more, MaxResults=size)
                assert found == [f"/p{number}" for number in range(9)], (operation, size)

    in_sqlite_house(body)
