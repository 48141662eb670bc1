"""Functions that tests make: archives, a role that Lambda can assume, and a function with both."""

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.kms.made_identities import document, make_identity, statement, user

from strongroom.operations.callers import Caller

REGION = "us-east-1"
ROLE_NAME = "execution"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)
SOURCE = "def handler(event, context):\n    return event\n"


def archive(files: dict[str, str | bytes] | None = None, *, compressed: bool = True) -> bytes:
    """Return a zip with some files, by default a handler."""
    out = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w") as made:
        for name, content in (files or {"app.py": SOURCE}).items():
            made.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, how)
    return out.getvalue()


def function_arn(name: str, qualifier: str = "") -> str:
    """Return the ARN of a function of the tests' account."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


async def make_role(opened: OpenedHouse, name: str = ROLE_NAME) -> str:
    """Make a role that Lambda can assume; return its ARN."""
    answer = await opened.call("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)
    return str(answer["Role"]["Arn"])


def creation(name: str, **params: Any) -> dict[str, Any]:
    """Return the params of CreateFunction, with defaults for what is not given."""
    return {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"ZipFile": archive()},
    } | params


async def make_function(opened: OpenedHouse, name: str = "hello", **params: Any) -> dict[str, Any]:
    """Make a function with the role of `make_role`; return the answer."""
    return await opened.call("lambda", "CreateFunction", **creation(name, **params))


class Functions:
    """Lambda of one house, whose account has the role of `make_role`."""

    def __init__(self, house: OpenedHouse) -> None:
        self.house = house

    async def __call__(self, operation: str, name: str | None = "hello", **params: Any) -> dict[str, Any]:
        """Perform one operation, about the function `hello` unless another is named, or None."""
        named = {"FunctionName": name} if name is not None else {}
        return await self.house.call("lambda", operation, **named, **params)

    async def make(self, name: str = "hello", **params: Any) -> dict[str, Any]:
        """Make a function."""
        return await make_function(self.house, name, **params)

    async def user(self, name: str, *statements: dict[str, Any]) -> Caller:
        """Return a user of the account with a policy of these statements."""
        policies = (document(*statements),) if statements else ()
        return await user(self.house, await make_identity(self.house, "user", name, *policies))


def with_functions(home: Path, body: Callable[[Functions], Awaitable[None]], **choices: Any) -> None:
    """Run a coroutine function of a fresh house on SQLite. `choices` are those of its configuration."""

    async def main() -> None:
        async with opened_house(home, **choices) as house:
            await make_role(house)
            await body(Functions(house))

    asyncio.run(main())


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    """Return a statement that allows some actions."""
    return statement("Allow", list(actions), resource)
