"""What an invocation comes to, and what AWS says of those that come to nothing.

Source: AWS Lambda API Reference, Invoke; Developer Guide, "Troubleshoot execution issues in Lambda"; recorded answers.
"""

import signal
from typing import NamedTuple

import msgspec

from strongroom.runners.sandbox import Exit

UNHANDLED = "Unhandled"


class Result(NamedTuple):
    """What a function answered. `error` is the kind of error that Invoke tells in a header, None for success.

    `error_type` is what the log says it was. `log` is the end of what was logged meanwhile, if it was asked for.
    """

    payload: bytes
    error: str | None = None
    error_type: str = ""
    log: bytes | None = None


def failed(request_id: str, error_type: str, message: str) -> Result:
    """Return the result of an invocation that the function did not answer."""
    told = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return Result(msgspec.json.encode(told), UNHANDLED, error_type)


def timed_out(request_id: str, seconds: int) -> Result:
    """Return the result of an invocation that took longer than it may."""
    return failed(request_id, "Sandbox.Timedout", f"Task timed out after {seconds}.00 seconds")


def exited(request_id: str, end: Exit) -> Result:
    """Return the result of an invocation during which the runtime ended."""
    error_type = "Runtime.OutOfMemory" if end.out_of_memory else "Runtime.ExitError"
    return failed(request_id, error_type, reason_of(end))


def not_started(request_id: str, path: str, reason: str) -> Result:
    """Return the result of an invocation of a function whose bootstrap cannot be run."""
    return failed(request_id, "Runtime.InvalidEntrypoint", f"fork/exec {path}: {reason}")


def reason_of(end: Exit) -> str:
    """Return why a runtime ended, in AWS's words."""
    if end.signal is not None:
        name = (signal.strsignal(end.signal) or f"signal {end.signal}").lower()
        return f"Runtime exited with error: signal: {name}"
    if end.status:
        return f"Runtime exited with error: exit status {end.status}"
    return "Runtime exited without providing a reason"
