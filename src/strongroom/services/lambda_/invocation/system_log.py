"""What Lambda itself says in a function's log: that an invocation began and ended, and what it took.

Source: AWS Lambda Developer Guide, "Working with Lambda function logs", "Configuring JSON and plain text log formats",
"Lambda Telemetry API event schema"; recorded answers.
"""

import math
from typing import Any, NamedTuple

import msgspec

from strongroom.base.clock import as_datetime

TEXT, JSON = "Text", "JSON"


class Report(NamedTuple):
    """What an invocation took. Milliseconds; `memory_mb_used` is None where nobody measures it.

    `status` is `success`, `error` or `timeout`; `error_type` is told with the first of the two failures.
    """

    milliseconds: float
    memory_mb: int
    memory_mb_used: int | None
    init_milliseconds: float | None = None
    status: str = "success"
    error_type: str = ""


class SystemLog:
    """Makes Lambda's own messages, in the format of a function's log."""

    def __init__(self, log_format: str, level: str = "INFO") -> None:
        self._is_json = log_format == JSON
        self._is_told = level in ("DEBUG", "INFO")

    def start(self, now: float, request_id: str, version: str) -> str:
        """Return the message at the beginning of an invocation, empty when the log is to have none."""
        if not self._is_json:
            return f"START RequestId: {request_id} Version: {version}\n"
        return self._event(now, "platform.start", {"requestId": request_id, "version": version})

    def timeout(self, now: float, request_id: str, seconds: int) -> str:
        """Return the message that an invocation took too long."""
        if self._is_json:
            return ""
        return f"{_iso(now)} {request_id} Task timed out after {seconds}.00 seconds\n\n"

    def failure(self, request_id: str, error_type: str, reason: str) -> str:
        """Return the message that a runtime ended."""
        return "" if self._is_json else f"RequestId: {request_id} Error: {reason}\n{error_type}\n"

    def end(self, request_id: str) -> str:
        """Return the message at the end of an invocation."""
        return "" if self._is_json else f"END RequestId: {request_id}\n"

    def report(self, now: float, request_id: str, report: Report) -> str:
        """Return the message about what an invocation took."""
        if self._is_json:
            return self._event(now, "platform.report", _report_record(request_id, report))
        parts = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {report.milliseconds:.2f} ms",
            f"Billed Duration: {math.ceil(report.milliseconds)} ms",
            f"Memory Size: {report.memory_mb} MB",
        ]
        if report.memory_mb_used is not None:
            parts.append(f"Max Memory Used: {report.memory_mb_used} MB")
        if report.init_milliseconds is not None:
            parts.append(f"Init Duration: {report.init_milliseconds:.2f} ms")
        if report.status != "success":
            parts.append(f"Status: {report.status}")
        if report.status == "error" and report.error_type:
            parts.append(f"Error Type: {report.error_type}")
        return "\t".join(parts) + "\t\n"

    def _event(self, now: float, kind: str, record: dict[str, Any]) -> str:
        if not self._is_told:
            return ""
        return msgspec.json.encode({"time": _iso(now), "type": kind, "record": record}).decode()


def _report_record(request_id: str, report: Report) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "durationMs": round(report.milliseconds, 3),
        "billedDurationMs": math.ceil(report.milliseconds),
        "memorySizeMB": report.memory_mb,
    }
    if report.memory_mb_used is not None:
        metrics["maxMemoryUsedMB"] = report.memory_mb_used
    if report.init_milliseconds is not None:
        metrics["initDurationMs"] = round(report.init_milliseconds, 3)
    record: dict[str, Any] = {"requestId": request_id, "metrics": metrics, "status": report.status}
    return record | ({"errorType": report.error_type} if report.error_type else {})


def _iso(now: float) -> str:
    return as_datetime(now).isoformat(timespec="milliseconds").replace("+00:00", "Z")
