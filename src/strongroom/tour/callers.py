"""Who calls the server in the tour, by which door, and the botocore clients that they use."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config

REGION = "us-east-1"
_CONNECTIONS_MAX = 32
_SECONDS_MAX = 60
# What a person's files and variables say must not send the tour elsewhere, or have it sign as somebody else.
_OWN_SETTINGS = {
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "profile": (None, None, None, None),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with an access key. `name` is what stands before their commands, empty for the root user."""

    name: str
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def shell_function(self) -> str:
        """Return a shell function that runs a command with this access key."""
        token = f" AWS_SESSION_TOKEN={self.session_token}" if self.session_token else ""
        key = f"AWS_ACCESS_KEY_ID={self.access_key_id} AWS_SECRET_ACCESS_KEY={self.secret_access_key}"
        return f'{self.name}() {{ {key}{token} "$@"; }}'


NOBODY = Caller("", "", "")
"""Who signs nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a call is made: by whom (the root user, unless somebody is named), by which door, with how many attempts."""

    caller: Caller | None = None
    is_plain_http: bool = False
    attempts: int = 3


class Clients:
    """The clients of one server, made when they are first needed; safe to use from several threads."""

    def __init__(self, https: str, http: str, ca_bundle: Path, root: Caller) -> None:
        self._urls = {False: https, True: http}
        self._ca_bundle = str(ca_bundle)
        self.root = root
        self.session = botocore.session.Session(_OWN_SETTINGS)
        self.session.set_credentials(root.access_key_id, root.secret_access_key)
        self._made: dict[tuple[str, Way], Any] = {}
        self._making = threading.Lock()

    def client(self, service: str, way: Way = Way()) -> Any:
        """Return the client of a service for a way to call it."""
        with self._making:
            found = self._made.get((service, way))
            if found is None:
                found = self._made[service, way] = self._make(service, way)
            return found

    def _make(self, service: str, way: Way) -> Any:
        caller = way.caller or self.root
        settings: dict[str, Any] = {
            "retries": {"mode": "standard", "total_max_attempts": way.attempts},
            "max_pool_connections": _CONNECTIONS_MAX,
            "read_timeout": _SECONDS_MAX,
            "inject_host_prefix": False,
            "s3": {"addressing_style": "path"},
        }
        if caller is NOBODY:
            settings["signature_version"] = UNSIGNED
        return self.session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self._urls[way.is_plain_http],
            verify=self._ca_bundle,
            aws_access_key_id=caller.access_key_id or None,
            aws_secret_access_key=caller.secret_access_key or None,
            aws_session_token=caller.session_token,
            config=Config(**settings),
        )
