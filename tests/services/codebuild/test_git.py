"""The server's own git: what it started does not outlive the time that it is given."""

import asyncio
import socket
import time
from pathlib import Path

import pytest
from tests.running_server import eventually

from strongroom.services.codebuild.running import git
from strongroom.services.codebuild.running.failures import PhaseFailed


def processes_about(text: str) -> list[int]:
    """Return the processes that have a text among their arguments."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = each.read_bytes()
        except OSError:
            continue
        if text.encode() in told:
            found.append(int(each.parent.name))
    return found


@pytest.mark.parametrize("ends", ["by time", "by a stop"])
def test_a_repository_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silence:
        location = f"http://127.0.0.1:{silence.getsockname()[1]}/x.git"

        async def fetch() -> None:
            cloning = asyncio.create_task(
                git.clone({"location": location}, "", tmp_path / "target", tmp_path, (location,))
            )
            accepted, _ = await asyncio.to_thread(silence.accept)
            with accepted:
                if ends == "by a stop":
                    cloning.cancel()
                await cloning

        silence.settimeout(30)
        monkeypatch.setattr(git, "CLONE_SECONDS_MAX", 1.0 if ends == "by time" else 300.0)
        expected = PhaseFailed if ends == "by time" else asyncio.CancelledError
        began = time.monotonic()
        with pytest.raises(expected):
            asyncio.run(asyncio.wait_for(fetch(), 30))
        assert time.monotonic() - began < 20
        eventually(10, lambda: not processes_about(location))
