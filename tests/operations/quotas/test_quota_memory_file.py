"""The file of the buckets' memory: where it is, whose it is, and what becomes of it."""

import os
from pathlib import Path

import pytest

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import KeyringRow
from strongroom.operations.quotas import memory_file
from strongroom.operations.quotas.memory import FILE_BYTES, BucketName
from strongroom.operations.quotas.memory_file import ServedMemory, look_at_memory, memory_path

NAME = BucketName("kms/L-6E3AF000", "111122223333", "us-east-1")
ROWS = [KeyringRow(1, 0, "key-file:0123", "", b"wrapped")]
OTHER_ROWS = [KeyringRow(1, 0, "key-file:0123", "", b"wrapped otherwise")]


def test_the_only_server_keeps_it_beside_its_database(tmp_path: Path) -> None:
    assert memory_path(Configuration(data=tmp_path), ROWS).parent == tmp_path


def test_servers_on_one_database_meet_in_a_directory_of_their_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_file, "_MEMORY_DIRECTORY", tmp_path)
    one = Configuration(data=tmp_path / "one", database="postgresql://host/a")
    two = Configuration(data=tmp_path / "two", database="postgresql://127.0.0.1/a")
    path = memory_path(one, ROWS)
    assert path == memory_path(two, ROWS)
    assert path != memory_path(two, OTHER_ROWS)
    assert path.parent == tmp_path / f"strongroom-{os.getuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("trouble", ["open to others", "a link", "a file"])
def test_a_directory_that_is_not_theirs_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(memory_file, "_MEMORY_DIRECTORY", tmp_path)
    directory = tmp_path / f"strongroom-{os.getuid()}"
    if trouble == "open to others":
        directory.mkdir()
        directory.chmod(0o750)
    elif trouble == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        directory.symlink_to(tmp_path / "elsewhere")
    else:
        directory.touch(mode=0o600)
    with pytest.raises(OperatorError, match=str(directory)):
        memory_path(Configuration(data=tmp_path, database="postgresql://host/a"), ROWS)


def test_it_is_for_its_user_only_and_has_all_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "quotas"
    path.touch(mode=0o644)
    served = ServedMemory(path, is_shared=False)
    found = path.stat()
    assert (found.st_mode & 0o777, found.st_size) == (0o600, FILE_BYTES)
    assert found.st_blocks * 512 >= FILE_BYTES
    served.leave()


def test_the_only_server_begins_afresh(tmp_path: Path) -> None:
    path = tmp_path / "quotas"
    served = ServedMemory(path, is_shared=False)
    assert served.memory.take(served.memory.find(NAME, 0.001))
    served.leave()
    assert path.exists()
    served = ServedMemory(path, is_shared=False)
    assert served.memory.uses() == []
    assert served.memory.take(served.memory.find(NAME, 0.001))
    served.leave()


def test_who_comes_later_finds_it_as_it_is_and_the_last_one_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "quotas"
    first = ServedMemory(path, is_shared=True)
    assert first.memory.take(first.memory.find(NAME, 0.001))
    second = ServedMemory(path, is_shared=True)
    assert second.memory.take(second.memory.find(NAME, 0.001)) is False
    first.leave()
    third = ServedMemory(path, is_shared=True)
    assert third.memory.take(third.memory.find(NAME, 0.001)) is False
    second.leave()
    third.leave()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_servers_left_is_removed_and_what_others_use_is_not(tmp_path: Path) -> None:
    used = ServedMemory(tmp_path / "used.quotas-1.shm", is_shared=True)
    for name in ("left.quotas-1.shm", "left.quotas-1.shm.users"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "something else").touch()
    served = ServedMemory(tmp_path / "new.quotas-1.shm", is_shared=True)
    shared = {f"{name}.quotas-1.shm{suffix}" for name in ("used", "new") for suffix in ("", ".users")}
    assert {path.name for path in tmp_path.iterdir()} == shared | {"something else"}
    used.leave()
    served.leave()
    assert {path.name for path in tmp_path.iterdir()} == {"something else"}


@pytest.mark.parametrize("is_shared", [False, True])
def test_what_is_no_file_of_ours_is_refused(tmp_path: Path, is_shared: bool) -> None:
    path = tmp_path / "quotas"
    (tmp_path / "target").touch()
    path.symlink_to(tmp_path / "target")
    with pytest.raises(OperatorError, match="quotas"):
        ServedMemory(path, is_shared=is_shared)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OperatorError, match="is not a file"):
        ServedMemory(path, is_shared=is_shared)
    path.unlink()
    path.mkdir()
    with pytest.raises(OperatorError, match="quotas"):
        ServedMemory(path, is_shared=is_shared)


def test_a_look_takes_nothing_and_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "quotas"
    assert look_at_memory(path) is None
    path.write_bytes(b"something else")
    assert look_at_memory(path) is None
    served = ServedMemory(path, is_shared=False)
    assert served.memory.take(served.memory.find(NAME, 5))
    seen = look_at_memory(path)
    assert seen is not None
    assert [(use.name, use.taken) for use in seen.uses()] == [(NAME, 1)]
    generation = served.memory.generation
    seen.announce_change()
    assert served.memory.generation != generation
    seen.close()
    served.leave()
