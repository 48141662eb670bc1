"""An account of a throw-away server: its access key, and ready clients that use it."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from strongroom.testing.errors import SERVER_EXTRA_MISSING, TestServerError

if TYPE_CHECKING:
    import boto3.session


class Place(NamedTuple):
    """Where a server is: its URLs, its Region, what clients verify it with (a file), and its data directory."""

    https: str
    http: str
    region: str
    ca_bundle: str
    data: str


class Account:
    """An account, by its root user's access key."""

    def __init__(self, place: Place, account_id: str, access_key_id: str, secret_access_key: str) -> None:
        self._place = place
        self.account_id = account_id
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self._clients: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.account_id} at {self._place.https}>"

    @property
    def endpoint_url(self) -> str:
        """Where the server speaks HTTPS."""
        return self._place.https

    @property
    def http_endpoint_url(self) -> str:
        """Where the server speaks plain HTTP, for tests of rules about it."""
        return self._place.http

    @property
    def region(self) -> str:
        """The Region that clients sign for unless told otherwise."""
        return self._place.region

    @property
    def ca_bundle(self) -> str:
        """The path of the certificates that clients verify the server with."""
        return self._place.ca_bundle

    def session(self) -> "boto3.session.Session":
        """Return a boto3 session of this account, whose clients use the server; always the same one."""
        return self._session

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of this account. `options` are those of boto3's `Session.client`.

        Without options it is made once and returned again.
        """
        if options:
            return self._session.client(service, **options)
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        return self._clients[service]

    def resource(self, service: str, **options: Any) -> Any:
        """Return a boto3 resource of this account."""
        return self._session.resource(service, **options)

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return variables for a subprocess: `base` (by default those of this process) without what it says of AWS, and
        what points AWS clients, and commands of Strongroom, at this account."""
        kept = os.environ if base is None else base
        return {name: value for name, value in kept.items() if not name.startswith(("AWS_", "STRONGROOM_"))} | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_CA_BUNDLE": self.ca_bundle,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "STRONGROOM_DATA": self._place.data,
            "STRONGROOM_HTTP_ENDPOINT_URL": self.http_endpoint_url,
            "STRONGROOM_ACCOUNT_ID": self.account_id,
        }

    @cached_property
    def _session(self) -> "boto3.session.Session":
        try:
            from strongroom.testing.sessions import new_session
        except ModuleNotFoundError as error:
            raise TestServerError(f"{SERVER_EXTRA_MISSING} ({error.name} is missing)") from error
        return new_session(self._place, self.access_key_id, self.secret_access_key)
