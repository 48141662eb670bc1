"""A directory that a job may write to, and what is beside it."""

from pathlib import Path

from tests.runners.conftest import Contained
from tests.runners.contained import Job

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
