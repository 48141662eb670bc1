"""Jobs with a root file system of their own: what they see of it, of the host, and what its links lead to."""

import io
import tarfile
from pathlib import Path

import pytest
from tests.runners.conftest import Contained
from tests.runners.contained import Job
from tests.runners.images.made import layer, small_system

from strongroom.runners.probe import SandboxUnavailable


@pytest.fixture(scope="module")
def root(open_directory: Path) -> Path:
    made = open_directory / "root"
    with tarfile.open(fileobj=io.BytesIO(layer(*small_system()))) as archive:
        archive.extractall(made, filter="data")
    (open_directory / "secret").write_text("secret\n")
    (made / "secrets").mkdir()
    (made / "secrets" / "file").write_text("secret")
    return made


def said(contained: Contained, root: Path, script: str, **members: object) -> list[str]:
    job = Job(argv=["/bin/sh", "-c", script], root=str(root), **members)  # type: ignore[arg-type]
    outcome = contained(job)
    assert outcome.exit.status == 0, outcome.output
    return outcome.output.splitlines()


def test_a_job_sees_the_root_and_not_the_host(contained: Contained, root: Path) -> None:
    printed = said(contained, root, "echo /*; cat /etc/hosts; id -u; id -g; touch /x /bin/x /etc/x || ls /tmp /run")
    tops = set(printed[0].split())
    assert tops >= {"/bin", "/dev", "/etc", "/proc", "/run", "/tmp", "/secrets"}
    assert not tops & {"/srv", "/media", "/mnt", "/boot", "/sys"}
    assert printed[1:3] == ["127.0.0.1 localhost sandbox", "::1 localhost"]
    assert printed[3:5] == ["993", "993"]
    assert sum("Read-only file system" in line for line in printed) == 3
    assert said(contained, root, "id -u; id -g; id -un", user=[1000, 1001]) == ["1000", "1001", "ann"]
    assert said(contained, root, "id -un", user=[0, 0]) == ["root"]


def test_what_is_hidden_is_not_seen_in_the_root_either(contained: Contained, root: Path) -> None:
    assert said(contained, root, "echo /secrets/*", hidden=[str(root / "secrets")]) == ["/secrets/*"]


@pytest.mark.parametrize(
    "links",
    [
        {"etc": "/proc/self/root", "var": "/proc/1/root"},
        {"var": "..", "run": "/", "tmp": "/bin", "proc": "bin", "dev": "/bin"},
        {"etc/hosts": "../../secret", "etc/hostname": "/proc/1/environ", "var/tmp": "/bin"},
        {"granted": "/bin", "codebuild": "/etc"},
    ],
)
def test_no_link_at_its_top_moves_what_is_made_for_a_job(
    contained: Contained, root: Path, open_directory: Path, links: dict[str, str]
) -> None:
    made = open_directory / f"linked-{len(list(open_directory.iterdir()))}"
    made.mkdir()
    for name in ("bin", "lib", "lib64"):
        if (root / name).exists():
            (made / name).symlink_to(f"/whole/{name}")
    (made / "whole").mkdir()
    for name, target in links.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).symlink_to(target)
    printed = said(
        contained,
        made,
        "echo made >/tmp/made; cat /tmp/made /granted/secret; cat /etc/hosts; test -e /proc/self && echo proc",
        mounts=[(str(root), "/whole"), (str(open_directory), "/granted")],
    )
    assert printed[0] == "made"
    assert printed[-1] == "proc"
    assert printed.count("secret") == 1


def test_without_a_sandbox_there_is_none(root: Path, contained: Contained) -> None:
    with pytest.raises((SandboxUnavailable, AssertionError), match="no root file system of its own"):
        contained(Job(argv=["/bin/sh", "-c", "true"], root=str(root), mode="unsafe"))
