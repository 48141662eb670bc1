"""Layers of images: what they may do to what is below them, and what they may not do to anybody else."""

import io
import os
import tarfile
import time
import tracemalloc
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


def raw(kind: bytes, content: bytes) -> bytes:
    """Return an entry as it is in an archive."""
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, len(content)
    return member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def pax(**records: str) -> bytes:
    content = b""
    for name, value in records.items():
        told = f" {name.replace('__', '.')}={value}\n".encode()
        length = len(told) + len(str(len(told) + 1))
        length = len(told) + len(str(length))
        content += str(length).encode() + told
    return raw(tarfile.XHDTYPE, content)


@pytest.mark.parametrize(
    "content",
    [
        pax(mtime="inf") + raw(tarfile.REGTYPE, b"x"),
        pax(mtime="1") * 2_000 + raw(tarfile.REGTYPE, b"x"),
        raw(tarfile.GNUTYPE_LONGNAME, b"x") * 2_000 + raw(tarfile.REGTYPE, b"x"),
        pax(GNU__sparse__major="1", GNU__sparse__minor="0") + raw(tarfile.REGTYPE, b"1\n" * 256),
        pax(GNU__sparse__map="0,1") + raw(tarfile.REGTYPE, b"x"),
        raw(tarfile.GNUTYPE_SPARSE, b"x"),
        raw(tarfile.XHDTYPE, b"9" * 300_000) + raw(tarfile.REGTYPE, b"x"),
        raw(tarfile.XHDTYPE, b"1 " * 100_000) + raw(tarfile.REGTYPE, b"x"),
        raw(tarfile.XHDTYPE, b"10 mtime=1") + raw(tarfile.REGTYPE, b"x"),
        pax(size="-5") + raw(tarfile.REGTYPE, b"x"),
        pax(path="x" * 40_000) + raw(tarfile.REGTYPE, b"x"),
    ],
)
def test_headers_that_would_cost_too_much_are_refused(root: Path, content: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(ImageRefused):
        apply_layer(root, io.BytesIO(content + bytes(1024)), Bounds())
    assert time.thread_time() - began < 1


def test_headers_are_not_kept(root: Path) -> None:
    content = (pax(linkpath="x" * 20_000, path="a") + raw(tarfile.REGTYPE, b"x")) * 300 + bytes(1024)
    tracemalloc.start()
    try:
        apply_layer(root, io.BytesIO(content), Bounds())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert names(root) == ["a"]
    assert peak < 3_500_000


def test_what_pax_says_of_a_file(root: Path) -> None:
    deep = "/".join(["ü" * 60] * 4)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "all"}) as packing:
        for name in (deep, "next"):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = 3, 7.5
            member.pax_headers = {"SCHILY.xattr.user.a": "x\ny=z"}
            packing.addfile(member, io.BytesIO(b"abc"))
    sized = pax(path="sized", size="5") + tarfile.TarInfo("x").tobuf() + b"12345".ljust(512, b"\0")
    apply_layer(root, io.BytesIO(sized + made.getvalue()), Bounds())
    assert [(root / name).read_text() for name in (deep, "next", "sized")] == ["abc", "abc", "12345"]
    assert (root / deep).stat().st_mtime == 7.5


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
