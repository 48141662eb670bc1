"""Layers: published, shared, used by functions, and deleted under them."""

import json
from pathlib import Path

from tests.opened_house import ACCOUNT
from tests.services.lambda_.functions import Functions, archive, with_functions
from tests.services.refusals import refused

from strongroom.operations.callers import Caller
from strongroom.services.lambda_.code import read_layers
from strongroom.services.lambda_.function_directory import resolve

GUEST_ACCOUNT = "444455556666"
GUEST = Caller.root(GUEST_ACCOUNT, "AKIATESTGUESTKEY0001")
LAYER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:libraries"
CONTENT = archive({"python/library.py": "VALUE = 1\n"})


async def _publish(functions: Functions, name: str = "libraries", content: bytes = CONTENT, **params: object) -> str:
    published = await functions("PublishLayerVersion", None, LayerName=name, Content={"ZipFile": content}, **params)
    return str(published["LayerVersionArn"])


def test_layers_are_published_described_and_listed(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        first = await _publish(functions, CompatibleRuntimes=["python3.11"], Description="one", LicenseInfo="MIT")
        second = await _publish(functions, CompatibleRuntimes=["python3.12"])
        await _publish(functions, "others")
        assert (first, second) == (f"{LAYER}:1", f"{LAYER}:2")
        found = await functions("GetLayerVersion", None, LayerName="libraries", VersionNumber=1)
        assert (found["LayerArn"], found["Version"], found["LicenseInfo"]) == (LAYER, 1, "MIT")
        assert found["Content"]["CodeSize"] == len(CONTENT)
        assert await functions("GetLayerVersionByArn", None, Arn=first) == found
        listed = await functions("ListLayerVersions", None, LayerName=LAYER)
        assert [each["Version"] for each in listed["LayerVersions"]] == [2, 1]
        page = await functions("ListLayerVersions", None, LayerName="libraries", MaxItems=1)
        rest = await functions("ListLayerVersions", None, LayerName="libraries", Marker=page["NextMarker"])
        assert [each["Version"] for each in rest["LayerVersions"]] == [1]
        layers = await functions("ListLayers", None, CompatibleRuntime="python3.11")
        assert [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in layers["Layers"]] == [
            ("libraries", 1)
        ]
        page = await functions("ListLayers", None, MaxItems=1)
        rest = await functions("ListLayers", None, Marker=page["NextMarker"])
        assert [each["LayerName"] for each in (*page["Layers"], *rest["Layers"])] == ["libraries", "others"]
        with refused("ResourceNotFoundException"):
            await functions("GetLayerVersion", None, LayerName="libraries", VersionNumber=3)

    with_functions(tmp_path, body)


def test_a_function_keeps_a_layer_that_is_deleted(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        arn, other = await _publish(functions), await _publish(functions, "others")
        made = await functions.make(Layers=[arn, other], Publish=True)
        assert [each["Arn"] for each in made["Layers"]] == [arn, other]
        await functions("DeleteLayerVersion", None, LayerName="libraries", VersionNumber=1)
        assert (await functions("GetFunctionConfiguration"))["Layers"] == made["Layers"]
        assert (await functions("ListLayerVersions", None, LayerName="libraries"))["LayerVersions"] == []
        house = functions.house.house
        assert (await read_layers(house, await resolve(house, ACCOUNT, "us-east-1", "hello", "1")))[0] == CONTENT
        with refused("InvalidParameterValueException", f"Layer version {arn} does not exist."):
            await functions.make("other", Layers=[arn])
        before = (await functions("GetAccountSettings", None))["AccountUsage"]["TotalCodeSize"]
        await functions("DeleteFunction")
        after = (await functions("GetAccountSettings", None))["AccountUsage"]["TotalCodeSize"]
        assert before - after > len(CONTENT)
        # A number is never given twice.
        assert await _publish(functions) == f"{LAYER}:2"

    with_functions(tmp_path, body)


def test_layers_of_a_function_are_checked(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        arn, again = await _publish(functions), await _publish(functions)
        twice = "Two different versions of the same layer are not allowed to be referenced in the same function."
        with refused("InvalidParameterValueException", f"{twice} {arn} and {again} are versions of the same layer."):
            await functions.make(Layers=[arn, again])
        with refused("InvalidParameterValueException", f"Layer version {LAYER}:9 does not exist."):
            await functions.make(Layers=[f"{LAYER}:9"])
        many = [await _publish(functions, f"layer-{number}") for number in range(6)]
        with refused("InvalidParameterValueException"):
            await functions.make(Layers=many)
        made = await functions.make(Layers=many[:5])
        assert len(made["Layers"]) == 5
        emptied = await functions("UpdateFunctionConfiguration", Layers=[])
        assert "Layers" not in emptied
        with refused("ValidationException"):
            await functions.make("other", Layers=[LAYER])

    with_functions(tmp_path, body)


def test_another_account_uses_a_layer_by_its_permission(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        arn = await _publish(functions)
        version = {"LayerName": LAYER, "VersionNumber": 1}
        for stranger in (arn, f"{LAYER}:7"):
            with refused("AccessDeniedException"):
                await functions("GetLayerVersionByArn", None, Arn=stranger, caller=GUEST)
        allowed = {"StatementId": "s1", "Action": "lambda:GetLayerVersion", "Principal": "*"}
        added = await functions("AddLayerVersionPermission", None, **version, **allowed)
        assert json.loads(added["Statement"])["Resource"] == arn
        assert (await functions("GetLayerVersionByArn", None, Arn=arn, caller=GUEST))["Version"] == 1
        policy = await functions("GetLayerVersionPolicy", None, **version)
        assert policy["RevisionId"] == added["RevisionId"]
        revision = (
            "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve "
            "the latest Revision Id"
        )
        with refused("PreconditionFailedException", revision):
            await functions("RemoveLayerVersionPermission", None, StatementId="s1", RevisionId="other", **version)
        with refused("ResourceNotFoundException", "Statement s2 is not found in resource policy."):
            await functions("RemoveLayerVersionPermission", None, StatementId="s2", **version)
        await functions("RemoveLayerVersionPermission", None, StatementId="s1", **version)
        with refused("ResourceNotFoundException", "No policy is associated with the given resource."):
            await functions("GetLayerVersionPolicy", None, **version)
        with refused("ResourceNotFoundException", f"Layer version {LAYER}:2 does not exist."):
            await functions("GetLayerVersionPolicy", None, LayerName="libraries", VersionNumber=2)
        with refused("AccessDeniedException"):
            await functions("PublishLayerVersion", None, LayerName=LAYER, Content={"ZipFile": CONTENT}, caller=GUEST)

    with_functions(tmp_path, body)


def test_to_use_a_layer_is_a_permission_of_its_own(tmp_path: Path) -> None:
    from tests.services.lambda_.functions import allow

    async def body(functions: Functions) -> None:
        arn = await _publish(functions)
        ann = await functions.user("ann", allow("lambda:CreateFunction", "iam:PassRole"))
        with refused("AccessDeniedException"):
            await functions.make(Layers=[arn], caller=ann)
        bob = await functions.user("bob", allow("lambda:CreateFunction", "lambda:GetLayerVersion", "iam:PassRole"))
        assert (await functions.make(Layers=[arn], caller=bob))["Layers"]

    with_functions(tmp_path, body)
