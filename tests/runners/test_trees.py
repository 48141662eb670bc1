"""Directories that a job filled: no depth, no right that is missing and no link keeps the server from removing them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.runners.memory_directory import memory_file_system, sweep
from strongroom.runners.trees import DEPTH_MAX, TooDeep, remove_tree, walk
from strongroom.services.codebuild.running.failures import PhaseFailed
from strongroom.services.codebuild.running.sources import give
from strongroom.services.codebuild.running.work_files import files_below

_NOBODY = 65_534


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory where what jobs leave is."""
    made = Path(tempfile.mkdtemp(dir=memory_file_system()))
    yield made
    remove_tree(made)


def nest(path: Path, levels: int) -> None:
    """Make directories below each other, deeper than any path reaches, with a file in each."""
    path.mkdir()
    here = os.open(path, os.O_RDONLY)
    for _ in range(levels):
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.mkdir("directory", dir_fd=here)
        inner = os.open("directory", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def test_the_deepest_is_removed(memory: Path) -> None:
    nest(memory / "tree", 3_000)
    remove_tree(memory / "tree")
    assert list(memory.iterdir()) == []


def test_a_server_starts_whatever_one_before_it_left(memory: Path) -> None:
    nest(memory / f"strongroom-{'0123456789abcdef'}", 3_000)
    sweep(memory)
    assert list(memory.iterdir()) == []


def test_links_and_what_they_lead_to_stay_apart(tmp_path: Path) -> None:
    away, tree = tmp_path / "away", tmp_path / "tree"
    (away / "inner").mkdir(parents=True)
    (away / "file").write_text("another's")
    (tree / "inner").mkdir(parents=True)
    for number, target in enumerate((away, away / "file", away / "inner", "..", ".", "/never-there")):
        (tree / "inner" / f"link{number}").symlink_to(target)
    (tmp_path / "link").symlink_to(away)
    remove_tree(tree)
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "never-there" / "x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["away", "file", "inner"]


def test_what_an_ordinary_user_may_not_read_is_removed(memory: Path) -> None:
    memory.chmod(0o777)
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        nest(memory / "tree", 3)
        for path in sorted((memory / "tree").rglob("directory"), reverse=True):
            path.chmod(0)
        (memory / "tree").chmod(0o555)
        remove_tree(memory / "tree")
    finally:
        os.seteuid(user)
    assert list(memory.iterdir()) == []


def test_a_walk_goes_so_deep_and_no_deeper(memory: Path) -> None:
    nest(memory / "tree", DEPTH_MAX)
    assert len(list(files_below(memory, "tree"))) == DEPTH_MAX
    nest(memory / "deeper", 3_000)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TooDeep):
        list(files_below(memory, "deeper"))
    with pytest.raises(PhaseFailed, match="nested more than"):
        give(memory / "deeper", None)
    assert len(os.listdir("/proc/self/fd")) == before
    remove_tree(memory / "deeper")


def test_a_walk_is_in_order_and_follows_no_link(tmp_path: Path) -> None:
    for name in ("b/c", "a", "b/d"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    (tmp_path / "b" / "link").symlink_to(tmp_path)
    top = os.open(tmp_path, os.O_RDONLY)
    try:
        found = [(path, folders, files) for path, folders, files, _ in walk(top)]
    finally:
        os.close(top)
    assert found == [
        (".", ["a", "b"], []),
        ("./a", [], ["file"]),
        ("./b", ["c", "d"], ["link"]),
        ("./b/c", [], ["file"]),
        ("./b/d", [], ["file"]),
    ]
