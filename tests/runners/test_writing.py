"""A directory that a job may write to, and what is beside it."""

import asyncio
from pathlib import Path

import pytest
from tests.runners.conftest import Contained
from tests.runners.contained import Job

from strongroom.runners.limits import Limits
from strongroom.runners.probe import SandboxUnavailable
from strongroom.runners.sandbox import Mount, prepare

WRITE = """
import os
open('/w/made', 'w').write('by the job')
for path in ('/r/made', '/w/../made', '/usr/made'):
    try:
        open(path, 'w')
    except OSError as error:
        print(path, error.strerror)
"""


def test_only_what_is_for_writing_is_written_to(contained: Contained, open_directory: Path) -> None:
    for name in ("for-writing", "for-reading"):
        (open_directory / name).mkdir(exist_ok=True)
        (open_directory / name).chmod(0o777)
    mounts = [(str(open_directory / "for-writing"), "/w", True), (str(open_directory / "for-reading"), "/r")]
    outcome = contained(Job(code=WRITE, mounts=mounts))
    assert outcome.exit.status == 0, outcome.output
    assert outcome.output.count("Read-only file system") == 3
    made = open_directory / "for-writing" / "made"
    assert made.read_text() == "by the job"
    made.unlink()
    assert list((open_directory / "for-reading").iterdir()) == []


def test_what_is_for_writing_is_no_link(open_directory: Path) -> None:
    (open_directory / "elsewhere").mkdir()
    (open_directory / "link").symlink_to(open_directory / "elsewhere")
    for name in ("link", "never-there"):
        mounts = [Mount(open_directory / name, "/w", for_writing=True)]
        with pytest.raises(SandboxUnavailable, match="is no directory"):
            asyncio.run(prepare(limits=Limits(), mounts=mounts))
