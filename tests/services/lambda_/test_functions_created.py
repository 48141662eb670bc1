"""Functions made, described and deleted."""

import hashlib
from base64 import b64encode
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.lambda_.functions import ROLE, archive, function_arn, make_function, make_role

from strongroom.base.errors import AwsError
from strongroom.services.lambda_.code import read_code
from strongroom.services.lambda_.environment import open_variables
from strongroom.services.lambda_.function_directory import resolve


def test_a_function_is_made_described_and_deleted(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await make_role(opened)
        code = archive()
        made = await make_function(opened, Code={"ZipFile": code}, Environment={"Variables": {"COLOUR": "blue"}})
        assert made["FunctionArn"] == function_arn("hello")
        assert made["CodeSha256"] == b64encode(hashlib.sha256(code).digest()).decode()
        assert (made["Timeout"], made["MemorySize"], made["Version"]) == (3, 128, "$LATEST")
        assert (made["State"], made["LastUpdateStatus"]) == ("Active", "Successful")
        assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/hello"}
        found = await opened.call("lambda", "GetFunction", FunctionName="hello")
        assert found["Configuration"] == made
        for name in (function_arn("hello"), f"{ACCOUNT}:function:hello", "function:hello"):
            assert await opened.call("lambda", "GetFunctionConfiguration", FunctionName=name) == made
        version = await resolve(opened.house, ACCOUNT, "us-east-1", "hello", "")
        assert await read_code(opened.house, version) == code
        assert await open_variables(opened.house, version) == {"COLOUR": "blue"}
        assert version.role_arn == ROLE
        await opened.call("lambda", "DeleteFunction", FunctionName="hello")
        with pytest.raises(AwsError, match="Function not found: arn:aws:lambda"):
            await opened.call("lambda", "GetFunction", FunctionName="hello")

    in_house(body)
