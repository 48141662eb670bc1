"""An IAM user who really signs: every request finds the access key anew, as the server does."""

import json
from typing import Any

from tests.opened_house import OpenedHouse


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document of the statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: Any = "*", **members: Any) -> dict[str, Any]:
    """Return an Allow statement; further members (Condition, Sid) by name."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource} | members


def deny(*actions: str, resource: Any = "*", **members: Any) -> dict[str, Any]:
    """Return a Deny statement."""
    return allow(*actions, resource=resource, **members) | {"Effect": "Deny"}


class ActingUser:
    """A user with an access key, made in a house."""

    def __init__(self, opened: OpenedHouse, name: str, access_key_id: str) -> None:
        self.opened = opened
        self.name = name
        self.access_key_id = access_key_id

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Perform one operation as this user."""
        credential = await self.opened.house.principals.find(self.access_key_id)
        assert credential is not None
        return await self.opened.call(service, operation, caller=credential.caller, **params)


async def acting_user(opened: OpenedHouse, name: str = "ann") -> ActingUser:
    """Make a user with an access key."""
    await opened.call("iam", "CreateUser", UserName=name)
    key = (await opened.call("iam", "CreateAccessKey", UserName=name))["AccessKey"]
    return ActingUser(opened, name, key["AccessKeyId"])
