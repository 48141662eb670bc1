"""A VPC in force: who reaches whom, what a change of a security group does at once, and what is left of it all."""

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.runners.contained import ORDINARY_USER_ID, why_not_ordinary_user
from tests.runners.networks import joined_jobs
from tests.runners.networks.joined_jobs import (
    APPLICATION,
    PYTHON,
    STRANGER,
    try_a_way_out,
    try_everything,
)
from tests.running_server import eventually

from strongroom.runners.networks import carrier, ways_out
from strongroom.runners.networks.keeping import NetworkKeeper
from strongroom.runners.networks.messages import Vpc
from strongroom.runners.networks.netfilter import IPV4, change, remove_table, table_names
from strongroom.runners.networks.routers import Router
from strongroom.runners.networks.ways_out import NOT_PUBLIC, WayOut, WaysOut

SOURCE = Path(__file__).resolve().parents[3] / "src"
TUNNELS = Path(carrier.DEVICE)
TIMED_OUT, UNREACHABLE = "timed out", "Network is unreachable"


@pytest.fixture
def host_alone() -> Iterator[None]:
    """Have the host's own links and tables alone, as far as these tests go: they run side by side."""
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def by_ourselves(*host: str) -> dict[str, Any]:
    return asyncio.run(try_a_way_out(*host) if host else try_everything())


def by_an_ordinary_user(*host: str) -> dict[str, Any]:
    """Try it as a process of an ordinary user's, with an interpreter that he may read, and our libraries."""
    reason = why_not_ordinary_user()
    if reason is not None:
        pytest.skip(reason)
    libraries = {
        str(Path(spec.origin).resolve().parents[1])
        for name in ("pyroute2", "msgspec")
        if (spec := importlib.util.find_spec(name)) is not None and spec.origin is not None
    }
    done = subprocess.run(
        [PYTHON, "-B", str(Path(joined_jobs.__file__).resolve()), *host],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join([str(SOURCE), *libraries]), "PATH": "/usr/bin:/bin"},
        cwd="/",
        user=ORDINARY_USER_ID,
        group=ORDINARY_USER_ID,
        extra_groups=[],
    )
    if "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr:
        pytest.skip(f"{PYTHON} cannot use our libraries: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("who", [by_ourselves, by_an_ordinary_user])
def test_a_vpc_holds_what_it_promises(networks: None, who: Any) -> None:
    seen = who()
    assert seen["application"] == [APPLICATION, TIMED_OUT]
    assert seen["stranger"] == [TIMED_OUT]
    assert seen["outside"] == [UNREACHABLE]
    assert seen["application, not of the group"] == [TIMED_OUT]
    assert seen["stranger, of the group"] == [STRANGER]
    assert seen["application, of the group again"] == [APPLICATION]
    assert seen["application, after a change"] == [TIMED_OUT]
    assert seen["stranger, after a change"] == [STRANGER, STRANGER]
    assert seen["all of a subnet"] == [APPLICATION]
    assert seen["outbound"] == [TIMED_OUT, APPLICATION]
    assert seen["elsewhere"] == [UNREACHABLE, UNREACHABLE]
    assert seen["tampering"] == [
        "Operation not permitted",
        "Permission denied",
        "Address family not supported by protocol",
        "granted",
    ]
    assert seen["after tampering"] == [APPLICATION]
    assert seen["twice"] == "the network interface eni-database is in use"
    assert seen["unsafe"] == "a job without a sandbox is in the host's network, and cannot be in a VPC"
    if who is by_an_ordinary_user:
        no_way = "a route of this subnet leads to the internet, and "
        assert seen["leading out"] == no_way + (
            "a server that does not run as root leads there by slirp4netns, which is not installed: "
            "apt-get install slirp4netns"
        )
        assert seen["broken way"] == no_way + "there is no way: slirp4netns does not start: no tunnels here"
        assert seen["firewall in spite of it"] == [TIMED_OUT]
    assert seen["detached"][0] in (TIMED_OUT, "No route to host")
    assert seen["follow seconds"] < 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make an internet to lead to")
@pytest.mark.parametrize("who", [by_ourselves, by_an_ordinary_user])
def test_a_way_out_leads_to_public_addresses_only(networks: None, host_alone: None, who: Any) -> None:
    if who is by_an_ordinary_user:
        demand_carrier()
    host = "11.192.2.250"
    with Internet("11.203.113.80", host), tunnels_for_all() if who is by_an_ordinary_user else contextlib.nullcontext():
        seen = who(host)
    assert seen["before"] == [UNREACHABLE]
    assert seen["leading"] == ["hello", *[TIMED_OUT] * 5]
    assert seen["leading again"] == ["hello"]
    assert seen["after"] == [UNREACHABLE]
    assert not [name for name in table_names(IPV4) if name.startswith("strongroom-")]
    eventually(10, lambda: carriers() == [])  # The other tests' are gone soon as well.


def test_a_change_of_the_hosts_addresses_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses, changes = ["11.1.1.1"], []
    outer: Any = SimpleNamespace(
        get_addr=lambda family: [SimpleNamespace(get_attr=lambda name, each=each: each) for each in addresses]
    )
    monkeypatch.setattr(ways_out, "within", lambda router: contextlib.nullcontext())
    monkeypatch.setattr(ways_out.nf, "change", changes.append)
    ways = WaysOut("token", outer)
    way = WayOut("100.127.0.1", 7, "link", (*NOT_PUBLIC, "11.1.1.1/32"))
    router: Any = SimpleNamespace(_network=0, _ways_out=ways, _way_out=way, _bridges={}, _protect_all=lambda *_: None)
    Router.follow(router, Vpc("vpc", (), (), {}))
    assert changes == []
    addresses.append("11.1.1.2")
    for _ in range(2):
        Router.follow(router, Vpc("vpc", (), (), {}))
    assert [len(messages) > 0 for messages in changes] == [True]
    assert way.refused[-2:] == ("11.1.1.1/32", "11.1.1.2/32")


def test_a_carrier_may_have_descriptors_of_any_number() -> None:
    ready, told = os.pipe()
    high = fcntl.fcntl(ready, fcntl.F_DUPFD_CLOEXEC, 1_100)
    os.close(ready)
    os.write(told, b"1")
    assert carrier._is_ready(high)
    os.close(told)


def demand_carrier() -> None:
    """Skip where nothing can carry packets out for one who is not root, and fail there in CI."""
    for there, reason in (
        (carrier.program() is not None, "slirp4netns is not installed"),
        (TUNNELS.exists(), f"there is no {TUNNELS}"),
    ):
        if not there:
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)


