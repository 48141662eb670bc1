"""Jobs in a VPC of two subnets, tried by us or by an ordinary user: as a program, it prints what became of them."""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.networks.joined import JoinedNetwork
from strongroom.runners.networks.keeping import NetworkKeeper, NetworksUnavailable
from strongroom.runners.networks.messages import Interface, Rule, Subnet, Vpc
from strongroom.runners.sandbox import SandboxUnavailable, prepare

PYTHON = "/usr/bin/python3"
DATABASE, APPLICATION, STRANGER = "10.0.2.10", "10.0.1.10", "10.0.1.11"
TCP, ICMP = 6, 1
ANYWHERE = "0.0.0.0/0"
OUT = (Rule(-1, -1, -1, ANYWHERE),)
APPLICATIONS = "sg-applications"

SERVE = f"""
import socket, threading
def serve(port):
    listener = socket.create_server(("{DATABASE}", port))
    while True:
        connection, peer = listener.accept()
        connection.sendall(peer[0].encode())
        connection.close()
for port in (5432, 5433):
    threading.Thread(target=serve, args=(port,)).start()
print("listening", flush=True)
"""

CONNECT = """
import socket, sys
for target in sys.argv[1:]:
    address, port = target.split(":")
    try:
        with socket.create_connection((address, int(port)), 0.4) as connection:
            print(connection.recv(99).decode())
    except OSError as error:
        print(error.strerror or error)
"""

TAMPER = """
import os, socket
def attempt(what):
    try:
        what()
        print("done")
    except OSError as error:
        print(error.strerror)
def flush():
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    header = lambda kind, flags, body: (16 + len(body)).to_bytes(4, "little") + kind.to_bytes(2, "little") + \\
        flags.to_bytes(2, "little") + bytes(8) + body
    begin, commit = header(0x10, 1, b"\\0\\0\\0\\x0a"), header(0x11, 1, b"\\0\\0\\0\\x0a")
    name = b"\\x0f\\0\\x01\\0strongroom\\0\\0"
    kernel.send(begin + header(10 << 8 | 2, 5, b"\\1\\0\\0\\0" + name) + commit)
    error = -int.from_bytes(kernel.recv(4096)[16:20], "little", signed=True)
    if error:
        raise OSError(error, os.strerror(error))
attempt(flush)
attempt(lambda: open("/proc/sys/net/ipv4/ip_forward", "w").write("1"))
attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
host, port = os.environ["GRANTED"].split(":")
with socket.create_connection((host, int(port)), 1):
    print("granted")
"""


def vpc(
    inbound: tuple[Rule, ...],
    *,
    leads_out: tuple[str, ...] = (),
    outbound: tuple[Rule, ...] = OUT,
    applications: tuple[str, ...] = (APPLICATION,),
) -> Vpc:
    """Return a VPC whose database lets in what `inbound` says; `applications` are the addresses of a group."""
    return Vpc(
        "vpc-1",
        (Subnet("subnet-a", "10.0.1.0/24", leads_out), Subnet("subnet-b", "10.0.2.0/24")),
        (
            Interface("eni-database", "subnet-b", DATABASE, "02:00:00:00:00:0a", inbound, OUT),
            Interface("eni-application", "subnet-a", APPLICATION, "02:00:00:00:00:0b", (), outbound),
            Interface("eni-stranger", "subnet-a", STRANGER, "02:00:00:00:00:0c", (), OUT),
        ),
        {APPLICATIONS: applications},
    )


class Trial:
    """A keeper, a database that listens on two ports, an application and a stranger."""

    def __init__(self, keeper: NetworkKeeper, joined: dict[str, JoinedNetwork]) -> None:
        self.keeper = keeper
        self.joined = joined

    async def run(self, code: str, *arguments: str, within: str | None) -> list[str]:
        """Run a program as one of them, or (None) outside of every VPC; return what it printed."""
        network = None if within is None else self.joined[within]
        limits = Limits(memory_bytes=256 * MEBIBYTE, temporary_bytes=MEBIBYTE)
        sandbox = await prepare(limits=limits, ports=1, network=network)
        try:
            argv = [PYTHON, "-I", "-S", "-c", code, *arguments]
            await sandbox.run(argv, {"GRANTED": sandbox.addresses[0]}, "/tmp")
            return (await asyncio.wait_for(sandbox.output.read(), 15)).decode().splitlines()
        finally:
            await sandbox.close()

    async def reached(self, *targets: str, within: str | None = "eni-application") -> list[str]:
        """Return what came of connections: the address that the database saw, or why there was none."""
        return await self.run(CONNECT, *targets, within=within)


async def try_everything() -> dict[str, Any]:
    """Try what a VPC promises, and return what was seen."""
    seen: dict[str, Any] = {}
    started = time.perf_counter()
    keeper = await NetworkKeeper.start()
    seen["start seconds"] = time.perf_counter() - started
    only_applications = (Rule(TCP, 5432, 5432, APPLICATIONS),)
    try:
        joined = {}
        for name in ("eni-database", "eni-application", "eni-stranger"):
            started = time.perf_counter()
            joined[name] = await keeper.attach(vpc(only_applications), name)
        seen["attach seconds"] = time.perf_counter() - started
        trial = Trial(keeper, joined)
        database = await prepare(limits=Limits(), network=joined["eni-database"])
        try:
            await database.run([PYTHON, "-I", "-S", "-c", SERVE], {}, "/tmp")
            assert await database.output.readline() == b"listening\n"
            seen |= await try_firewalls(trial)
            seen |= await try_the_rest(trial)
        finally:
            await database.close()
            for network in joined.values():
                network.close()
    finally:
        await keeper.stop()
    return seen


