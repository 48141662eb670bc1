"""What a hostile build gets of the server and of the build beside it: nothing.

One build holds secrets in its files, its environment and its memory, and waits; another one looks for them everywhere,
as every user that there is, with the paths, the processes and the addresses told to it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.running_server import RunningServer, eventually
from tests.services.codebuild.building import Workshop, demand_sandbox

SECRET = "the-victims-own-value"

# The log holds back what may be the beginning of a secret, and none begins with a full stop.

HOLD = f"""
echo {SECRET} >~/file; echo {SECRET} >/tmp/file; echo {SECRET} >file; export HELD={SECRET}
python3 -c '
import os, socket, time
value = os.environ["HELD"] * 1000
for address in ("0.0.0.0", 8000), ("127.0.0.1", 8001):
    socket.create_server(address)
abstract = socket.socket(socket.AF_UNIX); abstract.bind(chr(0) + "victim"); abstract.listen()
print("holding.", flush=True)
while not os.path.exists("/never"): time.sleep(0.1)
'
"""

LOOK = r"""
import glob, os, re, socket, sys
secret = b"-".join([b"the", b"victims", b"own", b"value"])
data, server, victims = sys.argv[1], sys.argv[2], sys.argv[3:]
found = []

def read(path, size=1 << 22):
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as error:
        return None

# Every file that there is, the kernel's among them.
for top in ("/codebuild", "/root", "/tmp", "/var", "/dev", "/run", "/home", "/mnt", "/srv", "/opt", "/sys/fs", data):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and secret in (read(path) or b""):
                found.append(path)

# Where the victim's files, and the server's, are on the host.
for path in (*victims, data, *glob.glob("/dev/shm/*"), *glob.glob("/dev/shm/.*")):
    for way in (path, f"/proc/1/root{path}", f"/proc/self/root{path}", f"/proc/{server}/root{path}"):
        if os.path.exists(way):
            found.append(way)

# The memory of the server and of all processes, and what they were started with.
for process in {server, *filter(str.isdigit, os.listdir("/proc"))}:
    for name in ("environ", "cmdline", "maps", "fd", "mem"):
        content = read(f"/proc/{process}/{name}")
        if content and secret in content:
            found.append(f"/proc/{process}/{name}")
    if process == server and os.path.exists(f"/proc/{process}"):
        with open(f"/proc/{process}/cmdline", "rb") as file:
            if b"strongroom" in file.read():
                found.append("the server's process")
for path in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/proc/kallsyms"):
    content = read(path, 64)
    if content and path != "/proc/kallsyms":
        found.append(path)
try:
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(64)
    if libc.ptrace(16, int(server), None, None) == 0:
        found.append("ptrace")
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
    if libc.process_vm_readv(int(server), local, 1, local, 1, 0) > 0:
        found.append("process_vm_readv")
    os.kill(int(server), 0)
    if not os.path.exists(f"/proc/{server}"):
        found.append("kill")
except OSError:
    pass
except ImportError:
    pass

# What listens beside it: the victim's ports, and its credentials, which are at the same address as its own.
for address in (("127.0.0.1", 8000), ("127.0.0.1", 8001), ("0.0.0.0", 8000)):
    try:
        socket.create_connection(address, 1)
        found.append(address)
    except OSError:
        pass
try:
    abstract = socket.socket(socket.AF_UNIX)
    abstract.connect(chr(0) + "victim")
    found.append("its socket")
except OSError:
    pass
