"""Completion in real shells."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
$(complete -p strongroom | sed 's/.* -F \\([^ ]*\\).*/\\1/') strongroom "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "completion", shell], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def for_bash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "strongroom.bash"
    path.write_text(script("bash"))
    return path


def completed(for_bash: Path, *words: str) -> list[str]:
    """Return what bash offers for the last word of a command line."""
    command = ["bash", "--noprofile", "--norc", "-c", ASK, "bash", str(for_bash), "strongroom", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_bash_completes_commands_options_and_choices(for_bash: Path) -> None:
    assert completed(for_bash, "rek") == ["rekey"]
    assert {"serve", "doctor", "completion"} <= set(completed(for_bash, ""))
    assert completed(for_bash, "quotas", "app") == ["approve"]
    assert completed(for_bash, "serve", "--https") == ["--https-port"]
    assert completed(for_bash, "env", "--format", "") == ["shell", "json", "profile"]
    assert completed(for_bash, "nonsense") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_theirs(shell: str, tmp_path: Path) -> None:
    text = script(shell)
    assert "strongroom" in text
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "completion").write_text(text)
    done = subprocess.run([program, "-n", str(tmp_path / "completion")], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "completion", "tcsh"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "tcsh" in done.stderr
