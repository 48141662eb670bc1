"""One bash for a whole page, as a reader has one: what a block sets, a later one finds."""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.handbook.documents import Block

READY_SECONDS_MAX = 30
COMMAND_SECONDS_MAX = 120
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether an output is what a page shows, in which `...` stands for anything; how it is spaced is no matter."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("...")]
    return re.fullmatch(".*".join(parts), " ".join(printed.split()), re.DOTALL) is not None


def steps(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block (`$ `, going on in lines with `> `), each with the output shown for it."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:], ""))
            continue
        command, output = found[-1]
        found[-1] = (command + line[2:], output) if line.startswith("> ") and not output else (command, output + line)
    return found


class Session:
    """A bash in `home`. Ids that a page shows are exchanged for the real ones, wherever they come again."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home = home
        self._real: dict[str, str] = {}
        self._outputs = home / ".outputs"
        self._outputs.mkdir()
        self._number = 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._tell("set -o pipefail")

    def run(self, block: Block) -> None:
        """Run a block. Raises AssertionError for what fails, or prints other than what is shown."""
        if block.title:
            (self._home / block.title).write_text(block.text)
        elif "serves" in block.notes:
            self._begin(block.text)
        elif block.language == "python":
            self._script(f"python - <<'END OF THE BLOCK'\n{block.text}END OF THE BLOCK\n")
        elif block.language == "sh":
            self._script(block.text)
        else:
            for command, shown in steps(block.text):
                self._step(command, shown, any_output="output" in block.notes)

    def close(self) -> None:
        """End the shell and everything that it has started."""
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        for stream in (self._bash.stdin, self._bash.stdout):
            assert stream is not None
            stream.close()

    def _step(self, command: str, shown: str, *, any_output: bool) -> None:
        for known, real in self._real.items():
            command, shown = command.replace(known, real), shown.replace(known, real)
        status, printed = self._perform(f"eval {shlex.quote(command)}")
        if UUID.fullmatch(shown.strip()) and UUID.fullmatch(printed.strip()):
            self._real[shown.strip()] = printed.strip()
        elif not any_output:
            assert is_as_shown(printed, shown), f"{command}\nprinted:\n{printed}\nshown:\n{shown}"
        if not shown.strip(". \n"):
            assert status == 0, f"{command}\n{printed}"

    def _script(self, text: str) -> None:
        for known, real in self._real.items():
            text = text.replace(known, real)
        # Not behind a condition, where the shell would go on after what fails.
        status, printed = self._perform(f"set -e; eval {shlex.quote(text)}; set +e")
        assert status == 0, f"{text}\n{printed}"

    def _begin(self, text: str) -> None:
        output = self._output()
        self._tell(f"{{ {text}\n}} > {output} 2>&1 < /dev/null &")
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not re.search(r"^ready ", output.read_text() if output.exists() else "", re.MULTILINE):
            assert time.monotonic() < deadline, f"{text}\nis not ready:\n{output.read_text()}"
            time.sleep(0.02)

    def _perform(self, command: str) -> tuple[int, str]:
        """Run a command in the shell; return its exit status, and what it printed on both of its outputs."""
        output = self._output()
        self._tell(f"{{ {command}\n}} > {output} 2>&1 < /dev/null; echo $?")
        assert self._bash.stdout is not None
        ended, _, _ = select.select([self._bash.stdout], [], [], COMMAND_SECONDS_MAX)
        assert ended, f"it does not end:\n{command}\n{output.read_text()}"
        answer = self._bash.stdout.readline().strip()
        printed = output.read_text()
        assert answer.isdigit(), f"the shell ended:\n{command}\n{printed}\n{answer}"
        return int(answer), printed

    def _output(self) -> Path:
        self._number += 1
        return self._outputs / str(self._number)

    def _tell(self, line: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(line + "\n")
        self._bash.stdin.flush()


def page_environment(home: Path, aws: Path) -> dict[str, str]:
    """Return the variables of a reader: a home of their own, and the commands of this environment."""
    binaries = Path(sys.executable).parent
    (home / ".venv").symlink_to(binaries.parent)
    kept = {name: os.environ[name] for name in ("LANG", "TZ", "CI") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "PATH": f"{aws}:{binaries}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
