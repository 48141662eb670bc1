"""Where there is no sandbox: by the operator's choice, or because the machine has none."""

import asyncio
import os
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runners.conftest import Contained
from tests.runners.contained import PYTHON, Job, run_as_we_are
from tests.runners.test_limits import assert_gone, processes_with
from tests.running_server import running_server

from strongroom.runners.limits import Limits
from strongroom.runners.memory_directory import memory_directory
from strongroom.runners.probe import SandboxUnavailable, probe_now
from strongroom.runners.sandbox import Exit, Mount, prepare


@pytest.fixture
def probed_anew() -> Iterator[None]:
    probe_now.cache_clear()
    yield
    probe_now.cache_clear()


def refusal() -> str:
    with pytest.raises(SandboxUnavailable) as refused:
        asyncio.run(prepare(limits=Limits()))
    return str(refused.value)


def put_bubblewrap(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = directory / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def test_without_bubblewrap_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, probed_anew: None) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal() == (
        "there is no sandbox: bubblewrap (bwrap) is not installed: apt-get install bubblewrap "
        "(dnf, pacman, apk and others have it by the same name)"
    )


def test_an_old_bubblewrap_is_not_enough(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch, probed_anew: None
) -> None:
    put_bubblewrap(open_directory, monkeypatch, "echo bubblewrap 0.6.1")
    assert refusal() == (
        f"there is no sandbox: {open_directory}/bwrap is bubblewrap 0.6.1; bubblewrap 0.8 or newer is needed"
    )


def test_the_kernels_refusal_is_told_in_its_own_words(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch, probed_anew: None
) -> None:
    words = "bwrap: Creating new namespace failed: Operation not permitted"
    put_bubblewrap(
        open_directory,
        monkeypatch,
        f'[ "$1" = --version ] && echo bubblewrap 0.9.0 || {{ echo "{words}" >&2; exit 1; }}',
    )
    assert refusal().startswith(f"there is no sandbox: {words}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can forbid namespaces, in one of its own")
def test_a_kernel_that_forbids_namespaces_is_told_with_the_remedy(bubblewrap: None) -> None:
    code = "from strongroom.runners.probe import probe_now; print(probe_now().refusal)"
    forbidding = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    command = ["unshare", "-U", "--map-root-user", "sh", "-c", forbidding, "sh", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.startswith("bwrap: Creating new namespace failed"), done.stderr
    assert "sysctl -w user.max_user_namespaces=" in done.stdout


def test_a_mount_that_is_not_there_is_refused(bubblewrap: None) -> None:
    async def scene() -> None:
        sandbox = await prepare(limits=Limits(), mounts=[Mount(Path("/no/such/code"), "/var/task")])
        try:
            await sandbox.run(["/bin/true"], {}, "/")
            await sandbox.wait()
        finally:
            await sandbox.close()

    with pytest.raises(SandboxUnavailable, match="/no/such/code"):
        asyncio.run(scene())


def test_unsafe_runs_as_the_servers_user_where_the_files_are(tmp_path: Path, probed_anew: None) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text("")
    code = "import os; print(os.getuid(), os.getcwd(), os.listdir('.'), sorted(os.environ))"
    job = Job(code, mounts=[(str(tmp_path / "code"), "/var/task")], directory="/var/task", mode="unsafe")
    outcome = run_as_we_are(job)
    assert outcome.exit == Exit(0, None)
    assert outcome.output.startswith(f"{os.getuid()} {tmp_path}/code ['handler.py'] ['GRANTED'")


def test_unsafe_needs_no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, probed_anew: None) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_as_we_are(Job("print('ran')", mode="unsafe")).output == "ran\n"


