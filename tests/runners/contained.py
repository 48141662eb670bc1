"""Jobs in a sandbox, started by us or by an ordinary user, and what became of them.

As an ordinary user they are started by this file itself, as a program: it reads a job on standard input and writes
its outcome, both as JSON. Where bubblewrap is missing, tests are skipped; with CI=true in the environment they fail.
"""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from strongroom.base.outbound_addresses import Address
from strongroom.runners.bubblewrap import SANDBOX_USER, JobUser
from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.probe import probe, probe_now
from strongroom.runners.relay import Relay, routes_to
from strongroom.runners.sandbox import Exit, Mount, prepare

PYTHON = "/usr/bin/python3"
ORDINARY_USER_ID = 65_534

_SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass
class Job:
    """A Python program (or `argv`) and its limits. After `seconds` it is killed."""

    code: str = ""
    argv: list[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    mounts: list[Any] = field(default_factory=list)
    """Of each, the source, the target, and whether it is for writing, if it is."""
    hidden: list[str] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)
    seconds: float = 20.0
    mode: Any = "bubblewrap"
    directory: str = "/tmp"
    outside: list[tuple[str, int]] = field(default_factory=list)
    """Hosts and ports that it is granted."""
    root: str = ""
    """A root file system in place of the host's."""
    user: list[int] = field(default_factory=lambda: list(SANDBOX_USER))
    """Who it is to itself: a user and a group."""


@dataclass
class Outcome:
    """How it ended, what it printed, whether it had to be killed, and by which means its memory was limited."""

    exit: Exit
    output: str
    was_killed: bool
    memory_means: str
    processes_means: str


async def run(job: Job) -> Outcome:
    """Run a job to its end."""
    limits = Limits(**{"memory_bytes": 256 * MEBIBYTE, "temporary_bytes": 16 * MEBIBYTE, **job.limits})
    mounts = [Mount(Path(source), *rest) for source, *rest in job.mounts]
    routes = routes_to(Address(*each) for each in job.outside)
    sandbox = await prepare(
        limits=limits,
        mounts=mounts,
        ports=1,
        routes=routes,
        mode=job.mode,
        hidden=[Path(path) for path in job.hidden],
        root=Path(job.root) if job.root else None,
        user=JobUser(*job.user),
    )
    relay = Relay(sandbox.ways_out, routes)
    try:
        argv = job.argv or [PYTHON, "-I", "-S", "-c", job.code]
        await sandbox.run(argv, {"GRANTED": sandbox.addresses[0], **job.environment}, job.directory)
        reading = asyncio.create_task(sandbox.output.read())
        was_killed = False
        try:
            await asyncio.wait_for(asyncio.shield(reading), job.seconds)
        except TimeoutError:
            was_killed = True
            await sandbox.kill()
        output = await asyncio.wait_for(reading, 5)
        found = await probe()
        ended = await sandbox.wait()
        return Outcome(ended, output.decode(), was_killed, found.means("memory"), found.means("pids"))
    finally:
        await relay.close()
        await sandbox.close()


def run_as_we_are(job: Job) -> Outcome:
    """Run a job from this process."""
    return asyncio.run(run(job))


def run_as_ordinary_user(job: Job) -> Outcome:
    """Run a job from a process of an ordinary user's. The interpreter must be one that he may read."""
    done = subprocess.run(
        [PYTHON, "-B", str(Path(__file__).resolve())],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(_SOURCE), "PATH": "/usr/bin:/bin"},
        cwd="/",
        user=ORDINARY_USER_ID,
        group=ORDINARY_USER_ID,
        extra_groups=[],
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return Outcome(**{**told, "exit": Exit(*told["exit"])})


def why_not() -> str | None:
    """Return why nothing can be contained on this machine, or None."""
    return probe_now().refusal or (None if Path(PYTHON).exists() else f"there is no {PYTHON}")


def why_not_ordinary_user() -> str | None:
    """Return why an ordinary user's jobs cannot be tried from here, or None."""
    if os.geteuid() != 0:
        return "only root can become another user"
    code = "import sys, strongroom.runners.sandbox; sys.exit(sys.version_info < (3, 11))"
    done = subprocess.run(
        [PYTHON, "-B", "-c", code],
        capture_output=True,
        env={"PYTHONPATH": str(_SOURCE)},
        cwd="/",
        user=ORDINARY_USER_ID,
        group=ORDINARY_USER_ID,
        extra_groups=[],
    )
    return None if done.returncode == 0 else f"{PYTHON} and {_SOURCE} cannot be used by every user, or are too old"


if __name__ == "__main__":
    outcome = run_as_we_are(Job(**json.load(sys.stdin)))
    json.dump(asdict(outcome), sys.stdout)
