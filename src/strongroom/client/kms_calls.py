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

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from strongroom import __version__
from strongroom.client.after_fork import start_afresh_after_fork
from strongroom.client.backoff import Backoff, is_passing

CONNECT_SECONDS_MAX = 5.0
READ_SECONDS_MAX = 10.0
"""How long one try waits for a connection, and for bytes of the answer."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KmsCall:
    """One call. `region` None is the Region of the session. The parameters may hold a data key, hence are not shown."""

    region: str | None
    operation: Literal["GenerateDataKey", "Encrypt", "Decrypt"]
    parameters: Mapping[str, Any] = field(repr=False)
    is_patient: bool = True
    """Whether it is worth waiting for. Without patience it is tried once."""


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
        try:
            call = next(steps)
            while True:
                try:
                    answer = self.perform(call)
                except (ClientError, BotoCoreError) as error:
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

        Raises the last try's ClientError or BotoCoreError.
        """
        delays = self.backoff.delays()
        while True:
            try:
                return self.attempt(call)
            except (ClientError, BotoCoreError) as error:
                delay = next(delays, None) if call.is_patient and is_passing(error) else None
                if delay is None:
                    raise
            self.backoff.sleep(delay)

    def attempt(self, call: KmsCall) -> Mapping[str, Any]:
        """Make a call once. Raises ClientError and BotoCoreError."""
        client = self._client(call.region)
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

    def _client(self, region: str | None) -> Any:
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
                    self._clients[region] = client
        return client


_METHODS = {"GenerateDataKey": "generate_data_key", "Encrypt": "encrypt", "Decrypt": "decrypt"}

_is_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("strongroom_kms_call", default=False)

# At level DEBUG, botocore logs what it sends and what it receives, and data keys are in it.
_LOGGERS_OF_BODIES = ("botocore.endpoint", "botocore.parsers")


class _Hidden(logging.Filter):
    """Drops what is logged in the course of our own calls, and nothing else."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_ours.get()


_hidden = _Hidden()
