"""Archives of caches, unpacked by a server that may be root over what somebody else's commands left."""

import io
import os
import tarfile
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from strongroom.services.codebuild.running.artifacts import NoDirectory
from strongroom.services.codebuild.running.caches import archives
from strongroom.services.codebuild.running.caches.archives import CacheBroken, pack, unpack
from strongroom.services.codebuild.running.caches.keys import hash_of, with_hashes
from strongroom.services.codebuild.running.caches.places import CachedPlace, place_of


@pytest.fixture
def room(tmp_path: Path) -> Any:
    """A room in which nothing runs."""
    output = tmp_path / "output"
    (output / "build" / "src1" / "src").mkdir(parents=True)
    (output / "home").mkdir()
    (tmp_path / "away").mkdir()

    def below_output(path: str) -> str:
        for top, name in (("/root", "home"), ("/codebuild/output", "build")):
            if path == top or path.startswith(f"{top}/"):
                return name + path[len(top) :]
        raise NoDirectory

    return SimpleNamespace(
        output=output,
        name="src1",
        directory="/codebuild/output/src1/src",
        sandbox=SimpleNamespace(owner=None),
        below_output=below_output,
    )


def packed(*members: tuple[str, bytes | str]) -> io.BytesIO:
    """Return an archive of files (bytes) and of links (text)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packing:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                packing.addfile(member)
            else:
                member.size = len(content)
                packing.addfile(member, io.BytesIO(content))
    made.seek(0)
    return made


def test_no_link_leads_a_file_out(room: Any) -> None:
    away = room.output.parent / "away"
    (away / "file").write_text("another's")
    sources = room.output / "build" / "src1" / "src"
    (sources / "planted").symlink_to(away)
    (sources / "file").symlink_to(away / "file")
    (sources / "directory").mkdir()
    content = packed(
        ("sources/src/planted/new", b"x"),
        ("sources/src/planted/deep/new", b"x"),
        ("sources/src/file", b"in its place"),
        ("sources/src/directory", b"x"),
        ("sources/src/brought", str(away)),
        ("sources/src/brought/new", b"x"),
    )
    unpack(room, content, Event())
    assert {path.name: path.read_text() for path in away.iterdir()} == {"file": "another's"}
    assert (sources / "file").read_text() == "in its place"
    assert not (sources / "file").is_symlink()
    assert (sources / "directory").is_dir()
    assert os.readlink(sources / "brought") == str(away)


@pytest.mark.parametrize(
    "name", ["../x", "sources/../../x", "/etc/x", "kept/env.sh", "build/src1/x", "sources", "x", "home/.."]
)
def test_what_has_no_place_is_left_out(room: Any, name: str) -> None:
    before = sorted(room.output.parent.rglob("*"))
    unpack(room, packed((name, b"x")), Event())
    assert sorted(room.output.parent.rglob("*")) == before


def test_what_is_no_archive_or_has_no_end(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = packed(("home/file", os.urandom(5000))).getvalue()
    for content in (b"", b"nothing", whole[:1000]):
        with pytest.raises(CacheBroken):
            unpack(room, io.BytesIO(content), Event())
    monkeypatch.setattr(archives, "CACHE_BYTES_MAX", 4999)
    with pytest.raises(CacheBroken, match="more than"):
        unpack(room, io.BytesIO(whole), Event())
    (room.output / "home" / "file").write_bytes(bytes(5000))
    with pytest.raises(CacheBroken, match="more than"):
        pack(room, [CachedPlace("home", "")], room.output.parent / "made.tar.gz")


def test_what_is_no_file_is_not_unpacked_for_ever(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packing:
        member = tarfile.TarInfo("home/file")
        member.type, member.size = b"Z", 100_000
        packing.addfile(member, io.BytesIO(bytes(100_000)))
    monkeypatch.setattr(archives, "_OTHER_BYTES_MAX", 20_000)
    with pytest.raises(CacheBroken, match="more in it than files"):
        unpack(room, io.BytesIO(made.getvalue()), Event(), 20_000)
    with pytest.raises(CacheBroken, match="more than 20,000 bytes"):
        unpack(room, packed(("home/file", bytes(20_001))), Event(), 20_000)


def test_a_build_that_ends_gets_no_more_files(room: Any) -> None:
    ended = Event()
    ended.set()
    with pytest.raises(CacheBroken, match="the build ends"):
        unpack(room, packed(("home/file", b"x")), ended)
    assert not list((room.output / "home").iterdir())


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/root/.m2/**/*", CachedPlace("home/.m2", "home/.m2/**/*")),
        ("~/.m2", CachedPlace("home/.m2", "")),
        ("made/./*.o", CachedPlace("build/src1/src/made", "build/src1/src/made/*.o")),
        ("/codebuild/output/src1/second", CachedPlace("build/src1/second", "")),
        *((path, None) for path in ("/etc", "/codebuild/output/kept/*", "/codebuild/output/*", "../../x", "/rooted")),
    ],
)
def test_places(room: Any, path: str, place: CachedPlace | None) -> None:
    assert place_of(room, path) == place


def test_hashes_in_keys(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("lock", "deep/lock", "other"):
        (tmp_path / name).write_text(name)
    one, all_of_them = hash_of(tmp_path, ["lock"]), hash_of(tmp_path, ["**/lock"])
    assert with_hashes("a-$(codebuild-hash-files lock)-$(codebuild-hash-files '**/lock')", tmp_path) == (
        f"a-{one}-{all_of_them}"
    )
    assert one != all_of_them != hash_of(tmp_path, [])
    assert with_hashes("$( codebuild-hash-files)", tmp_path) == hash_of(tmp_path, [])
    spaces = "$(codebuild-hash-files" + " " * 3_000 + "$"
    for text in ("$(codebuild-hash-files $(id))", "$(codebuild-hash-files a; id)", "$(date)", spaces):
        assert with_hashes(text, tmp_path) == text
    with pytest.raises(ValueError, match="more than"):
        with_hashes(spaces * 2, tmp_path)
    (tmp_path / "lock").write_text("changed")
    assert hash_of(tmp_path, ["lock"]) != one
    (tmp_path / "lock").unlink()
    (tmp_path / "lock").symlink_to("/etc/passwd")
    assert hash_of(tmp_path, ["lock"]) == hash_of(tmp_path, [])
