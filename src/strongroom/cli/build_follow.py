"""Following a build to its end: its log as it grows, and how its phases ended."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

LOOK_SECONDS = 0.25
WAITING_LOOKS = 4

Build = dict[str, Any]


def follow(session: Any, build_id: str, take: Callable[[str], None], tell: Callable[[str], None]) -> Build:
    """Return a build when it has ended, every line of its log taken. `tell` takes what is to be said besides.

    CodeBuild closes the log before the build is complete: what is read after that is all there is.
    """
    from botocore.exceptions import ClientError

    codebuild, log = session.client("codebuild"), _Log(session.client("logs"), take)
    looks = 0
    while True:
        looks += 1
        try:
            (build,) = codebuild.batch_get_builds(ids=[build_id])["builds"]
            log.copy(build["logs"])
        except ClientError as error:
            # Somebody else's requests are no reason to give a build up.
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            time.sleep(LOOK_SECONDS)
            continue
        if looks == WAITING_LOOKS and build["currentPhase"] == "QUEUED":
            tell("waiting in the queue")
        if build["buildComplete"]:
            if not log.is_there:
                tell("its log does not go to CloudWatch Logs" if _is_elsewhere(build) else "it has no log")
            found: Build = build
            return found
        time.sleep(LOOK_SECONDS)


def _is_elsewhere(build: Build) -> bool:
    return bool(build["logs"]["cloudWatchLogs"].get("status") == "DISABLED")


class _Log:
    """The events of one stream, each taken once."""

    def __init__(self, client: Any, take: Callable[[str], None]) -> None:
        self._client = client
        self._take = take
        self._token: str | None = None
        self.is_there = False

    def copy(self, place: dict[str, Any]) -> None:
        """Take what came since the last time."""
        if "streamName" not in place:
            return
        self.is_there = True
        stream = {"logGroupName": place["groupName"], "logStreamName": place["streamName"], "startFromHead": True}
        while True:
            page = self._client.get_log_events(**stream, **({"nextToken": self._token} if self._token else {}))
            for event in page["events"]:
                self._take(event["message"])
            before, self._token = self._token, page["nextForwardToken"]
            if self._token == before or not page["events"]:
                return


class OutputLostError(OSError):
    """Standard output takes nothing any more: who read it has gone (EPIPE), the terminal has (EIO), or the like."""


def write_out(text: str) -> None:
    """Write a piece of a log to standard output at once, as bytes: what a build prints is not ours to judge.

    Raises OutputLostError.
    """
    if sys.stdout is None:  # It was closed before the command began: nobody wants it.
        return
    try:
        sys.stdout.buffer.write(text.encode(errors="replace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        _silence(sys.stdout)
        raise OutputLostError(error.errno, error.strerror) from None


def tell(text: str) -> None:
    """Say something of the command's own. Nothing depends on whether anybody hears it."""
    if sys.stderr is None:
        return
    try:
        print(f"strongroom: {text}", file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Let what Python still has to write there, at its end at the latest, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def outcome(build: Build) -> list[str]:
    """Return lines that tell how the phases of a build ended, why if not well, and how it ended itself."""
    lines = []
    for phase in build["phases"]:
        if "endTime" not in phase:
            continue
        seconds = (phase["endTime"] - phase["startTime"]).total_seconds()
        lines.append(f"{phase['phaseType']:<16} {phase['phaseStatus']:<10} {seconds:6.1f} s")
        if phase["phaseStatus"] != "SUCCEEDED":
            lines += [f"  {each['message'].strip()}" for each in phase.get("contexts", ()) if each.get("message")]
    seconds = (build["endTime"] - build["startTime"]).total_seconds()
    lines.append(f"{build['id']} {build['buildStatus']} after {seconds:.1f} s")
    return lines


def advice(build: Build, *, is_role_made: bool) -> str:
    """Return what may help a build that did not succeed, empty where only the build knows."""
    failed = [each for each in build["phases"] if each.get("phaseStatus") not in (None, "SUCCEEDED")]
    phase = failed[0] if failed else {}
    message = "".join(each.get("message", "") for each in phase.get("contexts", ()))
    if phase.get("phaseStatus") == "FAULT" and phase["phaseType"] == "PROVISIONING":
        return "strongroom doctor says what this machine can do, and how to mend the rest"
    if phase.get("phaseType") == "DOWNLOAD_SOURCE" and "AccessDenied" in message:
        if is_role_made:
            return "--grant-secrets lets the role read the parameters and secrets that the build specification names"
        return "strongroom explain takes the message, and says what would allow it"
    return ""
