"""What is logged about one invocation: its beginning, its end, and the tail that its caller may ask for."""

import time
from collections import deque
from collections.abc import Callable

from strongroom.runners.limits import MEBIBYTE
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation.system_log import Report, SystemLog

TAIL_BYTES_MAX = 4 * 1024
"""Source: AWS Lambda API Reference, Invoke (LogResult)."""


class InvocationLog:
    """Says what Lambda says of an invocation, and keeps the last of what is said meanwhile by anybody."""

    def __init__(self, version: FunctionVersion, request_id: str, say: Callable[[str], None]) -> None:
        self.init_milliseconds: float | None = None
        """What the environment took to start, if it started for this invocation."""
        self._version = version
        self._request_id = request_id
        self._say = say
        self._system = SystemLog(version.log_format, str(version.logging.get("SystemLogLevel") or "INFO"))
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0

    def note(self, message: str) -> None:
        """Keep a message, as far as it is in the tail."""
        ending = "" if message.endswith("\n") else "\n"
        encoded = (message + ending).encode()[-TAIL_BYTES_MAX:]
        self._tail.append(encoded)
        self._tail_bytes += len(encoded)
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES_MAX:
            self._tail_bytes -= len(self._tail.popleft())

    def kept(self) -> bytes:
        """Return the tail."""
        return b"".join(self._tail)[-TAIL_BYTES_MAX:]

    def start(self) -> None:
        """Say that it begins."""
        self._say(self._system.start(time.time(), self._request_id, self._version.version))

    def time_out(self, seconds: int) -> None:
        """Say that it took too long."""
        self._say(self._system.timeout(time.time(), self._request_id, seconds))

    def fail(self, error_type: str, reason: str) -> None:
        """Say that its runtime ended."""
        self._say(self._system.failure(self._request_id, error_type, reason))

    def finish(self, milliseconds: float, status: str, error_type: str, memory_bytes_peak: int | None) -> None:
        """Say that it ended, and what it took."""
        used = None if memory_bytes_peak is None else -(-memory_bytes_peak // MEBIBYTE)
        report = Report(milliseconds, self._version.memory_mb, used, self.init_milliseconds, status, error_type)
        self._say(self._system.end(self._request_id))
        self._say(self._system.report(time.time(), self._request_id, report))
