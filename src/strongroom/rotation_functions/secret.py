"""A secret as Secrets Manager has it while it is rotated: its versions, and what a database's secret holds.

Source: AWS Secrets Manager User Guide, "JSON structure of AWS Secrets Manager secrets".
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from .engine import Engine, Login

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"

Values = dict[str, Any]
"""The members of a database's secret."""

_PASSWORD_LENGTH = 32
# What connection strings and shells do not take well.
_EXCLUDED = ":/@\"'\\"


class RotationError(Exception):
    """This secret cannot be rotated as it is; the text says what to mend."""


class Versions:
    """The versions of one secret. `token` is the id of the version that a rotation makes."""

    def __init__(self, client: Any, secret_id: str, token: str) -> None:
        self.client = client
        self.secret_id = secret_id
        self.token = token

    def current(self) -> Values:
        """Return what opens the database before the rotation. Raises RotationError."""
        return self._read(VersionStage=CURRENT)

    def pending(self) -> Values:
        """Return what this rotation made. Raises RotationError."""
        return self._read(VersionId=self.token, VersionStage=PENDING)

    def previous(self) -> Values | None:
        """Return what opened the database before the last rotation, None before the first one."""
        try:
            return self._read(VersionStage=PREVIOUS)
        except self.client.exceptions.ResourceNotFoundException:
            return None

    def has_pending(self) -> bool:
        """Whether this rotation has made its version already."""
        try:
            self.client.get_secret_value(SecretId=self.secret_id, VersionId=self.token, VersionStage=PENDING)
        except self.client.exceptions.ResourceNotFoundException:
            return False
        return True

    def put_pending(self, values: Values) -> None:
        """Store the version that this rotation makes."""
        self.client.put_secret_value(
            SecretId=self.secret_id,
            ClientRequestToken=self.token,
            SecretString=json.dumps(values),
            VersionStages=[PENDING],
        )

    def stages(self) -> dict[str, list[str]]:
        """Return the stages of each version. Raises RotationError when this rotation should not go on."""
        told = self.client.describe_secret(SecretId=self.secret_id)
        if not told.get("RotationEnabled", True):
            raise RotationError(f"Secret {self.secret_id} is not enabled for rotation.")
        stages: dict[str, list[str]] = told.get("VersionIdsToStages", {})
        if self.token not in stages:
            raise RotationError(f"Secret version {self.token} has no stage for rotation of {self.secret_id}.")
        if CURRENT not in stages[self.token] and PENDING not in stages[self.token]:
            raise RotationError(f"Secret version {self.token} is not set as {PENDING} for {self.secret_id}.")
        return stages

    def make_current(self, stages: Mapping[str, list[str]]) -> None:
        """Give the version that this rotation made to whoever asks for the secret."""
        current = next((version for version, has in stages.items() if CURRENT in has), None)
        members = {"RemoveFromVersionId": current} if current is not None else {}
        self.client.update_secret_version_stage(
            SecretId=self.secret_id, VersionStage=CURRENT, MoveToVersionId=self.token, **members
        )

    def new_password(self) -> str:
        """Return a password that nobody has had, as the function's environment wants it."""
        password: str = self.client.get_random_password(
            PasswordLength=int(os.environ.get("PASSWORD_LENGTH", _PASSWORD_LENGTH)),
            ExcludeCharacters=os.environ.get("EXCLUDE_CHARACTERS", _EXCLUDED),
            ExcludeNumbers=_is_on("EXCLUDE_NUMBERS"),
            ExcludePunctuation=_is_on("EXCLUDE_PUNCTUATION"),
            ExcludeUppercase=_is_on("EXCLUDE_UPPERCASE"),
            ExcludeLowercase=_is_on("EXCLUDE_LOWERCASE"),
            RequireEachIncludedType=_is_on("REQUIRE_EACH_INCLUDED_TYPE", default="true"),
        )["RandomPassword"]
        return password

    def _read(self, **which: str) -> Values:
        text = self.client.get_secret_value(SecretId=self.secret_id, **which).get("SecretString")
        return parse_values(text, self.secret_id)


def _is_on(variable: str, default: str = "false") -> bool:
    return os.environ.get(variable, default).lower() in ("true", "1", "yes", "y", "t")


def parse_values(text: str | None, secret_id: str) -> Values:
    """Return the members of a database's secret. Raises RotationError, whose text has nothing of the secret."""
    try:
        values = json.loads(text or "")
    except ValueError:
        raise RotationError(f"Secret {secret_id} is not JSON.") from None
    if not isinstance(values, dict):
        raise RotationError(f"Secret {secret_id} is not a JSON object.")
    for member in ("username", "password"):
        if not isinstance(values.get(member), str) or not values[member]:
            raise RotationError(f"Secret {secret_id} lacks {member}.")
    return values


def login_of(values: Values, engine: Engine) -> Login:
    """Return where a secret's database is and how to log in. Raises RotationError."""
    if values.get("engine") not in engine.names:
        raise RotationError(f"The secret's engine must be one of: {', '.join(sorted(engine.names))}.")
    host, port = values.get("host"), values.get("port") or engine.default_port
    if not isinstance(host, str) or not host:
        raise RotationError("The secret lacks host.")
    if not str(port).isdecimal():
        raise RotationError("The secret's port must be a number.")
    database = values.get("dbname") or engine.default_database
    return Login(host, int(port), values["username"], values["password"], database, _tls(values.get("ssl")))


def _tls(told: object) -> bool | None:
    """Return what a secret's `ssl` says: true, false, or nothing, in which case the server decides."""
    if isinstance(told, str):
        return {"true": True, "false": False}.get(told.lower())
    return told if isinstance(told, bool) else None
