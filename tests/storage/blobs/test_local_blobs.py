import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.base.errors import OperatorError
from strongroom.storage.blobs.errors import BlobMissing, BlobsUnavailable
from strongroom.storage.blobs.local import LocalBlobs
from strongroom.storage.blobs.store import open_blob_store

DIES_WRITING = """
import os, signal, sys
from pathlib import Path
from strongroom.storage.blobs.local import LocalBlobs

writer = LocalBlobs(Path(sys.argv[1])).create()
writer.append(b"half written")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "blobs"


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_finished_blob_is_one_private_file_in_its_folder(directory: Path) -> None:
    blobs = LocalBlobs(directory)
    before = os.umask(0)
    try:
        writer = blobs.create()
        writer.append(b"content")
        writer.finish()
    finally:
        os.umask(before)
    path = directory / writer.name[:2] / writer.name
    assert files(directory) == [path]
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folders = [path for path in directory.rglob("*") if path.is_dir()]
    assert len(folders) == 256 + 2
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in [directory, *folders]} == {0o700}
    blobs.close()


def test_the_bytes_are_synced_before_the_name_and_the_name_before_it_returns(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def recorded(name: str) -> None:
        original = getattr(os, name)

        def call(*args: object) -> object:
            calls.append(name)
            return original(*args)

        monkeypatch.setattr(os, name, call)

    blobs = LocalBlobs(directory)
    writer = blobs.create()
    writer.append(b"content")
    for name in ("fdatasync", "rename", "fsync"):
        recorded(name)
    writer.finish()
    assert calls == ["fdatasync", "rename", "fsync"]


def test_what_a_killed_writer_left_is_swept_at_the_next_start(directory: Path) -> None:
    living = LocalBlobs(directory)
    writer = living.create()
    writer.append(b"of a writer that lives")
    subprocess.run([sys.executable, "-c", DIES_WRITING, str(directory)], check=False)
    assert len(files(directory)) == 2
    second = LocalBlobs(directory)
    assert second.swept_files == 1
    assert [path.read_bytes() for path in files(directory)] == [b"of a writer that lives"]
    writer.finish()
    assert second.open(writer.name).size() == 22
    second.close()
    second.close()
    living.close()
    assert list((directory / "unfinished").iterdir()) == []


def test_what_is_not_a_blob_is_left_alone(directory: Path) -> None:
    blobs = LocalBlobs(directory)
    for name in ("notes.txt", "unfinished/lost+found", "ab/README", "ab/" + "A" * 32):
        (directory / name).write_bytes(b"x")
    assert list(blobs.batches()) == []
    assert len(files(directory)) == 4
    assert LocalBlobs(directory).swept_files == 0


def test_a_symbolic_link_is_not_followed(directory: Path, tmp_path: Path) -> None:
    blobs = LocalBlobs(directory)
    name = "ab" * 16
    (tmp_path / "elsewhere").write_bytes(b"not a blob")
    (directory / name[:2] / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BlobsUnavailable):
        blobs.open(name)


def test_a_full_disk_is_an_outage_and_leaves_nothing(directory: Path) -> None:
    blobs = LocalBlobs(directory)
    writer = blobs.create()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(BlobsUnavailable, match="File too large"):
            writer.append(bytes(200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.discard()
    assert files(directory) == []


def test_a_folder_that_vanished_is_an_outage(directory: Path) -> None:
    blobs = LocalBlobs(directory)
    writer = blobs.create()
    writer.append(b"x")
    (directory / writer.name[:2]).rmdir()
    with pytest.raises(BlobsUnavailable):
        writer.finish()
    writer.discard()
    with pytest.raises(BlobsUnavailable):
        list(blobs.batches())
    with pytest.raises(BlobMissing):
        blobs.open(writer.name)


def test_an_open_blob_outlives_its_name(directory: Path) -> None:
    blobs = LocalBlobs(directory)
    writer = blobs.create()
    writer.append(b"content")
    writer.finish()
    reader = blobs.open(writer.name)
    blobs.delete(writer.name)
    buffer = bytearray(7)
    reader.read_into(0, memoryview(buffer))
    assert buffer == b"content"
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.size()


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OperatorError, match="cannot keep blobs in"):
        open_blob_store(tmp_path / "file")
    with pytest.raises(OperatorError, match="cannot keep blobs there"):
        open_blob_store("nonsense://bucket")


def test_places(tmp_path: Path) -> None:
    assert repr(open_blob_store(tmp_path / "blobs")) == f"LocalBlobs({str(tmp_path / 'blobs')!r})"
    assert repr(open_blob_store("memory:///")) == "ObjectStoreBlobs(MemoryStore)"