@contextlib.contextmanager
def tunnels_for_all() -> Iterator[None]:
    """Have tunnels be everybody's for a while: so it is on most machines, and not in most containers."""
    mode = stat.S_IMODE(TUNNELS.stat().st_mode)
    TUNNELS.chmod(0o666)
    try:
        yield
    finally:
        TUNNELS.chmod(mode)


def carriers() -> list[str]:
    """Return the processes that carry packets for an ordinary user's server of ours."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == ORDINARY_USER_ID:
                found.append((process / "comm").read_text().strip())
    return [name for name in found if name == carrier.PROGRAM]


class Internet:
    """A namespace next to the host: a public address says hello, and one that is not; the host has one more itself."""

    def __init__(self, address: str, host: str) -> None:
        self._address, self._host = address, host

    def __enter__(self) -> None:
        from pyroute2 import IPRoute

        from strongroom.runners.networks.namespaces import make_network, within

        self._forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
        self._network = make_network()
        with IPRoute() as route:
            route.link("add", ifname="internet", kind="veth", peer={"ifname": "eth0", "net_ns_fd": self._network})
            (index,) = route.link_lookup(ifname="internet")
            route.addr("add", index=index, address="11.203.113.1", prefixlen=24)
            route.addr("add", index=index, address="203.0.113.1", prefixlen=24)
            route.addr("add", index=index, address=self._host, prefixlen=32)
            route.link("set", index=index, state="up")
        with within(self._network):
            with IPRoute() as route:
                (index,) = route.link_lookup(ifname="eth0")
                route.addr("add", index=index, address=self._address, prefixlen=24)
                route.addr("add", index=index, address="203.0.113.80", prefixlen=24)
                route.link("set", index=index, state="up")
            code = (
                "import socket\n"
                "listener = socket.create_server(('', 80))\n"
                "print('listening', flush=True)\n"
                "while True:\n"
                "    connection, _ = listener.accept()\n"
                "    connection.sendall(b'hello')\n"
                "    connection.close()\n"
            )
            self._server = subprocess.Popen([PYTHON, "-I", "-S", "-c", code], stdout=subprocess.PIPE)
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"listening\n"

    def __exit__(self, *_: object) -> None:
        from pyroute2 import IPRoute

        self._server.kill()
        self._server.wait()
        with IPRoute() as route:
            for index in route.link_lookup(ifname="internet"):
                route.link("del", index=index)
        os.close(self._network)
        Path("/proc/sys/net/ipv4/ip_forward").write_text(self._forwarding)


KILLED = """
import asyncio, os, signal
from strongroom.runners.networks.keeping import NetworkKeeper
from tests.runners.networks.joined_jobs import ANYWHERE, OUT, vpc
async def main():
    keeper = await NetworkKeeper.start()
    await keeper.attach(vpc(OUT, leads_out=(ANYWHERE,) if os.geteuid() == 0 else ()), "eni-application")
    print(keeper._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_nothing_is_left_of_a_server_that_was_killed(networks: None, host_alone: None) -> None:
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    before = forwarding.read_text(), set(os.listdir("/sys/class/net"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, text=True, cwd=Path(__file__).resolve().parents[3]
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    keeper = Path("/proc", done.stdout.strip())
    # What other tests have in the host's network for a while goes, too.
    deadline = time.monotonic() + 30
    while keeper.exists() or set(os.listdir("/sys/class/net")) - before[1]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if os.geteuid() != 0:
        return
    try:
        assert [name for name in table_names(IPV4) if name.startswith("strongroom-")]

        async def start_another() -> None:
            await (await NetworkKeeper.start()).stop()

        asyncio.run(start_another())
        assert not [name for name in table_names(IPV4) if name.startswith("strongroom-")]
    finally:
        forwarding.write_text(before[0])


def test_a_change_that_the_kernel_refuses_is_told(networks: None) -> None:
    if os.geteuid() == 0:
        with pytest.raises(FileNotFoundError):
            change([remove_table("strongroom-which-is-not-there", IPV4)])