print("told:", found)
"""


@pytest.fixture(scope="module")
def shop(server: RunningServer) -> Workshop:
    demand_sandbox()
    return Workshop(server)


@pytest.fixture(scope="module")
def victim(shop: Workshop) -> Iterator[dict[str, Any]]:
    """A build that holds its secrets for as long as the others look for them."""
    project = shop.project(yaml.safe_dump({"version": 0.2, "phases": {"build": {"commands": [HOLD]}}}))
    build_id = shop.client.start_build(projectName=project)["build"]["id"]
    shop.until(build_id, lambda build: build["currentPhase"] == "BUILD" and shop.printed(build)[-1:] == ["holding."])
    yield shop.found(build_id)
    shop.client.stop_build(id=build_id)
    shop.ended(build_id)


def rooms_of(server: RunningServer) -> list[str]:
    """Return where the directories of builds are on this machine."""
    return [str(path) for path in Path("/dev/shm").glob("strongroom-*/build-*")]


@pytest.mark.parametrize("user", ["", "root", "nobody"])
def test_a_hostile_build_finds_nothing(shop: Workshop, victim: dict[str, Any], user: str) -> None:
    assert shop.server.process is not None
    rooms = rooms_of(shop.server)
    assert any(SECRET in path.read_text() for room in rooms for path in Path(room, "output").glob("*/file"))
    argv = " ".join([str(shop.server.data), str(shop.server.process.pid), *rooms])
    phases: dict[str, Any] = {"build": {"commands": [f"cat >look.py <<'END'\n{LOOK}\nEND", f"python3 look.py {argv}"]}}
    if user:
        phases["build"]["run-as"] = user
    build = shop.build(shop.project(yaml.safe_dump({"version": 0.2, "phases": phases})))
    assert build["buildStatus"] == "SUCCEEDED", shop.log(build)[-1500:]
    (told,) = [line for line in shop.printed(build) if line.startswith("told: ")]
    # Its own room is among those that were named to it, and is none of the paths that it sees.
    assert told == "told: []"
    assert not shop.found(victim["id"])["buildComplete"]


def test_what_a_build_keeps_leads_nowhere_else(shop: Workshop, victim: dict[str, Any]) -> None:
    """Links in a cache, to where the victim's files are on this machine."""
    rooms = rooms_of(shop.server)
    links = [f"ln -s {path} link{number}" for number, path in enumerate([*rooms, str(shop.server.data), "/etc"])]
    text = yaml.safe_dump(
        {
            "version": 0.2,
            "phases": {"build": {"commands": [*links, "ls"]}},
            "cache": {"paths": ["**/*", "link0/**/*", "link0/output/*/file"]},
        }
    )
    project = shop.project(text, cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]})
    shop.build(project)
    seen = yaml.safe_dump(
        {
            "version": 0.2,
            "phases": {"build": {"commands": ["find . -type f; cat link0/output/*/file; true"]}},
            "cache": {"paths": ["**/*"]},
        }
    )
    build = shop.build(project, buildspecOverride=seen)
    assert SECRET not in shop.log(build)
    # The links came back as links, and there was nothing else.
    assert [line for line in shop.printed(build) if line.startswith("./")] == []


MOVE = """
cd /codebuild/output; mv home moved; mv /root moved; rmdir /root
for name in home build output readonly; do ln -s {target} $name; done
"""
TRY = "cat ~/file ~/*/file; for each in ~ /codebuild/output; do echo x >$each/new; done; echo looked"


def test_another_user_gets_no_more_than_the_one_before(
    shop: Workshop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is mounted for another user is what was mounted before, whatever the build put in its place."""
    target = tmp_path_factory.mktemp("target")
    (target / "file").write_text(SECRET)
    target.chmod(0o777)
    phases = {
        "install": {"commands": [MOVE.format(target=target), "true"]},
        "build": {"run-as": "nobody", "commands": [TRY]},
    }
    build = shop.build(shop.project(yaml.safe_dump({"version": 0.2, "phases": phases})))
    assert SECRET not in shop.log(build)
    assert [path.name for path in target.iterdir()] == ["file"]
    assert "looked" in shop.printed(build), shop.log(build)


def test_however_deep_what_a_build_leaves_it_ends_and_nothing_stays(shop: Workshop) -> None:
    nest = 'python3 -c \'import os; [(os.mkdir("d"), os.chdir("d")) for _ in range(3000)]\''
    phases = {"build": {"commands": ["mkdir top; cd top; " + nest]}}
    cache = {"paths": ["top/**/*", "/root/**/*"]}
    text = yaml.safe_dump({"version": 0.2, "phases": phases, "cache": cache})
    before = set(rooms_of(shop.server))
    build = shop.build(shop.project(text, cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]}))
    assert build["buildStatus"] == "SUCCEEDED", shop.log(build)
    assert "Unable to upload cache: there are directories nested more than 256 deep" in shop.log(build)
    eventually(10, lambda: set(rooms_of(shop.server)) <= before)


def test_nothing_of_a_build_is_left_when_it_has_ended(shop: Workshop) -> None:
    before = set(rooms_of(shop.server))
    project = shop.project(
        yaml.safe_dump(
            {"version": 0.2, "phases": {"build": {"commands": ["echo mine >~/file; setsid sleep 1000 & true"]}}}
        )
    )
    shop.build(project)
    eventually(10, lambda: set(rooms_of(shop.server)) <= before)
    again = yaml.safe_dump(
        {
            "version": 0.2,
            "phases": {"build": {"commands": ["ls -A ~ /tmp; ps aux 2>/dev/null | grep -c 'sleep 1000'; true"]}},
        }
    )
    assert shop.printed(shop.build(project, buildspecOverride=again))[:2] == ["/root:", ""]