async def try_firewalls(trial: Trial) -> dict[str, Any]:
    """Try what is let through, and that changes hold at once."""
    port, other = f"{DATABASE}:5432", f"{DATABASE}:5433"
    seen: dict[str, Any] = {"application": await trial.reached(port, other)}
    seen["stranger"] = await trial.reached(port, within="eni-stranger")
    seen["outside"] = await trial.reached(port, within=None)
    only_applications = (Rule(TCP, 5432, 5432, APPLICATIONS),)
    await trial.keeper.follow(vpc(only_applications, applications=(STRANGER, "10.0.1.99")))
    seen["application, not of the group"] = await trial.reached(port)
    seen["stranger, of the group"] = await trial.reached(port, within="eni-stranger")
    await trial.keeper.follow(vpc(only_applications))
    seen["application, of the group again"] = await trial.reached(port)
    started = time.perf_counter()
    await trial.keeper.follow(vpc((Rule(TCP, 5000, 5499, f"{STRANGER}/32"), Rule(ICMP, 8, -1, ANYWHERE))))
    seen["follow seconds"] = time.perf_counter() - started
    seen["application, after a change"] = await trial.reached(port)
    seen["stranger, after a change"] = await trial.reached(port, other, within="eni-stranger")
    await trial.keeper.follow(vpc((Rule(-1, -1, -1, "10.0.1.0/24"),)))
    seen["all of a subnet"] = await trial.reached(port)
    await trial.keeper.follow(vpc((Rule(-1, -1, -1, ANYWHERE),), outbound=(Rule(TCP, 5433, 5433, f"{DATABASE}/32"),)))
    seen["outbound"] = await trial.reached(port, other)
    return seen


async def try_the_rest(trial: Trial) -> dict[str, Any]:
    """Try what leads elsewhere, what a job may not do, and the end of an interface."""
    await trial.keeper.follow(vpc(OUT))
    seen: dict[str, Any] = {"elsewhere": await trial.reached("10.0.3.1:80", "198.51.100.7:80")}
    seen["tampering"] = await trial.run(TAMPER, within="eni-application")
    seen["after tampering"] = await trial.reached(f"{DATABASE}:5432")
    try:
        await trial.keeper.attach(vpc(OUT), "eni-database")
    except NetworksUnavailable as refusal:
        seen["twice"] = str(refusal)
    try:
        await prepare(limits=Limits(), mode="unsafe", network=trial.joined["eni-application"])
    except SandboxUnavailable as refusal:
        seen["unsafe"] = str(refusal)
    if os.geteuid() != 0:
        programs, os.environ["PATH"] = os.environ["PATH"], ""  # Nothing that could carry packets out is found.
        try:
            await trial.keeper.follow(vpc(OUT, leads_out=(ANYWHERE,)))
        except NetworksUnavailable as refusal:
            seen["leading out"] = str(refusal)
        os.environ["PATH"] = programs
        nobody = (Rule(TCP, 1, 1, ANYWHERE),)
        with tempfile.TemporaryDirectory() as directory:
            broken = Path(directory, "slirp4netns")
            broken.write_text("#!/bin/sh\necho no tunnels here >&2; exit 1\n")
            broken.chmod(0o755)
            os.environ["PATH"] = directory
            try:
                await trial.keeper.follow(vpc(nobody, leads_out=(ANYWHERE,)))
            except NetworksUnavailable as refusal:
                seen["broken way"] = str(refusal)
        os.environ["PATH"] = programs
        seen["firewall in spite of it"] = await trial.reached(f"{DATABASE}:5432")
        await trial.keeper.follow(vpc(OUT))
    await trial.keeper.detach("eni-database")
    seen["detached"] = await trial.reached(f"{DATABASE}:5432")
    return seen


async def try_a_way_out(host: str) -> dict[str, Any]:
    """Try what leads to the internet, where 11.203.113.80 says hello, and `host` is an address of this machine's."""
    keeper = await NetworkKeeper.start()
    try:
        joined = {"eni-application": await keeper.attach(vpc(OUT), "eni-application")}
        trial = Trial(keeper, joined)
        seen = {"before": await trial.reached("11.203.113.80:80")}
        await keeper.follow(vpc(OUT, leads_out=(ANYWHERE,)))
        # Port 1 of the host would answer with a reset, had it been asked.
        targets = (
            "11.203.113.80:80",
            "10.9.9.9:80",
            "169.254.169.254:80",
            f"{host}:1",
            "10.0.2.2:1",
            "203.0.113.80:80",
        )
        seen["leading"] = await trial.reached(*targets)
        if keeper._carrier is not None:
            keeper._carrier._process.kill()
            await keeper._carrier._process.wait()
            await keeper.follow(vpc(OUT, leads_out=(ANYWHERE,)))
        seen["leading again"] = await trial.reached("11.203.113.80:80")
        await keeper.follow(vpc(OUT))
        seen["after"] = await trial.reached("11.203.113.80:80")
        joined["eni-application"].close()
        return seen
    finally:
        await keeper.stop()


if __name__ == "__main__":
    json.dump(asyncio.run(try_a_way_out(sys.argv[1]) if len(sys.argv) > 1 else try_everything()), sys.stdout)
