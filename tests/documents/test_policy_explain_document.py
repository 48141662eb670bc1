"""The sessions of docs/policy-explain.md are run, on the files that the document shows."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "policy-explain.md").read_text()
FILES = dict(re.findall(r'```json title="(\S+)"\n(.*?)```', DOCUMENT, re.DOTALL))
SESSIONS = re.findall(r"```console\n\$ (.+?)\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), SESSIONS)
def test_the_command_prints_what_is_shown(tmp_path: Path, command: str, shown: str) -> None:
    for name, text in FILES.items():
        json.loads(text)
        (tmp_path / name).write_text(text)
    program, *arguments = shlex.split(command)
    assert program == "strongroom"
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert (done.stdout, done.stderr) == (shown, "")


def test_there_is_one_session_for_each_outcome() -> None:
    verdicts = [shown.splitlines()[0] for _, shown in SESSIONS]
    assert verdicts == [
        "Allowed by an identity-based policy.",
        "Refused by an implicit deny: no identity-based policy allows it.",
        "Refused by an explicit deny in a resource-based policy.",
    ]
