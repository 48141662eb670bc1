"""Which versions of a runtime a specification means, and who the users of an image are."""

import asyncio
from pathlib import Path

import pytest

from strongroom.runners.bubblewrap import ROOT_USER, SANDBOX_USER, JobUser
from strongroom.runners.images.cache import RootFileSystem
from strongroom.services.codebuild.running.failures import PhaseFailed
from strongroom.services.codebuild.running.root_file_systems import default_user, user_named
from strongroom.services.codebuild.running.runtimes import check_runtimes, is_version

SAID = {
    "python3": "Python 3.11.2\n",
    "java": 'openjdk version "17.0.9" 2023-10-17\nOpenJDK Runtime\n',
    "node": "v20.9.0\n",
    "go": "go version go1.21.4 linux/amd64\n",
    "ruby": "sh: ruby: not found\n",
}


@pytest.mark.parametrize(
    ("found", "wanted", "is_it"),
    [
        *(("3.11.2", wanted, True) for wanted in ("3.11", "3", "3.11.2", "3.x", "3.11.x", "latest", " 3.11 ")),
        *(("3.11.2", wanted, False) for wanted in ("3.1", "3.12", "2.x", "3.11.20", "3.11.2.1", "", "x3", "3.")),
        *(("17.0.9", wanted, True) for wanted in ("corretto17", "corretto17.x", "17")),
        ("17.0.9", "corretto8", False),
    ],
)
def test_versions(found: str, wanted: str, is_it: bool) -> None:
    assert is_version(found, wanted) == is_it


def check(wanted: dict[str, str]) -> list[str]:
    told: list[str] = []

    async def ask(script: str) -> bytes:
        programs = [line.split(";")[1].split()[0] for line in script.splitlines()]
        return "".join(f"\0{SAID.get(program, 'not found')}" for program in programs).encode()

    asyncio.run(check_runtimes(wanted, ask, told.append))
    return told


def test_what_an_environment_has() -> None:
    assert len(check({"python": "3.11", "java": "corretto17", "nodejs": "20.x", "golang": "1.21"})) == 4
    for wanted, told in (
        (
            {"python": "3.12"},
            "Unknown runtime version named '3.12' of python. This build image has the following versi",
        ),
        (
            {"ruby": "latest"},
            "Unknown runtime named 'ruby'. This build image has the following runtimes: golang, java, ",
        ),
        ({"cobol": "1"}, "Unknown runtime named 'cobol'. "),
    ):
        with pytest.raises(PhaseFailed) as failed:
            check(wanted)
        assert failed.value.message.startswith(told)
        assert failed.value.code == "YAML_FILE_ERROR"


def test_users_of_an_image(tmp_path: Path) -> None:
    assert (default_user(None), user_named(None, "root"), user_named(None, "ann")) == (SANDBOX_USER, ROOT_USER, None)
    root = RootFileSystem(tmp_path, {})
    assert (default_user(root), user_named(root, "ann")) == (ROOT_USER, None)
    (tmp_path / "etc").mkdir()
    lines = [
        "#",
        "ann:x:1000:1001::/:/bin/sh",
        "big:x:4294967295:0::/:",
        "odd:x:-1:0::/:",
        "short:x:1:1",
        "ann:x:2:2::/:",
    ]
    (tmp_path / "etc" / "passwd").write_text("\n".join(lines))
    assert user_named(root, "ann") == JobUser(1000, 1001)
    assert [user_named(root, name) for name in ("big", "odd", "short", "", "#", "1000", "ann:x")] == [None] * 7
    (tmp_path / "etc" / "passwd").unlink()
    (tmp_path / "etc" / "passwd").symlink_to("/etc/passwd")
    assert user_named(root, "root") is None
