"""A folder as the source of a build, and artifacts that come back from one."""

import io
import os
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from strongroom.base.errors import OperatorError
from strongroom.cli import build_sources
from strongroom.cli.build_artifacts import unpack
from strongroom.cli.build_sources import pack


def _write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def _git(folder: Path, *arguments: str) -> None:
    options = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *options, "-C", str(folder), *arguments], check=True, capture_output=True)


def _packed(folder: Path, **choices: Any) -> set[str]:
    with pack(folder, **choices) as packed, zipfile.ZipFile(packed.file) as archive:
        assert set(archive.namelist()) == packed.names
        return set(packed.names)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_git_ignores_is_not_packed(tmp_path: Path) -> None:
    _write(tmp_path, "buildspec.yml", "new", "gone", "keep/secret.env", "keep/a", "node_modules/x/y", "deep/.env")
    (tmp_path / ".gitignore").write_text("node_modules\n*.env\n")
    assert "node_modules/x/y" in _packed(tmp_path)  # No repository yet: nobody ignores anything.
    _git(tmp_path, "init")
    _git(tmp_path, "add", "buildspec.yml", "gone", "keep/a")
    (tmp_path / "gone").unlink()
    expected = {".gitignore", "buildspec.yml", "new", "keep/a"}
    assert _packed(tmp_path) == expected
    assert _packed(tmp_path / "keep") == {"a"}
    everything = _packed(tmp_path, include_ignored=True)
    assert everything == expected | {"keep/secret.env", "node_modules/x/y", "deep/.env"}
    # A repository within is packed by its own rules.
    _write(tmp_path, "inner/b", "inner/c.log", "inner/.env")
    (tmp_path / "inner" / ".gitignore").write_text("*.log\n")
    _git(tmp_path / "inner", "init")
    assert _packed(tmp_path) == expected | {"inner/b", "inner/.env", "inner/.gitignore"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_submodule_that_nobody_fetched_is_empty(tmp_path: Path) -> None:
    _write(tmp_path, "a")
    (tmp_path / "sub").mkdir()
    _git(tmp_path, "init")
    _git(tmp_path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    assert _packed(tmp_path) == {"a"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_nothing_of_a_repository_is_run(tmp_path: Path) -> None:
    _write(tmp_path, "a")
    _git(tmp_path, "init")
    program = tmp_path / ".git" / "run"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    _git(tmp_path, "config", "core.fsmonitor", str(program))
    assert _packed(tmp_path) == {"a"}
    assert not (tmp_path / "ran").exists()


def test_where_git_does_not_answer_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "a")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert _packed(tmp_path) == {"a"}
    (tmp_path / ".git").mkdir()
    with pytest.raises(OperatorError, match="git is not installed"):
        _packed(tmp_path)
    assert _packed(tmp_path, include_ignored=True) == {"a"}
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/false")
    with pytest.raises(OperatorError, match="did not say what it ignores"):
        _packed(tmp_path)


def test_links_and_what_is_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    _write(folder, "a", "d/b")
    _write(tmp_path, "outside")
    (folder / "a").chmod(0o755)
    (folder / "d" / "in").symlink_to("../a")
    (folder / "out").symlink_to("../outside")
    (folder / "away").symlink_to(folder / "missing")
    (folder / "dir").symlink_to("d")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        with pack(folder, include_ignored=True) as packed:
            assert packed.names == {"a", "d/b", "d/in"}
            assert packed.left_out == ("away", "dir", "fifo", "out", "socket")
            with zipfile.ZipFile(packed.file) as archive:
                assert archive.read("d/in") == b"a"
                assert archive.getinfo("a").external_attr >> 16 & 0o111
                assert not archive.getinfo("d/b").external_attr >> 16 & 0o111
    with pytest.raises(OperatorError, match="is not a folder"), pack(folder / "a"):
        pass


def test_what_is_too_much_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "a", "b", "c")
    monkeypatch.setattr(build_sources, "SOURCE_BYTES_MAX", 2)
    with pytest.raises(OperatorError, match="more than 2 bytes"), pack(tmp_path, include_ignored=True):
        pass
    monkeypatch.setattr(build_sources, "FILES_MAX", 2)
    with pytest.raises(OperatorError, match="has 3 files"), pack(tmp_path, include_ignored=True):
        pass


def _archive(**files: str) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            mode = 0o100755 if text == "run" else 0o100600
            entry.external_attr = (0o120777 if text.startswith("-> ") else mode) << 16
            text = text.removeprefix("-> ")
            archive.writestr(entry, text)
    made.seek(0)
    return made


def test_artifacts_stay_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "got"
    assert unpack(_archive(**{"a/b": "run", "c": "new"}), folder) == 2
    assert os.access(folder / "a" / "b", os.X_OK)
    assert (folder / "c").read_text() == "new"
    assert unpack(_archive(c="newer"), folder) == 1
    assert (folder / "c").read_text() == "newer"
    assert unpack(_archive(**{"a/link": "-> ../c"}), folder) == 1
    assert unpack(_archive(**{"a/link": "-> ../c"}), folder) == 1
    assert (folder / "a" / "link").read_text() == "newer"
    for target in ("../../x", "/x"):
        with pytest.raises(OperatorError, match="elsewhere"):
            unpack(_archive(**{"a/link": f"-> {target}"}), folder)
    for name in ("../x", "a/../../x", "/x"):
        with pytest.raises(OperatorError, match="elsewhere"):
            unpack(_archive(**{name: "x"}), folder)
    (folder / "away").symlink_to(tmp_path)
    with pytest.raises(OperatorError, match="link"):
        unpack(_archive(**{"away/x": "x"}), folder)
    (folder / "file").symlink_to(tmp_path / "x")
    with pytest.raises(OSError, match="symbolic"):
        unpack(_archive(file="x"), folder)
    assert not (tmp_path / "x").exists()


def test_artifacts_that_lead_out_of_their_folder_step_by_step(tmp_path: Path) -> None:
    """Each link leads to where it may, judged by its words; through the one before, out of the folder."""
    folder = tmp_path / "deep" / "got"
    links = {"a/b/c": "-> ../..", "a/b/c/evil": "-> ../../.."}
    with pytest.raises(OperatorError, match="link"):
        unpack(_archive(**links, **{"evil/outside/f": "x"}), folder)
    assert not (folder / "evil").is_symlink()
    assert [path.name for path in tmp_path.rglob("*")].count("outside") == 0
    (folder / "away").symlink_to(tmp_path)
    with pytest.raises(OperatorError, match="link"):
        unpack(_archive(**{"away/made/x": "x"}), folder)
    assert not (tmp_path / "made").exists()


def test_artifacts_that_cannot_be_read(tmp_path: Path) -> None:
    encrypted, unknown, damaged = (bytearray(_archive(name="x" * 99).getvalue()) for _ in range(3))
    entry = encrypted.index(b"PK\x01\x02")
    encrypted[6] |= 1  # Flags, of the file and in the list of files.
    encrypted[entry + 8] |= 1
    unknown[8] = unknown[entry + 10] = 99  # Ways of packing.
    damaged[8] = damaged[entry + 10] = zipfile.ZIP_DEFLATED
    for archive in (encrypted, unknown, damaged, b"none"):
        with pytest.raises(OperatorError, match="no ZIP file that can be read"):
            unpack(io.BytesIO(archive), tmp_path / "got")
    for target in ("-> a\0b", "-> " + "a" * 4096):
        with pytest.raises(OperatorError, match="have a link"):
            unpack(_archive(link=target), tmp_path / "got")
