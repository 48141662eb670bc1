"""Calls to KMS: one client a Region, every call tried by our backoff alone, nothing of it in a log.

What needs several calls is written as *steps*: a generator that yields a `KmsCall` and is sent its answer, or has the
error thrown into it. `KmsCalls.run` performs them in the thread that asks, `strongroom.client.async_kms_calls` in an
event loop.
"""

import contextvars
import logging
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError, UnknownRegionError

from strongroom import __version__
from strongroom.client.after_fork import start_afresh_after_fork
from strongroom.client.backoff import Backoff, is_passing
from strongroom.client.turns import OutOfPatience, Turns

CONNECT_SECONDS_MAX = 5.0
READ_SECONDS_MAX = 10.0
"""How long one try waits for a connection, and for bytes of the answer."""

CLIENTS_MAX = 50
"""How many Regions' connections are kept. AWS has fewer, but a server with an endpoint of its own has any."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KmsCall:
    """One call. `region` None is the Region of the session. The parameters may hold a data key, hence are not shown."""

    region: str | None
    operation: Literal["GenerateDataKey", "Encrypt", "Decrypt"]
    parameters: Mapping[str, Any] = field(repr=False)
    turn: int | None = None
    """None: it is tried as often as the backoff says. A number: it is tried once, in that turn of several calls, the
    first of which is 0. Before each further turn the backoff waits, once for all of them; when it gives up, the steps
    get OutOfPatience."""
    is_claimed: bool = False
    """Whether a message says that this is the Region, and nobody else. AWS is asked only in Regions that it has."""


Steps = Generator[KmsCall, Mapping[str, Any], T]


class KmsCalls:
    """KMS as one application calls it. Safe to share between threads.

    `session` is a session of botocore or of boto3 (None: a new one, with everything from the environment and the
    configuration files). `endpoint_url` and `ca_bundle` (a path) are for a server other than AWS; the environment may
    as well have them (`AWS_ENDPOINT_URL`, `AWS_CA_BUNDLE`).
    """

    def __init__(
        self,
        session: Any = None,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        ca_bundle: str | None = None,
        backoff: Backoff | None = None,
        connections_max: int = 10,
    ) -> None:
        self.backoff = backoff or Backoff()
        session = session or botocore.session.get_session()
        if hasattr(session, "create_client"):
            self._create_client, found = session.create_client, session.get_config_variable("region")
        else:
            self._create_client, found = session.client, session.region_name
        self._session = session
        self.default_region: str | None = region or found
        """The Region of keys that have no ARN; None where nothing says it."""
        self._options = {"endpoint_url": endpoint_url, "verify": ca_bundle}
        self._config = Config(
            # One try, whatever the environment says: whoever repeats what another one repeats multiplies the load.
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=CONNECT_SECONDS_MAX,
            read_timeout=READ_SECONDS_MAX,
            max_pool_connections=connections_max,
            user_agent_extra=f"strongroom-client/{__version__}",
        )
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        start_afresh_after_fork(self)
        for name in _LOGGERS_OF_BODIES:
            logging.getLogger(name).addFilter(_hidden)

    def __repr__(self) -> str:
        return f"KmsCalls(default_region={self.default_region!r})"

    def run(self, steps: Steps[T]) -> T:
        """Perform the steps, and return what they return. Raises what they raise, and what `perform` raises."""
        turns = Turns(self.backoff)
        try:
            call = next(steps)
            while True:
                try:
                    if delay := turns.delay_before(call.turn or 0):
                        self.backoff.sleep(delay)
                    answer = self.perform(call)
                except (ClientError, BotoCoreError, OutOfPatience) as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    def perform(self, call: KmsCall) -> Mapping[str, Any]:
        """Make a call, again and again while it is throttled or fails in passing, as the backoff says.

        One that has its turn is tried once. Raises the last try's ClientError or BotoCoreError.
        """
        delays = self.backoff.delays()
        while True:
            try:
                return self.attempt(call)
            except (ClientError, BotoCoreError) as error:
                delay = next(delays, None) if call.turn is None and is_passing(error) else None
                if delay is None:
                    raise
            self.backoff.sleep(delay)

    def attempt(self, call: KmsCall) -> Mapping[str, Any]:
        """Make a call once. Raises ClientError and BotoCoreError."""
        client = self._client(call.region, is_claimed=call.is_claimed)
        token = _is_ours.set(True)
        try:
            answer: Mapping[str, Any] = getattr(client, _METHODS[call.operation])(**call.parameters)
            return answer
        finally:
            _is_ours.reset(token)

    def close(self) -> None:
        """Close all connections. The next call would open new ones."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def start_afresh(self) -> None:
        """Let go of all connections, in a forked child: they are the parent's."""
        self._lock = threading.Lock()
        self._clients = {}

    def _client(self, region: str | None, *, is_claimed: bool = False) -> Any:
        region = region or self.default_region
        if region is None:
            raise NoRegionError
        client = self._clients.get(region)
        if client is None:
            # Sessions make clients for one thread at a time.
            with self._lock:
                client = self._clients.get(region)
                if client is None:
                    client = self._create_client("kms", region_name=region, config=self._config, **self._options)
                    if is_claimed and not self._may_be_asked(region, client):
                        client.close()
                        raise UnknownRegionError(region_name=region, error_msg="a message claims it")
                    self._keep(region, client)
        return client

    def _may_be_asked(self, region: str, client: Any) -> bool:
        """Return whether AWS has the Region, or the client goes to a server that all Regions are in."""
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        return f".{region}." not in host or region in self._regions_of_aws()

    def _regions_of_aws(self) -> frozenset[str]:
        partitions = self._session.get_available_partitions()
        return frozenset(
            region for one in partitions for region in self._session.get_available_regions("kms", partition_name=one)
        )

    def _keep(self, region: str, client: Any) -> None:
        while len(self._clients) >= CLIENTS_MAX:
            oldest = next(other for other in self._clients if other != self.default_region)
            # Whoever is in the middle of a call with it comes to its end.
            self._clients.pop(oldest).close()
        self._clients[region] = client


_METHODS = {"GenerateDataKey": "generate_data_key", "Encrypt": "encrypt", "Decrypt": "decrypt"}

_is_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("strongroom_kms_call", default=False)

# At level DEBUG, botocore logs what it sends and what it receives, and data keys are in it.
_LOGGERS_OF_BODIES = ("botocore.endpoint", "botocore.parsers")


class _Hidden(logging.Filter):
    """Drops what is logged in the course of our own calls, and nothing else."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_ours.get()


_hidden = _Hidden()
