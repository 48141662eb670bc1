"""What a job tries to see, reach and change, and does not."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runners.conftest import Contained
from tests.runners.contained import Job

DENIED = ("EPERM", "EACCES")
ABSENT = ("ENOENT", "ESRCH")


class Host:
    """What there is on the host to be reached: sockets that listen, and a file that is nobody else's business."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.data.mkdir()
        (self.data / "strongroom.db").write_text("secret")
        self.granted = directory / "granted"
        self.granted.mkdir(mode=0o755)
        (self.granted / "file").write_text("granted")
        (self.granted / "data").mkdir()
        (self.granted / "data" / "secret").write_text("secret")
        for path in (self.granted, *self.granted.rglob("*")):
            path.chmod(0o755)
        self.tcp = socket.create_server(("0.0.0.0", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", self.port))
        self.abstract = f"strongroom-test-{os.getpid()}"
        self.unix = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        self.path = directory / "s"
        for listener, name in zip(self.unix, (f"\0{self.abstract}", str(self.path)), strict=True):
            listener.bind(name)
            listener.listen()
        self.address = self._address()

    @staticmethod
    def _address() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
                return str(probe.getsockname()[0])
            except OSError:
                return "192.0.2.2"

    def facts(self) -> dict[str, str]:
        return {
            "HOST_DATA": str(self.data),
            "HOST_PROCESS": str(os.getpid()),
            "HOST_PORT": str(self.port),
            "HOST_ADDRESS": self.address,
            "HOST_ABSTRACT": self.abstract,
            "HOST_SOCKET": str(self.path),
        }

    def was_reached(self) -> bool:
        for listener in (self.tcp, self.udp, *self.unix):
            listener.setblocking(False)
            try:
                if listener is self.udp:
                    listener.recv(10)
                else:
                    listener.accept()
                return True
            except BlockingIOError:
                continue
        return False

    def close(self) -> None:
        for each in (self.tcp, self.udp, *self.unix):
            each.close()


@pytest.fixture(scope="module")
def host(open_directory: Path) -> Iterator[Host]:
    host = Host(open_directory)
    yield host
    host.close()


@pytest.fixture(scope="module")
def attempts(contained: Contained, host: Host) -> dict[str, Any]:
    """What came of each attempt."""
    code = (Path(__file__).parent / "attempts.py").read_text()
    outcome = contained(
        Job(
            code,
            environment=host.facts(),
            mounts=[(str(host.granted), "/granted")],
            hidden=[str(host.granted / "data")],
            limits={"temporary_bytes": 4 << 20},
        )
    )
    assert outcome.exit.status == 0, outcome.output
    told: dict[str, Any] = json.loads(outcome.output)
    return told


@pytest.mark.parametrize(
    "name",
    [
        "read_shadow",
        "read_data_directory",
        "list_home_of_root",
        "list_run",
        "read_host_process",
        "connect_to_host_socket",
    ],
)
def test_what_is_not_the_jobs_is_not_there(attempts: dict[str, Any], name: str) -> None:
    assert attempts[name] in ABSENT


def test_it_sees_its_own_processes_alone(attempts: dict[str, Any]) -> None:
    assert attempts["count_processes"] == 2
    assert attempts["read_first_process"] in ("", *DENIED)


def test_it_writes_to_nothing_but_its_temporary_files(attempts: dict[str, Any]) -> None:
    assert attempts["write_everywhere"] == []
    megabyte = 1 << 20
    assert 4 * megabyte <= attempts["fill_temporary_files"] <= 21 * megabyte


@pytest.mark.parametrize(
    "name",
    [
        "remount_root",
        "make_device",
        "open_raw_socket",
        "make_network_namespace",
        "trace_first_process",
        "change_host_name",
        "set_the_clock",
        "load_program_into_kernel",
        "raise_own_limits",
        "raise_own_priority",
    ],
)
def test_what_needs_a_privilege_is_denied(attempts: dict[str, Any], name: str) -> None:
    assert attempts[name] in DENIED


@pytest.mark.parametrize("name", ["write_sysctl", "trigger_sysrq", "read_kernel_memory"])
def test_the_kernels_switches_are_not_for_it(attempts: dict[str, Any], name: str) -> None:
    assert attempts[name] in (*DENIED, *ABSENT, "EROFS")


@pytest.mark.parametrize("name", ["make_user_namespace", "clone_into_user_namespace"])
def test_no_user_namespace_gives_it_privileges(attempts: dict[str, Any], name: str) -> None:
    assert attempts[name] in (*DENIED, "ENOSPC")


@pytest.mark.parametrize(
    "name",
    ["connect_to_host_loopback", "connect_to_host_address", "connect_to_the_world", "connect_to_abstract_socket"],
)
def test_no_socket_is_reached_but_those_granted(attempts: dict[str, Any], host: Host, name: str) -> None:
    assert attempts[name] in ("ECONNREFUSED", "ENETUNREACH")
    assert attempts["reach_what_was_granted"] == "connected"
    assert not host.was_reached()


def test_no_datagram_leaves(attempts: dict[str, Any], host: Host) -> None:
    assert attempts["send_datagram"] == "ENETUNREACH"
    assert not host.was_reached()


@pytest.mark.parametrize("name", ["kill_host_process", "trace_host_process"])
def test_no_process_of_the_host_is_touched(attempts: dict[str, Any], name: str) -> None:
    assert attempts[name] in (*ABSENT, *DENIED)


def test_it_is_nobody(attempts: dict[str, Any]) -> None:
    assert attempts["become_root"] in (*DENIED, "EINVAL")
    capabilities = attempts["list_capabilities"]
    assert capabilities.pop("NoNewPrivs") == "1"
    assert capabilities.pop("Seccomp") == "2"
    assert set(capabilities.values()) == {"0000000000000000"}


@pytest.mark.parametrize(
    "name", ["open_virtual_machine_socket", "open_packet_socket", "use_kernel_keyring", "set_up_io_uring"]
)
def test_what_no_namespace_contains_is_refused(attempts: dict[str, Any], name: str) -> None:
    assert attempts[name] in (*DENIED, "EAFNOSUPPORT", "ENOSYS")


def test_it_inherits_nothing(attempts: dict[str, Any], host: Host) -> None:
    assert len(attempts["list_descriptors"]) <= 1  # The directory that lists them.
    assert attempts["list_environment"] == sorted([*host.facts(), "GRANTED", "PWD"])


def test_what_is_hidden_is_not_seen_below_what_is_granted(contained: Contained, host: Host) -> None:
    code = "import os; print(open('/granted/file').read(), os.listdir('/granted/data'))"
    mounts = [(str(host.granted), "/granted")]
    assert contained(Job(code, mounts=mounts, hidden=[str(host.granted / "data")])).output == "granted []\n"
    assert contained(Job(code, mounts=mounts)).output == "granted ['secret']\n"
