"""`strongroom xks-proxy` as a child process, and Strongroom's own client for it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from strongroom.services.kms.key_stores.xks_client import RequestMetadata, XksClient, XksProxy
from strongroom.services.kms.key_stores.xks_connection import Address
from strongroom.services.kms.key_stores.xks_signature import XksCredential

# A handshake on a busy machine takes longer than AWS allows.
PATIENCE_SECONDS = 20.0
METADATA = RequestMetadata(
    kms_request_id="4112f4d6-db54-4af4-ae30-c55a22a8dfae",
    kms_operation="Encrypt",
    aws_principal_arn="arn:aws:iam::123456789012:user/Alice",
    kms_key_arn="arn:aws:kms:us-east-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
)


class RunningProxy:
    """The process. It can be stopped and started again on the same directory."""

    def __init__(self, directory: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.log = directory.with_suffix(".log")
        self._options = options
        self._environment = environment or {}
        self.url = ""
        self.ca = Path()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and wait until it says that it is ready."""
        command = [sys.executable, "-m", "strongroom.cli", "xks-proxy"]
        command += ["--xks-directory", str(self.directory), "--xks-port", "0", *self._options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=os.environ | self._environment
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert line.startswith("ready "), f"the proxy did not start: {self.log.read_text()[-2000:]}"
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.url, self.ca = words["https"], Path(words["ca"])

    def stop(self) -> int:
        """End it with SIGTERM and return its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=30)
        if process.stdout is not None:
            process.stdout.close()
        return status

    def description(self, credential_file: Path | None = None) -> XksProxy:
        """Return what an operator tells KMS of this proxy."""
        members = json.loads((credential_file or self.directory / "credential.json").read_text())
        credential = members["XksProxyAuthenticationCredential"]
        parts = urllib.parse.urlsplit(self.url)
        assert parts.port is not None
        return XksProxy(
            host="localhost",
            path=parts.path,
            credential=XksCredential(credential["AccessKeyId"], credential["RawSecretAccessKey"]),
            address=Address("127.0.0.1", parts.port),
            trust=self.ca,
        )

    def client(self, credential_file: Path | None = None) -> XksClient:
        """Return a client that knows this proxy."""
        return XksClient(self.description(credential_file), "us-east-2", PATIENCE_SECONDS)


@contextlib.contextmanager
def running_proxy(directory: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[RunningProxy]:
    """Run a proxy in `directory`, and end it afterwards."""
    proxy = RunningProxy(directory, *options, environment=environment)
    try:
        yield proxy
    finally:
        proxy.stop()
