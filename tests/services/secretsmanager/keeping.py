"""Secrets Manager as tests call it: a house, a service, and tokens as SDKs make them."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse, opened_house

from strongroom.operations.callers import Caller

NEEDS_TOKEN = frozenset({"CreateSecret", "PutSecretValue", "UpdateSecret", "RotateSecret"})
GUEST_ACCOUNT = "444455556666"
GUEST = Caller.root(GUEST_ACCOUNT, "AKIATESTGUESTKEY0001")


class Keeper:
    """Calls Secrets Manager of one house; like an SDK, it makes up a ClientRequestToken where there is none."""

    def __init__(self, house: OpenedHouse) -> None:
        self.house = house

    async def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        """Perform one operation."""
        if operation in NEEDS_TOKEN:
            params = {"ClientRequestToken": str(uuid.uuid4())} | params
        return await self.house.call("secretsmanager", operation, **params)

    async def value(self, secret_id: str, **params: Any) -> str:
        """Return the text of a secret."""
        text: str = (await self("GetSecretValue", SecretId=secret_id, **params))["SecretString"]
        return text

    async def stages(self, secret_id: str) -> dict[str, list[str]]:
        """Return the labels of each version."""
        shown: dict[str, list[str]] = (await self("DescribeSecret", SecretId=secret_id))["VersionIdsToStages"]
        return shown

    async def key(self, **params: Any) -> str:
        """Return the ARN of a fresh KMS key."""
        arn: str = (await self.house.kms("CreateKey", **params))["KeyMetadata"]["Arn"]
        return arn


def arn_of(name: str, region: str = "us-east-1", account_id: str = ACCOUNT) -> str:
    """Return the partial ARN of a secret."""
    return f"arn:aws:secretsmanager:{region}:{account_id}:secret:{name}"


def keeping(home: Path, body: Callable[[Keeper], Awaitable[None]], **choices: Any) -> None:
    """Run a coroutine function of a fresh house on SQLite. `choices` are those of its configuration."""

    async def main() -> None:
        async with opened_house(home, **choices) as house:
            await body(Keeper(house))

    asyncio.run(main())
