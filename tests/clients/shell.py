"""A real shell in which the AWS CLI, unmodified, is connected to a server."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.running_server import RunningServer

BINARIES = Path(sys.executable).parent


class Shell:
    """A real shell with the commands of this environment on its PATH, and `aws` connected to the server.

    `connect` is what a person types to connect it; tests that are about something else have its result already.
    """

    def __init__(self, server: RunningServer, home: Path) -> None:
        self.data = shlex.quote(str(server.data))
        self.home = home
        self.connect = f'eval "$(strongroom env --data {self.data})"; '
        self.unconnected = {
            "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(server.home / "config"),
            "AWS_MAX_ATTEMPTS": "1",
        }
        settings = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        known = server.environment()
        self.connected = self.unconnected | {name: known[name] for name in (*settings, "AWS_CA_BUNDLE")}

    def run(self, script: str, *, connected: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a script with `sh -eu` in the home directory, with `more` variables."""
        return subprocess.run(
            ["sh", "-euc", script],
            env=(self.connected if connected else self.unconnected) | more,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def answer(self, script: str, *, connected: bool = True, **more: str) -> Any:
        """Return the JSON that a script prints."""
        done = self.run(script, connected=connected, **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
