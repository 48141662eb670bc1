"""Control groups, version 2, as files that the kernel would answer for: version 1 is tested with real jobs."""

from pathlib import Path

import pytest

from strongroom.runners import cgroups
from strongroom.runners.cgroups import CONTROLLERS, Cgroups, find_cgroups
from strongroom.runners.limits import MEBIBYTE, Limits


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The group of a service that systemd delegates, with a server and its helper in it."""
    group = tmp_path / "system.slice" / "strongroom.service"
    group.mkdir(parents=True)
    (group / "cgroup.type").write_text("domain\n")
    (group / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (group / "cgroup.subtree_control").write_text("\n")
    (group / "cgroup.procs").write_text("101\n102\n")
    monkeypatch.setattr(cgroups, "_mounted", lambda: {"cgroup2": tmp_path})
    monkeypatch.setattr(cgroups, "_own_groups", lambda: {"": "/system.slice/strongroom.service"})
    return group


def test_the_server_makes_room_in_its_own_group(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, refused = find_cgroups(prepared=True)
    assert (found, refused) == (Cgroups(2, dict.fromkeys(CONTROLLERS, service)), {})
    assert (service / "strongroom-server" / "cgroup.procs").read_text() == "102"
    assert (service / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"

    # The next look is from inside of where the server moved itself, and everything is in place.
    (service / "cgroup.subtree_control").write_text("cpu memory pids\n")
    monkeypatch.setattr(cgroups, "_own_groups", lambda: {"": "/system.slice/strongroom.service/strongroom-server"})
    assert find_cgroups(prepared=True)[0] == found
    assert (service / "cgroup.subtree_control").read_text() == "cpu memory pids\n"
    assert found is not None
    assert found.left_behind() == {}


def test_a_look_changes_nothing(service: Path) -> None:
    assert find_cgroups(prepared=False)[0] == Cgroups(2, dict.fromkeys(CONTROLLERS, service))
    assert not (service / "strongroom-server").exists()
    assert (service / "cgroup.subtree_control").read_text() == "\n"


def test_a_controller_that_is_not_delegated_is_told(service: Path) -> None:
    (service / "cgroup.controllers").write_text("memory pids\n")
    found, refused = find_cgroups(prepared=True)
    assert found == Cgroups(2, {"memory": service, "pids": service})
    assert refused == {"cpu": f"{service}/cgroup.controllers does not have it"}


def test_what_the_kernel_refuses_is_told(service: Path) -> None:
    (service / "cgroup.subtree_control").unlink()
    (service / "cgroup.subtree_control").mkdir()
    found, refused = find_cgroups(prepared=True)
    assert found is None
    assert set(refused) == set(CONTROLLERS)
    assert "Is a directory" in refused["memory"]


def test_a_job_is_told_its_limits(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=MEBIBYTE, temporary_bytes=MEBIBYTE, cpus=0.25, processes_max=10)
    group = Cgroups(2, dict.fromkeys(CONTROLLERS, tmp_path)).make("job", limits)
    assert {path.name: path.read_text() for path in (tmp_path / "strongroom-job").iterdir()} == {
        "memory.max": str(2 * MEBIBYTE),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "25000 100000",
        "pids.max": "13",
    }
    for name, content in {
        "memory.events": "low 0\noom 3\noom_kill 2\n",
        "memory.current": "4096\n",
        "memory.peak": "8192\n",
        "memory.stat": "anon 2048\nfile 2048\n",
    }.items():
        (tmp_path / "strongroom-job" / name).write_text(content)
    assert group.out_of_memory_kills() == 2
    assert (group.memory_bytes(), group.memory_bytes_peak(), group.memory_bytes_of_processes()) == (4096, 8192, 2048)