def test_unsafe_paths_are_those_of_the_host(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        sandbox = await prepare(limits=Limits(), mounts=[Mount(tmp_path, "/var/task")], mode="unsafe")
        try:
            return [sandbox.path(target) for target in ("/var/task", "/var/task/a/b", "/var/tasks", "/usr")]
        finally:
            await sandbox.close()

    assert asyncio.run(scene()) == [str(tmp_path), f"{tmp_path}/a/b", "/var/tasks", "/usr"]


@pytest.mark.parametrize(
    ("argv", "ended"),
    [
        (["/bin/sh", "-c", "exit 3"], Exit(3, None)),
        (["/bin/sh", "-c", "kill -TERM $$"], Exit(None, 15)),
        (["/no/such/program"], Exit(127, None)),
        (["/etc/passwd"], Exit(126, None)),
    ],
)
def test_unsafe_tells_how_it_ended(argv: list[str], ended: Exit) -> None:
    assert run_as_we_are(Job(argv=argv, mode="unsafe")).exit == ended


def test_unsafe_kills_the_process_with_its_group(contained: Contained) -> None:
    mark = uuid.uuid4().hex
    code = "import os, time\nos.fork()\ntime.sleep(1000)\n"
    outcome = contained(Job(argv=[PYTHON, "-I", "-S", "-c", code, mark], mode="unsafe", seconds=0.3))
    assert outcome.was_killed
    assert outcome.exit == Exit(None, 9)
    assert_gone(mark)


def test_unsafe_leaves_nothing_in_the_background(contained: Contained) -> None:
    mark = uuid.uuid4().hex
    code = "import os, time\nif os.fork() == 0:\n    os.closerange(0, 3)\n    time.sleep(1000)\n"
    assert contained(Job(argv=[PYTHON, "-I", "-S", "-c", code, mark], mode="unsafe")).exit == Exit(0, None)
    assert_gone(mark)


def test_what_is_made_for_a_job_is_for_nobody_else() -> None:
    directory = memory_directory().make("code")
    for path in (directory, directory.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    directory.rmdir()


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        (["/bin/true\0x"], {}),
        (["/bin/true"], {"A": "b\0--bind\0/\0/host"}),
        (["/bin/true"], {"A\0B": "c"}),
        (["/bin/true"], {"A=B": "c"}),
        (["/bin/true"], {"": "c"}),
        ([], {}),
    ],
)
def test_no_option_of_bubblewraps_comes_from_a_job(
    bubblewrap: None, argv: list[str], environment: dict[str, str]
) -> None:
    async def scene() -> None:
        sandbox = await prepare(limits=Limits())
        try:
            await sandbox.run(argv, environment, "/")
        finally:
            await sandbox.close()

    with pytest.raises(ValueError, match=r"zero byte|variable|program"):
        asyncio.run(scene())


def test_what_a_job_is_given_is_on_no_command_line(bubblewrap: None) -> None:
    async def scene() -> str:
        sandbox = await prepare(limits=Limits())
        try:
            await sandbox.run(["/bin/sleep", "1000"], {"PASSWORD": mark, "LD_PRELOAD": "/tmp/evil.so"}, "/")
            await asyncio.sleep(0.2)
            await sandbox.kill()
            return (await sandbox.output.read()).decode()
        finally:
            await sandbox.close()

    mark = uuid.uuid4().hex
    seen = []

    async def watched() -> str:
        watching = asyncio.create_task(watch())
        try:
            return await scene()
        finally:
            watching.cancel()

    async def watch() -> None:
        while True:
            seen.extend(processes_with(mark))
            await asyncio.sleep(0.005)

    output = asyncio.run(watched())
    assert seen == []
    # The loader complains once: for the job, and for none of what came before it.
    assert output.count("evil.so") == 1


def test_a_server_sweeps_at_its_start_what_a_dead_one_left(tmp_path: Path) -> None:
    left = memory_directory().path.parent / f"strongroom-{uuid.uuid4().hex[:16]}"
    left.mkdir(mode=0o700)
    (left / "code").write_text("in clear")
    # Servers that share a database meet in a directory of their user's, which is nobody's to sweep.
    shared = left.with_name(f"strongroom-{os.getuid()}")
    shared.mkdir(mode=0o700, exist_ok=True)
    with running_server(tmp_path):
        assert not left.exists()
        assert shared.exists()
        assert memory_directory().path.exists(), "it belongs to a process that lives"
