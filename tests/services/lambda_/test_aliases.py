"""Aliases, and where they lead."""

from collections import Counter
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.lambda_.functions import function_arn, make_function, make_role

from strongroom.base.errors import AwsError
from strongroom.services.lambda_.function_directory import resolve


async def _call(opened: OpenedHouse, operation: str, **params: Any) -> dict[str, Any]:
    return await opened.call("lambda", operation, FunctionName="hello", **params)


async def _two_versions(opened: OpenedHouse) -> None:
    await make_role(opened)
    await make_function(opened, Publish=True)
    await _call(opened, "UpdateFunctionConfiguration", MemorySize=256)
    await _call(opened, "PublishVersion")


def test_an_alias_is_made_moved_listed_and_deleted(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _two_versions(opened)
        made = await _call(opened, "CreateAlias", Name="live", FunctionVersion="1")
        assert {name: made[name] for name in ("AliasArn", "FunctionVersion", "Description")} == {
            "AliasArn": function_arn("hello", "live"),
            "FunctionVersion": "1",
            "Description": "",
        }
        assert await _call(opened, "GetAlias", Name="live") == made
        described = await _call(opened, "GetFunctionConfiguration", Qualifier="live")
        assert (described["Version"], described["FunctionArn"]) == ("1", function_arn("hello", "live"))
        moved = await _call(opened, "UpdateAlias", Name="live", FunctionVersion="2", RevisionId=made["RevisionId"])
        assert moved["FunctionVersion"] == "2"
        assert (await resolve(opened.house, ACCOUNT, "us-east-1", "hello", "live")).version == "2"
        with pytest.raises(AwsError, match="Revision Id"):
            await _call(opened, "UpdateAlias", Name="live", Description="x", RevisionId=made["RevisionId"])
        with pytest.raises(AwsError, match="referenced by the alias live"):
            await _call(opened, "DeleteFunction", Qualifier="2")
        assert [each["Name"] for each in (await _call(opened, "ListAliases"))["Aliases"]] == ["live"]
        assert (await _call(opened, "ListAliases", FunctionVersion="1"))["Aliases"] == []
        await _call(opened, "DeleteAlias", Name="live")
        await _call(opened, "DeleteAlias", Name="live")
        with pytest.raises(AwsError, match=f"Cannot find alias arn: {function_arn('hello', 'live')}"):
            await _call(opened, "GetAlias", Name="live")

    in_house(body)


def test_an_alias_shares_invocations_between_two_versions(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _two_versions(opened)
        routing = {"AdditionalVersionWeights": {"2": 0.25}}
        made = await _call(opened, "CreateAlias", Name="live", FunctionVersion="1", RoutingConfig=routing)
        assert made["RoutingConfig"] == routing
        found = Counter(
            [(await resolve(opened.house, ACCOUNT, "us-east-1", "hello", "live")).version for _ in range(400)]
        )
        assert found.keys() == {"1", "2"}
        assert 40 < found["2"] < 180
        emptied = await _call(opened, "UpdateAlias", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
        assert "RoutingConfig" not in emptied

    in_house(body)


def test_aliases_are_refused_as_aws_does(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await _two_versions(opened)
        await _call(opened, "CreateAlias", Name="live", FunctionVersion="1")

        def weights(**of: float) -> dict[str, Any]:
            return {"AdditionalVersionWeights": {name[1:]: weight for name, weight in of.items()}}

        for params, message in (
            ({"Name": "live", "FunctionVersion": "1"}, "Alias already exists"),
            ({"Name": "a", "FunctionVersion": "10"}, "Function not found"),
            ({"Name": "a", "FunctionVersion": "0"}, "Function not found"),
            ({"Name": "a", "FunctionVersion": "1", "RoutingConfig": weights(v1=0.5)}, "already included"),
            ({"Name": "a", "FunctionVersion": "1", "RoutingConfig": weights(v10=0.5)}, "Function not found"),
            ({"Name": "a", "FunctionVersion": "1", "RoutingConfig": weights(v1=0.5, v2=0.1)}, "greater than 1"),
            ({"Name": "a", "FunctionVersion": "1", "RoutingConfig": weights(v2=2.0)}, "less than or equal to 1.0"),
            ({"Name": "a", "FunctionVersion": "$LATEST", "RoutingConfig": weights(v2=0.5)}, "not supported for an"),
            ({"Name": "7", "FunctionVersion": "1"}, "validation error"),
        ):
            with pytest.raises(AwsError, match=message):
                await _call(opened, "CreateAlias", **params)

    in_house(body)
