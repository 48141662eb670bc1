"""A rotation's steps, called as Secrets Manager calls them, on a secret of a running server."""

import json
import uuid
from typing import Any

from strongroom.rotation_functions import handlers
from strongroom.rotation_functions import steps as rotation_steps

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class _Staged:
    """A Secrets Manager client that tells of the empty version which a rotation begins with."""

    def __init__(self, client: Any, token: str) -> None:
        self._client, self._token = client, token

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def describe_secret(self, **params: Any) -> Any:
        told = self._client.describe_secret(**params)
        told["VersionIdsToStages"].setdefault(self._token, ["AWSPENDING"])
        return told


class Secret:
    """A database's secret, and the function that rotates it."""

    def __init__(self, client: Any, function: str, values: dict[str, Any]) -> None:
        self.client = client
        self.handler = getattr(handlers, function)
        self.arn = client.create_secret(Name=f"db/{uuid.uuid4()}", SecretString=json.dumps(values))["ARN"]

    def step(self, name: str, token: str) -> None:
        """Call the function for one step."""
        rotation_steps._clients["secretsmanager"] = _Staged(self.client, token)
        self.handler({"Step": name, "SecretId": self.arn, "ClientRequestToken": token}, None)

    def rotate(self) -> str:
        """Take all steps, and return the version's id."""
        token = str(uuid.uuid4())
        for name in STEPS:
            self.step(name, token)
        return token

    def values(self, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """Return what a version holds."""
        told = self.client.get_secret_value(SecretId=self.arn, VersionStage=stage)["SecretString"]
        values: dict[str, Any] = json.loads(told)
        return values

    def credentials(self, stage: str = "AWSCURRENT") -> tuple[str, str]:
        """Return the user name and the password of a version."""
        values = self.values(stage)
        return values["username"], values["password"]

    def put(self, values: dict[str, Any]) -> None:
        """Store other values as the current version."""
        self.client.put_secret_value(SecretId=self.arn, SecretString=json.dumps(values))
