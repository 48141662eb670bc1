"""A job that wants all of the machine gets its share, and is told from others by how it ends."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runners.conftest import Contained
from tests.runners.contained import PYTHON, Job, run_as_we_are

from strongroom.runners.launch import OUTPUT_BYTES_MAX
from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.memory_directory import memory_directory
from strongroom.runners.probe import probe_now
from strongroom.runners.sandbox import Exit, prepare

GONE_SECONDS_MAX = 5.0


def processes_with(mark: str) -> list[int]:
    """Return the processes of this machine whose command line or environment has `mark`, ours not counted."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(path.name) != os.getpid() and mark.encode() in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + GONE_SECONDS_MAX
    while True:
        # A look begun in time may end late: on a busy machine, /proc waits for whom it tells of.
        is_late = time.monotonic() > deadline
        if condition():
            return
        assert not is_late
        time.sleep(0.01)


def assert_gone(mark: str) -> None:
    try:
        wait_for(lambda: not processes_with(mark))
    except AssertionError:
        pytest.fail("\n".join(described(process) for process in processes_with(mark)))


def described(process: int) -> str:
    """Return what /proc says of a process, for who must find out why it lives."""
    told = [str(process)]
    for name in ("cmdline", "status", "wchan", "stack"):
        with contextlib.suppress(OSError):
            told.append(Path(f"/proc/{process}/{name}").read_text().replace("\0", " "))
    return "\n".join(told)


def test_a_fork_bomb_is_contained_and_ended(contained: Contained) -> None:
    code = (
        "import os, time\n"
        "made = 0\n"
        "while True:\n"
        "    try:\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(1000)\n"
        "        made += 1\n"
        "    except BlockingIOError:\n"
        "        break\n"
        "print(made, flush=True)\n"
    )
    mark = uuid.uuid4().hex
    outcome = contained(Job(argv=[PYTHON, "-I", "-S", "-c", code, mark], limits={"processes_max": 40}))
    assert outcome.exit == Exit(0, None)
    assert 30 <= int(outcome.output) <= 42
    assert_gone(mark)


def test_processes_that_fork_without_end_are_killed_at_once(contained: Contained) -> None:
    code = "import os, sys\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    mark = uuid.uuid4().hex
    job = Job(argv=[PYTHON, "-I", "-S", "-c", code, mark], limits={"processes_max": 20, "cpus": 0.5}, seconds=0.3)
    outcome = contained(job)
    assert outcome.was_killed
    assert outcome.exit == Exit(None, signal.SIGKILL)
    assert processes_with(mark) == []


def test_memory_without_end_ends_the_job(contained: Contained) -> None:
    code = "held = []\nwhile True:\n    held.append(b'x' * 4_000_000)\n"
    outcome = contained(Job(code, limits={"memory_bytes": 48 * MEBIBYTE, "temporary_bytes": MEBIBYTE}))
    if outcome.memory_means == "rlimits":
        assert outcome.exit == Exit(1, None)
        assert "MemoryError" in outcome.output
    else:
        assert outcome.exit == Exit(None, signal.SIGKILL, out_of_memory=True)


def test_memory_of_all_processes_counts_together(contained: Contained) -> None:
    code = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        held = b'x' * 24_000_000\n"
        "        time.sleep(1000)\n"
        "pid, status = os.wait()\n"
        "print('killed by', os.WTERMSIG(status), flush=True)\n"
        "os._exit(5)\n"
    )
    job = Job(code, limits={"memory_bytes": 48 * MEBIBYTE, "temporary_bytes": MEBIBYTE}, seconds=5)
    if probe_now().means("memory") == "rlimits" or contained is not run_as_we_are:
        pytest.skip("only control groups count processes together")
    outcome = contained(job)
    assert outcome.exit.out_of_memory
    assert outcome.output == "killed by 9\n" or outcome.exit.signal == signal.SIGKILL


