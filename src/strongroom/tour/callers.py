"""Who calls a server in the tour, by which door, and the clients that they use."""

import threading
from dataclasses import dataclass, replace
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config

from strongroom.testing import Account
from strongroom.testing.account import Place
from strongroom.testing.sessions import new_session

_CONNECTIONS_MAX = 32
_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with an access key. `name` is what stands before their commands, empty for the root user."""

    name: str
    access_key_id: str
    secret_access_key: str

    def shell_function(self) -> str:
        """Return a shell function that runs a command with this access key."""
        key = f"AWS_ACCESS_KEY_ID={self.access_key_id} AWS_SECRET_ACCESS_KEY={self.secret_access_key}"
        return f'{self.name}() {{ {key} "$@"; }}'


NOBODY = Caller("", "", "")
"""Who signs nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a call is made: by whom (the root user, unless somebody is named), by which door, with how many attempts."""

    caller: Caller | None = None
    is_plain_http: bool = False
    attempts: int = 3


AS_ROOT = Way()
"""The usual way: the root user, over HTTPS."""


class Clients:
    """The clients of one server, made when they are first needed; safe to use from several threads."""

    def __init__(self, account: Account) -> None:
        self.root = Caller("", account.access_key_id, account.secret_access_key)
        self.session = account.session()
        self._account = account
        self._made: dict[tuple[str, Way], Any] = {}
        self._making = threading.Lock()

    def client(self, service: str, way: Way = AS_ROOT) -> Any:
        """Return the client of a service for a way to call it: always the same one."""
        with self._making:
            found = self._made.get((service, way))
            if found is None:
                found = self._made[service, way] = self.new_client(service, way)
            return found

    def new_session(self, caller: Caller | None = None) -> Any:
        """Return a boto3 session with no client yet, that nobody else has: the root user's, or a caller's."""
        account, caller = self._account, caller or self.root
        place = Place(account.endpoint_url, account.http_endpoint_url, account.region, account.ca_bundle, "")
        return new_session(place, caller.access_key_id, caller.secret_access_key)

    def new_client(self, service: str, way: Way = AS_ROOT) -> Any:
        """Return a client that nobody else has."""
        caller = way.caller or self.root
        settings: dict[str, Any] = {
            "retries": {"mode": "standard", "total_max_attempts": way.attempts},
            "max_pool_connections": _CONNECTIONS_MAX,
            "read_timeout": _SECONDS_MAX,
            "s3": {"addressing_style": "path"},
        }
        if service == "s3":
            # Else it would sign URLs as only the oldest Regions of AWS take them.
            settings["signature_version"] = "s3v4"
        if caller is NOBODY:
            settings["signature_version"] = UNSIGNED
        return self.session.client(
            service,
            endpoint_url=self._account.http_endpoint_url if way.is_plain_http else None,
            aws_access_key_id=caller.access_key_id or None,
            aws_secret_access_key=caller.secret_access_key or None,
            config=Config(**settings),
        )


def once(way: Way) -> Way:
    """Return the way with one attempt."""
    return replace(way, attempts=1)
