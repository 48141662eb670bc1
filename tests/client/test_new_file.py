"""Files that appear whole, with and without a kernel that has unnamed ones."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.client.new_file import NotReplaced, new_file


@pytest.fixture(params=["unnamed", "hidden", "hidden, and no links"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the file system can do."""
    if request.param != "unnamed":
        monkeypatch.delattr(os, "O_TMPFILE")
    if "no links" in request.param:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", refuse)
    return str(request.param)


def fill(target: Path, then: Callable[[], object], *, replaces: bool = False) -> None:
    with new_file(target, 0o600, replaces=replaces) as file:
        file.write(b"mine")
        then()


def test_it_appears_in_the_end(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    with new_file(target, 0o600, replaces=False) as file:
        file.write(b"content")
        assert not target.exists()
        assert len(os.listdir(tmp_path)) == (0 if kind == "unnamed" else 1)
    assert target.read_bytes() == b"content"
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["target"]


def test_a_large_one_is_put_on_disk_as_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _, start, length, advice: begun.append((start, length)))
    content = os.urandom(1_000)
    monkeypatch.setattr("strongroom.client.new_file.BEGUN_BYTES", 300)
    with new_file(tmp_path / "target", 0o600, replaces=False) as file:
        for start in range(0, 1_000, 100):
            assert file.write(memoryview(content)[start : start + 100]) == 100
    assert (tmp_path / "target").read_bytes() == content
    assert begun == [(0, 300), (300, 300), (600, 300)]


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("replaces", [False, True])
def test_what_is_there_stays_unless_it_is_replaced(tmp_path: Path, replaces: bool) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"older")
    if not replaces:
        with pytest.raises(FileExistsError), new_file(target, 0o600, replaces=False):
            pytest.fail("told before the work")
    else:
        with new_file(target, 0o600, replaces=True) as file:
            file.write(b"newer")
            assert target.read_bytes() == b"older"
    assert target.read_bytes() == (b"newer" if replaces else b"older")
    assert os.listdir(tmp_path) == ["target"]


@pytest.mark.usefixtures("kind")
def test_a_name_that_is_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(FileExistsError):
        fill(target, lambda: target.write_bytes(b"another's"))
    assert target.read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["target"]


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("replaces", [False, True])
def test_an_error_leaves_nothing(tmp_path: Path, replaces: bool) -> None:
    target = tmp_path / "target"
    with pytest.raises(ZeroDivisionError):
        fill(target, lambda: 1 // 0, replaces=replaces)
    assert os.listdir(tmp_path) == []


def make(what: str, target: Path) -> None:
    """Put something that is no regular file in the place."""
    if what == "pipe":
        os.mkfifo(target)
    elif what == "folder":
        target.mkdir()
    else:
        target.symlink_to(target.parent / "elsewhere" if what == "link" else os.devnull)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("what", ["link", "link to a device", "pipe", "folder"])
def test_what_is_no_regular_file_stays(tmp_path: Path, what: str, replaces: bool) -> None:
    elsewhere, target = tmp_path / "elsewhere", tmp_path / "target"
    elsewhere.write_bytes(b"precious")
    make(what, target)
    kind_before = target.lstat().st_mode
    with pytest.raises(NotReplaced), new_file(target, 0o600, replaces=replaces):
        pytest.fail("told before the work")
    target.rmdir() if what == "folder" else target.unlink()
    # The same when it comes meanwhile.
    with pytest.raises(FileExistsError):
        fill(target, lambda: make(what, target), replaces=replaces)
    assert target.lstat().st_mode == kind_before
    assert elsewhere.read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "target"]
