"""The tour's servers: throw-away ones, on directories that the tour keeps until it has searched them."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from strongroom.tour.proof import Unproved

STOP_SECONDS_MAX = 20.0


class Served:
    """A server on `home`: its data are in `data`, its log in `server.log`; its root key is apart, in `key`."""

    def __init__(self, home: Path, **choices: str) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self.root_key_file = home / "root-key" / "root.key"
        self._choices = choices
        self._process: subprocess.Popen[str] | None = None
        self.https = self.http = ""
        for directory in (home, self.root_key_file.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it, and return when it serves. Raises Unproved when it does not."""
        command = [sys.executable, "-m", "strongroom.cli", "serve", "--data", str(self.data), "--log-level", "debug"]
        command += ["--root-key-file", str(self.root_key_file)]
        command += ["--https-port", self.https.rpartition(":")[2] or "0", "--http-port", self.http.rpartition(":")[2] or "0"]
        for name, value in self._choices.items():
            command += [f"--{name.replace('_', '-')}", *([value] if value else [])]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRONGROOM_"))}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, start_new_session=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("ready "):
            raise Unproved("a server starts", "ready", self.log.read_text()[-1_000:])
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.https, self.http = words["https"], words["http"]

    def kill(self) -> int:
        """End it as a power failure would, and return the process id that it had."""
        return self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator would. Safe to call twice."""
        self._end(signal.SIGTERM)

    @property
    def ca_bundle(self) -> Path:
        """What clients verify it with."""
        return self.data / "tls" / "ca.pem"

    def root(self) -> dict[str, Any]:
        """Return what points clients at it as its root user."""
        import json

        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "strongroom.cli", "env", "--format", "json", "--data", str(self.data)],
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return process.pid
