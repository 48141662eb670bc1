"""The other end of `process`: a throw-away server told what to do, by the one who started it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from strongroom.testing.errors import TestServerError

START_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 20.0
LOG_CHARACTERS_SHOWN = 2_000

# What measures the tests' own coverage would measure the server too, and cost its start most of its time.
_NOT_FOR_THE_SERVER = ("AWS_", "STRONGROOM_", "COV_CORE_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE")


class Channel:
    """A server's process, and the socket by which it is told what to do: safe to use from several threads."""

    def __init__(self, configuration: dict[str, Any], directories: list[str], log: Path) -> None:
        self._log = log
        self._turn = threading.Lock()
        self._is_ready = False
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_THE_SERVER)}
        try:
            with theirs, log.open("wb") as output:
                self._process = subprocess.Popen(  # noqa: S603 (this interpreter, and a module of ours)
                    [sys.executable, "-P", "-m", "strongroom.testing.process", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment,
                    # Ctrl-C is for the tests: they end the server when they have ended themselves.
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self._socket = ours
        self._socket.settimeout(START_SECONDS_MAX)
        self._lines = ours.makefile("rb")
        self._send(_line({"configuration": configuration, "directories": directories}))

    def wait_until_ready(self) -> dict[str, Any]:
        """Return how the server describes itself once it serves. Raises TestServerError when it did not start."""
        with self._turn:
            description: dict[str, Any] = _done(self._answer())
            self._is_ready = True
        return description

    def tell(self, command: str, **params: Any) -> Any:
        """Have the server do something, and return what comes of it. Raises TestServerError.

        Who is interrupted while he waits has ended the server: the answer would be taken for the next one's.
        """
        line = _line({"do": command, **params})
        with self._turn:
            try:
                self._send(line)
                answer = self._answer()
            except BaseException:
                self._is_ready = False
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                raise
        return _done(answer)

    @property
    def is_usable(self) -> bool:
        """Whether the server runs, and may be told something: False before it is ready, too."""
        return self._is_ready and self._process.poll() is None

    def close(self) -> None:
        """End the server, and return when its process has ended. Safe to call twice."""
        self._lines.close()
        self._socket.close()
        if not self._is_ready:
            # It would not look whether anybody is there before it serves.
            self._process.kill()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> int:
        """End the server as a power failure would (SIGKILL), and return the process id that it had."""
        self._process.kill()
        self._process.wait()
        return self._process.pid

    def _send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise self._ended() from error

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except (OSError, ValueError) as error:
            raise self._ended() from error
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> TestServerError:
        try:
            said = self._log.read_text("utf-8", "replace")[-LOG_CHARACTERS_SHOWN:].strip()
        except OSError:
            said = ""
        return TestServerError("the throw-away server has ended" + (f"; it said: {said}" if said else ""))


def _line(members: dict[str, Any]) -> bytes:
    return json.dumps(members).encode() + b"\n"


def _done(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise TestServerError(answer["error"])
    return answer["done"]