def test_room_for_files_is_no_room_for_memory() -> None:
    if probe_now().means("memory") == "rlimits":
        pytest.skip("only control groups count memory")
    limits = {"memory_bytes": 64 * MEBIBYTE, "temporary_bytes": 512 * MEBIBYTE}
    grow = "import time\nheld = []\nwhile True:\n    held.append(b'x' * 4_000_000)\n    time.sleep(0.01)\n"
    assert run_as_we_are(Job(grow, limits=limits)).exit == Exit(None, signal.SIGKILL, out_of_memory=True)
    fill = (
        "import time\n"
        "with open('/tmp/file', 'wb', 0) as file:\n"
        "    for _ in range(100):\n"
        "        file.write(bytes(1_500_000))\n"
        "time.sleep(0.3)\n"
        "print('written')\n"
    )
    assert run_as_we_are(Job(fill, limits=limits)).output == "written\n"


def test_open_files_are_counted(contained: Contained) -> None:
    code = "import os\nfor count in range(100):\n    os.open('/dev/null', 0)\n"
    outcome = contained(Job(code, limits={"open_files_max": 32}))
    assert outcome.exit.status == 1
    assert "Too many open files" in outcome.output


def test_processor_time_is_shared_out() -> None:
    if probe_now().means("cpu") == "nothing":
        pytest.skip("only control groups share out processors")
    code = (
        "import time\n"
        "begin = time.monotonic()\n"
        "while time.monotonic() < begin + 0.6:\n"
        "    pass\n"
        "print(time.process_time() / 0.6)\n"
    )
    assert float(run_as_we_are(Job(code, limits={"cpus": 0.2})).output) < 0.4


def test_a_crash_leaves_no_core(contained: Contained) -> None:
    code = "import os\nos.chdir('/tmp')\nos.kill(os.getpid(), 11)\n"
    assert contained(Job(code)).exit == Exit(None, signal.SIGSEGV)


def test_sleeping_for_ever_ends_with_the_whole_tree(contained: Contained) -> None:
    mark = uuid.uuid4().hex
    code = (
        "import os, signal, time\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.fork()\n"
        "while True:\n"
        "    time.sleep(1000)\n"
    )
    begin = time.monotonic()
    outcome = contained(Job(argv=[PYTHON, "-I", "-S", "-c", code, mark], seconds=0.3))
    assert outcome.was_killed
    assert outcome.exit == Exit(None, signal.SIGKILL)
    assert processes_with(mark) == []
    assert time.monotonic() - begin < 5


def test_what_is_left_in_the_background_ends_with_the_job(contained: Contained) -> None:
    mark = uuid.uuid4().hex
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for descriptor in range(3):\n"
        "            os.close(descriptor)\n"
        "        time.sleep(1000)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print('done')\n"
    )
    outcome = contained(Job(argv=[PYTHON, "-I", "-S", "-c", code, mark]))
    assert outcome.exit == Exit(0, None)
    assert outcome.output == "done\n"
    assert_gone(mark)


def test_endless_output_waits_for_its_reader(bubblewrap: None) -> None:
    async def scene() -> int:
        sandbox = await prepare(limits=Limits(memory_bytes=64 * MEBIBYTE))
        try:
            await sandbox.run(
                ["/bin/sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"], {}, "/"
            )
            await asyncio.sleep(0.3)
            await sandbox.kill()
            return len(await sandbox.output.read())
        finally:
            await sandbox.close()

    pipe = 65_536
    assert OUTPUT_BYTES_MAX / 2 < asyncio.run(scene()) < OUTPUT_BYTES_MAX * 5 + pipe


@pytest.mark.parametrize(
    ("argv", "ended"),
    [
        (["/bin/sh", "-c", "exit 3"], Exit(3, None)),
        (["/bin/sh", "-c", "kill -TERM $$"], Exit(None, signal.SIGTERM)),
        (["/no/such/program"], Exit(127, None)),
        (["/etc/passwd"], Exit(126, None)),
    ],
)
def test_how_it_ended_is_told(contained: Contained, argv: list[str], ended: Exit) -> None:
    assert contained(Job(argv=argv)).exit == ended


