"""Functions as they are named and found: names and ARNs, from memory once known, by many at once."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.operations.quotas.setting import with_quota
from tests.services.lambda_.functions import (
    Functions,
    archive,
    function_arn,
    make_function,
    make_role,
    with_functions,
)
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.function_directory import resolve
from strongroom.services.lambda_.quotas import GIGABYTE, STORAGE_QUOTA


def test_names_arns_and_qualifiers_lead_to_the_function(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make(Publish=True)
        plain = f"{ACCOUNT}:function:hello"
        for name in ("hello", "function:hello", plain, f"us-east-1:{plain}", f"arn:aws:lambda:us-east-1:{plain}"):
            assert (await functions("GetFunctionConfiguration", name))["FunctionArn"] == function_arn("hello")
            found = await functions("GetFunctionConfiguration", f"{name}:1")
            assert (found["FunctionArn"], found["Version"]) == (function_arn("hello", "1"), "1")
        assert (await functions("GetFunctionConfiguration", "hello:1", Qualifier="1"))["Version"] == "1"
        elsewhere = function_arn("hello").replace("us-east-1", "eu-west-1")
        with refused(
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ):
            await functions("GetFunctionConfiguration", elsewhere)
        for qualifier in ("2", "0", "99999999999999999999", "none", "01", "-"):
            with refused("ResourceNotFoundException", f"Function not found: {function_arn('hello', qualifier)}"):
                await functions("GetFunctionConfiguration", Qualifier=qualifier)
        for name in (
            "*",
            "a b",
            f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i",
            f"{plain}:1:2",
            "function:hello:$LATES",
        ):
            with refused("ValidationException"):
                await functions("GetFunctionConfiguration", name)
        with refused("InvalidParameterValueException"):
            await functions.make("a" * 65)
        with refused("ResourceConflictException", "Function already exist: hello"):
            await functions.make()

    with_functions(tmp_path, body)


def test_what_is_missing_or_not_served_is_named(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        for params, message in (
            ({"Handler": None}, "Runtime and Handler are mandatory"),
            ({"Runtime": "cobol"}, "Member must satisfy enum value set"),
            ({"Code": {}}, "Please provide a source for function code."),
            ({"Code": {"ZipFile": b"no zip"}}, "Could not unzip uploaded file"),
            ({"Code": {"ZipFile": archive(), "S3Bucket": "bucket"}}, "Please do not provide other"),
            ({"Code": {"ImageUri": "image"}, "PackageType": "Image"}, "PackageType Image"),
            ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "must coexist"),
            ({"FileSystemConfigs": [{"Arn": "x", "LocalMountPath": "/mnt/x"}]}, "validation error|file systems"),
            ({"LoggingConfig": {"ApplicationLogLevel": "INFO"}}, "LogFormat is JSON"),
            ({"Tags": {"aws:x": "y"}}, "reserved tag keys"),
            ({"MemorySize": 10_241}, "less than or equal to 10240"),
        ):
            given = {name: value for name, value in params.items() if value is not None}
            left_out = {name for name, value in params.items() if value is None}
            from tests.services.lambda_.functions import creation

            whole = {name: value for name, value in creation("new", **given).items() if name not in left_out}
            with pytest.raises(AwsError, match=message):
                await functions.house.call("lambda", "CreateFunction", **whole)
        await functions.make(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []}, SnapStart={"ApplyOn": "None"})
        for operation, params in (
            (
                "CreateEventSourceMapping",
                {"FunctionName": "hello", "EventSourceArn": "arn:aws:sqs:us-east-1:111122223333:q"},
            ),
            ("CreateFunctionUrlConfig", {"FunctionName": "hello", "AuthType": "NONE"}),
            ("ListCodeSigningConfigs", {}),
        ):
            with refused("UnsupportedOperationException"):
                await functions.house.call("lambda", operation, **params)

    with_functions(tmp_path, body)


def test_tags_are_added_replaced_and_taken_off(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        arn = (await functions.make(Tags={"a": "1", "b": "2"}))["FunctionArn"]
        await functions("TagResource", None, Resource=arn, Tags={"b": "3", "c": "4"})
        await functions("UntagResource", None, Resource=arn, TagKeys=["a", "missing"])
        assert await functions("ListTags", None, Resource=arn) == {"Tags": {"b": "3", "c": "4"}}
        assert (await functions("GetFunction"))["Tags"] == {"b": "3", "c": "4"}
        versions = "Tags on function aliases and versions are not supported. Please specify a function ARN."
        with refused("InvalidParameterValueException", versions):
            await functions("TagResource", None, Resource=f"{arn}:$LATEST", Tags={"x": "y"})
        with refused("ResourceNotFoundException", f"Function not found: {function_arn('nothing')}"):
            await functions("ListTags", None, Resource=function_arn("nothing"))
        with refused("InvalidParameterValueException", "An error occurred and the request cannot be processed."):
            await functions("TagResource", None, Resource=arn, Tags={})
        with refused("InvalidParameterValueException"):
            await functions("TagResource", None, Resource=arn, Tags={f"k{number}": "" for number in range(49)})
        mapping = f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:00000000-0000-4000-8000-000000000000"
        with refused("ResourceNotFoundException", f"Event source mapping not found: {mapping}"):
            await functions("ListTags", None, Resource=mapping)

    with_functions(tmp_path, body)


def test_finding_again_touches_no_database_until_a_change(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make(Publish=True)
        await functions.make("other")
        await functions("CreateAlias", Name="live", FunctionVersion="1")
        house = functions.house.house
        qualifiers = ("", "$LATEST", "1", "live")
        for qualifier in qualifiers:
            await functions("GetFunctionConfiguration", Qualifier=qualifier or None) if qualifier else None
            await resolve(house, ACCOUNT, "us-east-1", "hello", qualifier)
        read, reads = house.store.read, 0

        async def counted(query: Any) -> Any:
            nonlocal reads
            reads += 1
            return await read(query)

        house.store.read = counted  # type: ignore[method-assign]
        await functions("UpdateFunctionConfiguration", "other", Timeout=9)
        reads = 0
        for _ in range(3):
            for qualifier in qualifiers:
                await resolve(house, ACCOUNT, "us-east-1", "hello", qualifier)
            await functions("GetFunctionConfiguration", Qualifier="live")
        assert reads == 0
        await functions("UpdateFunctionConfiguration", Timeout=9)
        assert (await resolve(house, ACCOUNT, "us-east-1", "hello", "")).timeout_seconds == 9
        assert reads > 0

    with_functions(tmp_path, body)


def test_many_change_one_function_at_once(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        await make_function(opened)

        async def attempt(number: int) -> str:
            try:
                code = {"ZipFile": archive({"app.py": f"x = {number}"}), "Publish": True}
                return str((await opened.call("lambda", "UpdateFunctionCode", FunctionName="hello", **code))["Version"])
            except AwsError as error:
                return error.code

        published = await asyncio.gather(*(attempt(number) for number in range(8)))
        assert sorted(published) == [str(number) for number in range(1, 9)]
        made = await asyncio.gather(*(make_function(opened, "same") for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(each, dict) for each in made) == 1
        assert all(each.code == "ResourceConflictException" for each in made if isinstance(each, AwsError))

    in_house(body)


def test_code_takes_room_until_nobody_has_it_any_more(tmp_path: Path) -> None:
    large = archive({"noise": os.urandom(100_000)})

    async def body(functions: Functions) -> None:
        house = functions.house.house

        async def stored() -> tuple[int, int]:
            rows = await house.store.read(lambda connection: connection.execute(select(tables.CODES)).all())
            blobs = await house.blobs.run(lambda: sum(len(batch) for batch in house.blobs.batches()))
            return len(rows), blobs

        await functions.make(Code={"ZipFile": large}, Publish=True)
        assert await stored() == (1, 1)
        await functions("UpdateFunctionCode", ZipFile=archive({"noise": os.urandom(100_000)}))
        assert await stored() == (2, 2)
        await functions("DeleteFunction", Qualifier="1")
        assert await stored() == (1, 1)
        with refused("ResourceConflictException"):
            await functions.make(Code={"ZipFile": large})
        assert await stored() == (1, 1)
        await with_quota(functions.house, STORAGE_QUOTA, 150_000 / GIGABYTE)
        with refused("CodeStorageExceededException"):
            await functions.make("other", Code={"ZipFile": large})
        assert await stored() == (1, 1)
        await functions("DeleteFunction")
        assert await stored() == (0, 0)

    with_functions(tmp_path, body)
