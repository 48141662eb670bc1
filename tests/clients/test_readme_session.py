"""The sessions of the README, run as they stand there with the aws CLI; their output is what the README shows."""

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


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether an output is what the README shows, in which `...` stands for anything; how it is spaced is no matter."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("...")]
    return re.fullmatch(".*".join(parts), " ".join(printed.split()), re.DOTALL) is not None


def test_an_output_is_compared() -> None:
    assert is_as_shown("a  b\nc\n", "a b\n c")
    assert is_as_shown("a 17 b", "a ... b")
    assert not is_as_shown("a b c", "a b")
    assert not is_as_shown("x a b", "a ...")


def test_the_session_of_the_readme(server: Any, tmp_path: Path) -> None:
    environment = server.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment |= {"STRONGROOM_DATA": str(server.data), "XDG_CONFIG_HOME": str(server.home / "config")}
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
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
        assert (done.returncode != 0) == ("An error occurred" in shown and "|| cat" not in command), printed
        assert is_as_shown(printed, shown.replace(shown_id or "?", real_id)), f"{command}\n{printed}"
    assert refusals == 4