def test_nothing_is_left_of_a_closed_sandbox(bubblewrap: None) -> None:
    found = probe_now()

    async def scene() -> None:
        for _ in range(2):
            sandbox = await prepare(limits=Limits(), ports=2)
            await sandbox.run(["/bin/sleep", "1000"], {}, "/")
            await sandbox.close()
            await sandbox.close()
        unused = await prepare(limits=Limits(), ports=1)
        await unused.close()
        assert (await unused.wait()).signal == signal.SIGKILL

    asyncio.run(scene())
    before = sorted(os.listdir("/proc/self/fd"))
    asyncio.run(scene())
    assert sorted(os.listdir("/proc/self/fd")) == before
    if found.cgroups is not None:
        token = memory_directory().token
        assert not [name for name in found.cgroups.left_behind() if name.startswith(token)]


def test_cancelled_in_the_middle_nothing_is_left(bubblewrap: None) -> None:
    mark = uuid.uuid4().hex

    async def job() -> None:
        sandbox = await prepare(limits=Limits(), ports=1)
        try:
            await sandbox.run(["/bin/sh", "-c", "exec sleep 1000", mark], {}, "/")
            await sandbox.wait()
        finally:
            await sandbox.close()

    async def scene() -> list[str]:
        await prepare_once()
        before = sorted(os.listdir("/proc/self/fd"))
        for milliseconds in range(0, 45, 3):
            running = asyncio.create_task(job())
            await asyncio.sleep(milliseconds / 1000)
            for _ in range(2):  # The second one meets the sandbox while it is closed.
                running.cancel()
                await asyncio.sleep(0)
            await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0.2)
        after = sorted(os.listdir("/proc/self/fd"))
        return [descriptor for descriptor in after if descriptor not in before]

    async def prepare_once() -> None:
        await (await prepare(limits=Limits())).close()

    assert asyncio.run(scene()) == []
    assert_gone(mark)


SERVER = """
import asyncio, os, sys
from strongroom.runners.limits import Limits
from strongroom.runners.memory_directory import memory_directory
from strongroom.runners.sandbox import prepare

async def serve():
    (memory_directory().make("code") / "secret").write_text("secret")
    sandbox = await prepare(limits=Limits(), ports=1)
    await sandbox.run(["/bin/sh", "-c", "setsid sleep 1000 & exec sleep 1000", sys.argv[1]], {}, "/")
    print(memory_directory().path, flush=True)
    await sandbox.wait()

asyncio.run(serve())
"""


def start_server(mark: str) -> tuple["subprocess.Popen[str]", Path]:
    """Start a server with a job, and return it with its directory in memory as soon as the job is told to run."""
    server = subprocess.Popen([sys.executable, "-c", SERVER, mark], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    directory = Path(server.stdout.readline().strip())
    server.stdout.close()
    assert directory.is_dir()
    return server, directory


def end(server: "subprocess.Popen[str]") -> None:
    server.kill()
    server.wait()


def sweep() -> None:
    """Do what the next server does."""
    code = (
        "from strongroom.runners import memory_directory, probe\n"
        "probe.probe_now()\n"
        "memory_directory.memory_directory()\n"
        "memory_directory.remove_memory_directory()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_killed_server_leaves_no_job_and_the_next_one_sweeps(bubblewrap: None) -> None:
    mark = uuid.uuid4().hex
    server, directory = start_server(mark)

    def job() -> list[int]:
        return [pid for pid in processes_with("sleep\0") if is_below(pid, server.pid)]

    wait_for(lambda: len(job()) == 2)
    sleeping = job()
    end(server)
    assert_gone(mark)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in sleeping))
    sweep()
    assert not directory.exists()
    groups = probe_now().cgroups
    token = directory.name.removeprefix("strongroom-")
    assert groups is None or not [name for name in groups.left_behind() if name.startswith(token)]


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 6, 9])
def test_a_server_killed_while_a_job_begins_leaves_none(bubblewrap: None, milliseconds: int) -> None:
    mark = uuid.uuid4().hex
    server, _ = start_server(mark)
    time.sleep(milliseconds / 1000)
    end(server)
    assert_gone(mark)
    sweep()


def is_below(process: int, ancestor: int) -> bool:
    """Return whether a process descends from another."""
    while process > 1 and process != ancestor:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return process == ancestor
