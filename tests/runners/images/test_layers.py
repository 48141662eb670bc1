"""Layers of images: what they may do to what is below them, and what they may not do to anybody else."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from tests.runners.images.made import Entry, directory, entry, layer, link

from strongroom.runners.images.bounds import Bounds
from strongroom.runners.images.layers import apply_layer
from strongroom.runners.images.refusals import ImageRefused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("not the image's")
    return made


def lay(root: Path, *entries: Entry, bounds: Bounds | None = None) -> None:
    apply_layer(root, io.BytesIO(layer(*entries)), bounds or Bounds())


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_files_directories_and_links(root: Path) -> None:
    lay(
        root,
        directory("./"),
        directory("usr/bin"),
        entry("usr/bin/run", "#!/bin/sh\n", mode=0o4755, mtime=1_000_000),
        entry("/etc/secret", "text", mode=0o600),
        link("bin", "usr/bin"),
        link("etc/again", "etc/secret", hard=True),
    )
    assert names(root) == ["bin", "etc", "etc/again", "etc/secret", "usr", "usr/bin", "usr/bin/run"]
    run = (root / "usr/bin/run").stat()
    # A job has one user: what only an owner might read or become is for everybody, or not at all.
    assert (run.st_mode & 0o7777, run.st_mtime) == (0o755, 1_000_000)
    assert (root / "etc/secret").stat().st_mode & 0o7777 == 0o644
    assert os.path.samefile(root / "etc/again", root / "etc/secret")
    assert os.readlink(root / "bin") == "usr/bin"


def test_upper_layers_replace_and_remove(root: Path) -> None:
    lay(root, entry("a/one", "1"), entry("a/two", "2"), entry("b/deep/old", "o"), entry("c", "file"), directory("d"))
    lay(
        root,
        entry("a/.wh.one"),
        entry("b/deep/new", "n"),
        entry("b/.wh..wh..opq"),
        directory("c"),
        entry("d", "now a file"),
        entry("a/.wh.never-there"),
    )
    assert names(root) == ["a", "a/two", "b", "b/deep", "b/deep/new", "c", "d"]
    assert (root / "c").is_dir()
    assert (root / "d").read_text() == "now a file"


def test_a_link_is_followed_within_the_image_alone(root: Path) -> None:
    outside = root.parent / "outside"
    lay(root, link("absolute", str(outside)), link("up", "../outside"), link("usr", "real"), directory("real"))
    lay(root, entry("absolute/file", "a"), entry("up/file", "u"), entry("usr/file", "of usr"))
    assert (outside / "file").read_text() == "not the image's"
    assert (root / str(outside).lstrip("/") / "file").read_text() == "a"
    assert (root / "outside" / "file").read_text() == "u"
    assert (root / "real" / "file").read_text() == "of usr"
    lay(root, link("file", str(outside / "file")))
    lay(root, entry("file", "replaced"))
    assert (outside / "file").read_text() == "not the image's"
    lay(root, entry("absolute/.wh.file"), entry("up/.wh..wh..opq"))
    assert (outside / "file").exists()


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../outside/file", "x")],
        [entry("a/../../outside/file", "x")],
        [link("file", "../outside/file", hard=True)],
        [link("file", "never-there", hard=True)],
        [link("up", "../outside"), link("file", "up/file", hard=True)],
        [directory("d"), link("d2", "d", hard=True)],
        [entry("file", "x"), entry("file/below", "x")],
        [link("a", "b"), link("b", "a"), entry("a/file", "x")],
        [entry(".wh...", "x")],
        [entry("a/.wh..", "x")],
    ],
)
def test_what_leads_out_or_nowhere_is_refused(root: Path, entries: list[Entry]) -> None:
    with pytest.raises(ImageRefused):
        lay(root, *entries)
    assert (root.parent / "outside" / "file").read_text() == "not the image's"
    assert sorted(path.name for path in root.parent.iterdir()) == ["outside", "root"]


def test_devices_are_left_out(root: Path) -> None:
    kinds = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    lay(root, *(entry(f"dev/{number}", kind=kind, devmajor=1, devminor=3) for number, kind in enumerate(kinds)))
    assert names(root) == []


def test_no_more_than_is_allowed(root: Path) -> None:
    with pytest.raises(ImageRefused, match="too large"):
        lay(root, entry("big", b"x" * 1001), bounds=Bounds(unpacked_bytes=1000))
    with pytest.raises(ImageRefused, match="too many files"):
        lay(root, *(entry(str(number)) for number in range(4)), bounds=Bounds(entries=3))
    with pytest.raises(ImageRefused, match="too long"):
        lay(root, entry("file", "x"), bounds=Bounds(seconds=-1.0))
    given_up = Bounds()
    given_up.give_up.set()
    with pytest.raises(ImageRefused, match="not wanted"):
        lay(root, entry("file", "x"), bounds=given_up)


def test_a_header_without_end_is_not_read(root: Path) -> None:
    huge = tarfile.TarInfo("././@PaxHeader")
    huge.type, huge.size = tarfile.XHDTYPE, 1 << 40
    with pytest.raises(ImageRefused, match="cannot be read"):
        apply_layer(root, io.BytesIO(huge.tobuf() + bytes(1024)), Bounds())


@pytest.mark.parametrize("content", [b"no archive at all" * 100, layer(entry("file", b"x" * 5000))[:2000]])
def test_what_is_no_layer_is_refused(root: Path, content: bytes) -> None:
    with pytest.raises(ImageRefused):
        apply_layer(root, io.BytesIO(content), Bounds())
