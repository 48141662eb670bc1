"""An account of a throw-away server: its access key, ready clients that use it, and the faults that it is to meet."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from strongroom.testing.channel import Channel
from strongroom.testing.clock import ServerClock
from strongroom.testing.errors import extra_missing
from strongroom.testing.fault import InjectedFault

if TYPE_CHECKING:
    import boto3.session

_OURS = ("AWS_", "STRONGROOM_")


class Place(NamedTuple):
    """Where a server is: its URLs, its Region, what clients verify it with (a file), and its data directory."""

    https: str
    http: str
    region: str
    ca_bundle: str
    data: str


class Account:
    """An account, by its root user's access key.

    The faults that it begins are met by its own callers and keys, and by no other account's.
    """

    def __init__(
        self,
        channel: Channel,
        clock: ServerClock,
        place: Place,
        account_id: str,
        access_key_id: str,
        secret_access_key: str,
    ) -> None:
        self._channel = channel
        self._place = place
        self.account_id = account_id
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.clock = clock
        self._clients: dict[str, Any] = {}
        self._faults: list[InjectedFault] = []

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
        return {name: value for name, value in kept.items() if not name.startswith(_OURS)} | {
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

    def throttle(
        self,
        service: str,
        operation: str | None = None,
        *,
        times: int | None = None,
        rate: float | None = None,
        share: float | None = None,
    ) -> InjectedFault:
        """Have calls refused as AWS refuses what is over a quota: `throttle("kms", "Decrypt", times=3)`.

        `times` refuses the next so many calls, `share` that share of them (from 0 to 1, the same ones in every run),
        `rate` what comes faster than so many a second; without any of them every call is refused. Without `operation`
        it is for all of the service. What a service asks of KMS on the account's behalf counts as well.

        Raises TestServerError for an operation that is not served.
        """
        return self._begin(
            "throttle",
            account_id=self.account_id,
            service=service,
            operation=operation,
            times=times,
            rate=rate,
            share=share,
        )

    def deny(self, *actions: str, resource: str | Sequence[str] = "*") -> InjectedFault:
        """Have the account's principals denied actions (`deny("kms:Decrypt")`), its root user too.

        It is a service control policy, and the policy engine that decides: the refusal is AWS's, with an explanation.
        """
        resources = [resource] if isinstance(resource, str) else list(resource)
        return self._begin("denial", account_id=self.account_id, actions=list(actions), resources=resources)

    def key_outage(self, key_id: str, error: str = "KeyUnavailableException") -> InjectedFault:
        """Have KMS unable to use a key of this account (its id, ARN or alias), for whoever asks, services too.

        `error` is KMS's: KeyUnavailableException, KMSInternalException and DependencyTimeoutException are worth another
        try, DisabledException and KMSInvalidStateException are not. Those operations answer it that do on AWS.
        """
        options = {"region_name": key_id.split(":")[3]} if key_id.startswith("arn:") else {}
        described = self.client("kms", **options).describe_key(KeyId=key_id)
        return self._begin("key outage", key_arn=described["KeyMetadata"]["Arn"], code=error)

    def end_faults(self) -> None:
        """End every fault of this account that is still in force."""
        while self._faults:
            self._faults.pop().end()

    @contextlib.contextmanager
    def in_force(self) -> Iterator[Self]:
        """Point this process at the account: its environment, and `boto3.client` without more; then as it was.

        Faults that are still in force then are ended.
        """
        try:
            import boto3
        except ModuleNotFoundError as error:
            raise extra_missing(error) from error
        before, session_before = dict(os.environ), boto3.DEFAULT_SESSION
        _set_environment(self.environment())
        boto3.DEFAULT_SESSION = self._session
        try:
            yield self
        finally:
            boto3.DEFAULT_SESSION = session_before
            _set_environment(before)
            self.end_faults()

    def _begin(self, kind: str, **params: Any) -> InjectedFault:
        fault = InjectedFault(self._channel, kind, **params)
        self._faults.append(fault)
        return fault

    @cached_property
    def _session(self) -> "boto3.session.Session":
        try:
            from strongroom.testing.sessions import new_session
        except ModuleNotFoundError as error:
            raise extra_missing(error) from error
        return new_session(self._place, self.access_key_id, self.secret_access_key)


def _set_environment(wanted: Mapping[str, str]) -> None:
    """Give this process the variables about AWS and Strongroom that `wanted` has, and leave it no others of them."""
    for name in [name for name in os.environ if name.startswith(_OURS) and name not in wanted]:
        del os.environ[name]
    os.environ.update({name: value for name, value in wanted.items() if name.startswith(_OURS)})
