"""How each server is started and stopped: one worker process, on the loopback interface, in a directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import pinned_to
from benchmarks.signed import Access

PROJECT = Path(__file__).resolve().parent.parent
PEERS = PROJECT / ".venv-bench" / "bin"
COMMANDS = Path(sys.executable).parent
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0


class StartError(Exception):
    """A server did not start, or did not stop when asked to."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. `ready_seconds` passed from its start until it said so, or took a connection."""

    name: str
    process: subprocess.Popen[bytes]
    access: Access
    ready_seconds: float
    https: Access | None = None

    @property
    def pid(self) -> int:
        """The id of the process at the root of its tree."""
        return self.process.pid

    def stop(self) -> None:
        """Ask the server to stop, and kill it when it has not after ten seconds."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)


def _environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a bare environment, so that no AWS or proxy variable of the person who measures comes along."""
    home.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", **(more or {})}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def _start(
    command: Sequence[str | Path], core: int, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start `command` on `core`; what it prints goes to the file `log`, made anew."""
    with log.open("wb") as words, pinned_to(core):
        return subprocess.Popen(
            command, cwd=PROJECT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=words, stderr=words
        )


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the port takes a connection."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    process.kill()
    raise StartError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _await_ready_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """Wait for the line `ready https=URL http=URL` and return its URLs by scheme."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("ready ") and line.endswith("\n"):
                return dict(word.split("=", 1) for word in line.split()[1:])
        time.sleep(0.01)
    process.kill()
    raise StartError(f"strongroom did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _way_in(process: subprocess.Popen[bytes], data: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what `strongroom env` says: address, credentials, CA certificate. Ends the server when it says nothing."""
    shown = subprocess.run(
        [COMMANDS / "strongroom", "env", "--data", data, "--format", "json"],
        env=dict(environment),
        check=False,
        capture_output=True,
        timeout=START_SECONDS_MAX,
    )
    if shown.returncode != 0:
        process.kill()
        raise StartError(f"strongroom env failed:\n{shown.stderr.decode(errors='replace')[-2000:]}")
    values: dict[str, str] = json.loads(shown.stdout)
    return values


def start_strongroom(directory: Path, core: int) -> Server:
    """Start `strongroom serve` as an operator would, and ask `strongroom env` for the way in."""
    data, log = directory / "data", directory / "strongroom.log"
    # Far more is asked here than AWS's quotas allow: each request is counted as always, and none refused.
    environment = _environment(directory / "home", {"STRONGROOM_REQUEST_QUOTAS": "off"})
    serve: list[str | Path] = [COMMANDS / "strongroom", "serve", "--data", data, "--host", "127.0.0.1"]
    begin = time.perf_counter()
    process = _start([*serve, "--https-port", "0", "--http-port", "0"], core, environment, log)
    addresses = _await_ready_line(process, log)
    ready_seconds = time.perf_counter() - begin
    values = _way_in(process, data, environment)
    keys = values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"], values["AWS_DEFAULT_REGION"]
    return Server(
        "Strongroom",
        process,
        Access(addresses["http"], *keys),
        ready_seconds,
        Access(addresses["https"], *keys, ca_bundle=values["AWS_CA_BUNDLE"]),
    )


def _start_by_port(
    name: str, command: Sequence[str | Path], port: int, core: int, directory: Path, more: Mapping[str, str]
) -> Server:
    log = directory / f"{name.lower()}.log"
    begin = time.perf_counter()
    process = _start(command, core, _environment(directory / name.lower(), more), log)
    _await_port(process, port, log)
    ready_seconds = time.perf_counter() - begin
    return Server(name, process, Access(f"http://127.0.0.1:{port}", "testing", "testing"), ready_seconds)


def start_floor(directory: Path, core: int) -> Server:
    """Start the constant answer on the uvicorn that Strongroom runs on, with the same loop and the same parser."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "benchmarks.floor:application", "--host", "127.0.0.1", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--ws", "none", "--lifespan", "off", "--workers", "1"),
        *("--no-access-log", "--log-level", "warning", "--no-server-header"),
    ]
    return _start_by_port("Floor", command, port, core, directory, {})


def start_moto(directory: Path, core: int) -> Server:
    """Start moto's own server as its documentation does. It logs each request, which here goes to a file."""
    port = _free_port()
    return _start_by_port(
        "moto", [PEERS / "moto_server", "-H", "127.0.0.1", "-p", str(port)], port, core, directory, {}
    )


def start_ministack(directory: Path, core: int) -> Server:
    """Start MiniStack with its defaults, but on the loopback interface and without its listeners for MQTT and SFTP."""
    port = _free_port()
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    return _start_by_port("MiniStack", [PEERS / "ministack"], port, core, directory, settings)
