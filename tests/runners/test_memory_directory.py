"""Directories in memory: what dead servers left is removed, and nothing else."""

from pathlib import Path

from strongroom.runners.memory_directory import MemoryDirectory, sweep


def test_a_sweep_takes_what_nobody_holds_and_leaves_what_is_not_its_own(tmp_path: Path) -> None:
    living = MemoryDirectory(tmp_path)
    dead = tmp_path / f"strongroom-{'0123456789abcdef'}"
    others = [tmp_path / "strongroom-0", tmp_path / "strongroom-bench", tmp_path / "other"]
    for path in (dead, *others):
        path.mkdir()
        (path / "file").write_text("kept")
    sweep(tmp_path)
    assert not dead.exists()
    assert living.path.exists()
    assert [path.exists() for path in others] == [True] * 3
    living.remove()
