"""A server of the tour's: a throw-away one, on a directory that stays until the tour has searched it."""

from pathlib import Path
from typing import Any

from strongroom.testing import ThrowAwayServer


class Served:
    """A server on `home`: `data` is its data directory, `log` what it has logged; the root key is apart from both.

    It logs as much as it can, so that a search of its log means something. Raises TestServerError when it does not
    start.
    """

    def __init__(self, home: Path, **choices: Any) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self.root_key_file = home / "root-key" / "root.key"
        self.root_key_file.parent.mkdir(mode=0o700)
        self._choices = {"data": self.data, "root_key_file": self.root_key_file, "log_level": "debug"} | choices
        self._server: ThrowAwayServer | None = None
        self.start()

    @property
    def command(self) -> str:
        """The command that an operator would start it with."""
        ports = f"--https-port {_port(self.https)} --http-port {_port(self.http)}"
        return f"strongroom serve --data {self.data} \\\n    --root-key-file {self.root_key_file} {ports} &"

    def pointing_at(self) -> str:
        """Return the line that points a shell of a person's at it."""
        return f'export STRONGROOM_DATA={self.data}; eval "$(strongroom env)"'

    def start(self) -> None:
        """Start it: where it listened before, if it has."""
        server = self._server = ThrowAwayServer(**self._choices)
        server.start()
        self.https, self.http = server.endpoint_url, server.http_endpoint_url
        self.ca_bundle = Path(server.ca_bundle)
        self.account = server.account
        ports = {"https_port": _port(self.https), "http_port": _port(self.http)}
        self._choices |= ports

    def kill(self) -> int:
        """End it as a power failure would, and return the process id that it had."""
        if self._server is None:
            return 0
        process_id = self._server.kill()
        self.stop()
        return process_id

    def stop(self) -> None:
        """End it as its owner would. Safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            self._keep_log(server)
            server.stop()

    def logged(self) -> bytes:
        """Return all that it has logged."""
        kept = self.log.read_bytes() if self.log.exists() else b""
        return kept + (self._server.log.read_bytes() if self._server is not None else b"")

    def _keep_log(self, server: ThrowAwayServer) -> None:
        with self.log.open("ab") as log:
            log.write(server.log.read_bytes())


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
