"""`strongroom` as an operator runs it beside a server, in a process of its own."""

import subprocess
import sys

from tests.running_server import RunningServer


def command_line(server: RunningServer, *arguments: str, **variables: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and its environment, for a server's data and configuration directories."""
    environment = server.environment() | {"XDG_CONFIG_HOME": str(server.home / "config")} | variables
    return [sys.executable, "-m", "strongroom.cli", *arguments, "--data", str(server.data)], environment


def strongroom(server: RunningServer, *arguments: str, status: int = 0, **variables: str) -> str:
    """Run a command, which ends with `status`, and return what it prints: its errors, if it fails."""
    command, environment = command_line(server, *arguments, **variables)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr
