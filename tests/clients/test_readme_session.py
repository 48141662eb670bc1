"""The first session of the README, run as it stands there with the aws CLI; its output is what the README shows."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parents[2] / "README.md"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def steps() -> list[tuple[str, str]]:
    """Return the commands of the README's console blocks, each with the output shown below it."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append((line[2:].strip(), ""))
            else:
                command, output = found[-1]
                found[-1] = (command, output + line)
    return found


def test_the_session_of_the_readme(server: Any, tmp_path: Path) -> None:
    environment = server.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    assert shutil.which("aws", path=environment["PATH"])
    shown_id = real_id = ""
    refusals = 0
    assert len(steps()) >= 5
    for command, shown in steps():
        if shown_id:
            command = command.replace(shown_id, real_id)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stdout + done.stderr
        if "create-key" in command:
            shown_id, real_id = shown.strip(), printed.strip()
            assert UUID.fullmatch(real_id)
        refusals += done.returncode != 0
        assert (done.returncode != 0) == ("An error occurred" in shown), printed
        assert printed.split() == shown.replace(shown_id or "?", real_id).split(), command
    assert refusals == 2
