"""A real server process on a directory of its own, and real clients for it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

READY_SECONDS_MAX = 30.0
# Each session reads the models of services anew, which takes longer than most tests. Making clients with one is not
# for several threads at once; using them is.
_session, _session_lock = boto3.session.Session(), threading.Lock()

ROOT_ACCESS_KEY_ID = "AKIATESTROOTKEY00001"
ROOT_SECRET_ACCESS_KEY = "a-root-secret-for-tests-0123456789abcdef"


class RunningServer:
    """`strongroom serve` as a child process. It can be killed, and started again on the same data."""

    def __init__(self, home: Path, *, options: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self._options = options
        self._environment = environment or {}
        self.https = self.http = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and wait until the server says that it is ready."""
        arguments = ["serve", "--data", str(self.data), "--https-port", "0", "--http-port", "0", *self._options]
        environment = os.environ | {
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "STRONGROOM_ROOT_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "STRONGROOM_ROOT_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
            **self._environment,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "strongroom.cli", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), f"the server did not start: {self.log.read_text()[-2000:]}"
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.https, self.http = words["https"], words["http"]

    def kill(self) -> None:
        """End the process as a power failure would: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End the process as an operator would, with SIGTERM, and return its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        status = process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()
        return status

    @property
    def ca_bundle(self) -> Path:
        """The certificates that clients verify the server with."""
        return self.data / "tls" / "ca.pem"

    def client(self, service: str, *, secure: bool = True, region: str = "us-east-1", **options: Any) -> Any:
        """Return a boto3 client for the root user, over HTTPS unless told otherwise; without retries."""
        settings: dict[str, Any] = {
            "endpoint_url": self.https if secure else self.http,
            "region_name": region,
            "aws_access_key_id": ROOT_ACCESS_KEY_ID,
            "aws_secret_access_key": ROOT_SECRET_ACCESS_KEY,
            "verify": str(self.ca_bundle),
            "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        }
        session = options.pop("session", None) or _session
        with _session_lock:
            return session.client(service, **(settings | options))

    def environment(self) -> dict[str, str]:
        """Return the variables that point a command-line client at this server."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.https,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CA_BUNDLE": str(self.ca_bundle),
        }


@contextlib.contextmanager
def running_server(home: Path, **options: Any) -> Iterator[RunningServer]:
    """Run a server of a test's own in `home`, and end it afterwards."""
    server = RunningServer(home, **options)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that the tests of one process share: they make keys of their own, and leave the rest alone."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def kms(server: RunningServer) -> Any:
    """A KMS client of the shared server, over HTTPS."""
    return server.client("kms")


@pytest.fixture
def key_id(kms: Any) -> str:
    """The id of a fresh symmetric key of the shared server."""
    created: str = kms.create_key()["KeyMetadata"]["KeyId"]
    return created


def eventually(seconds: float, condition: Any) -> None:
    """Wait until `condition()` is true, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
