import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.base.errors import OperatorError
from strongroom.envelope.root import KeyFileRoot
from strongroom.envelope.root.key_file import FILE_BYTES_MAX, decode, encode

KEY = bytes(range(32))
LINE = encode(KEY).decode()


def write(path, content: str, mode: int = 0o600):
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_new_file_is_one_private_line(tmp_path):
    path = tmp_path / "root.key"
    previous = os.umask(0)
    try:
        source = KeyFileRoot.create(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1
    assert re.fullmatch(r"strongroom-root-key:v1:[0-9a-f]{64}:[0-9a-f]{8}\n", path.read_text())
    assert os.listdir(tmp_path) == ["root.key"]
    assert KeyFileRoot.load(path).fingerprint == source.fingerprint


def test_missing_directories_are_made_private(tmp_path):
    KeyFileRoot.create(tmp_path / "a" / "b" / "root.key")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_two_new_files_hold_two_keys(tmp_path):
    one, other = KeyFileRoot.create(tmp_path / "1"), KeyFileRoot.create(tmp_path / "2")
    assert one.fingerprint != other.fingerprint


def test_a_file_is_never_overwritten(tmp_path):
    path = write(tmp_path / "root.key", "precious")
    with pytest.raises(OperatorError, match="exists already"):
        KeyFileRoot.create(path)
    dangling = tmp_path / "link"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OperatorError, match="exists already"):
        KeyFileRoot.create(dangling)
    assert path.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["link", "root.key"]


def test_of_many_that_make_the_file_at_once_one_wins(tmp_path):
    path = tmp_path / "root.key"

    def make(_: int) -> str:
        try:
            return KeyFileRoot.create(path).fingerprint
        except OperatorError as error:
            return str(error)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(make, range(8)))
    made = [result for result in results if result.startswith("key-file:")]
    assert made == [KeyFileRoot.load(path).fingerprint]
    assert all("exists already" in result for result in results if result not in made)
    assert os.listdir(tmp_path) == ["root.key"]


def test_a_directory_that_cannot_be_made(tmp_path):
    write(tmp_path / "file", "")
    with pytest.raises(OperatorError, match="cannot be made: Not a directory"):
        KeyFileRoot.create(tmp_path / "file" / "root.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o601, 0o777])
def test_a_file_open_to_others_is_refused_with_the_remedy(tmp_path, mode):
    path = write(tmp_path / "root.key", LINE, mode)
    with pytest.raises(OperatorError) as refusal:
        KeyFileRoot.load(path)
    assert f"(mode {mode:04o}): run chmod 600 {path}" in str(refusal.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read(tmp_path, mode):
    assert KeyFileRoot.load(write(tmp_path / "root.key", LINE, mode)).fingerprint.startswith("key-file:")


def test_a_link_to_a_private_file_is_read(tmp_path):
    write(tmp_path / "root.key", LINE)
    (tmp_path / "link").symlink_to("root.key")
    assert KeyFileRoot.load(tmp_path / "link").fingerprint == KeyFileRoot.load(tmp_path / "root.key").fingerprint


def test_a_file_inside_the_data_directory_is_refused(tmp_path):
    data = tmp_path / "data"
    (data / "keys").mkdir(parents=True)
    inside = write(data / "keys" / "root.key", LINE)
    with pytest.raises(OperatorError, match="lies inside the data directory"):
        KeyFileRoot.load(inside, outside=data)
    with pytest.raises(OperatorError, match="lies inside the data directory"):
        KeyFileRoot.create(data / "new" / "root.key", outside=data)
    assert not (data / "new").exists()
    link = tmp_path / "link"
    link.symlink_to(inside)
    with pytest.raises(OperatorError, match="lies inside the data directory"):
        KeyFileRoot.load(link, outside=data)
    (tmp_path / "alias").symlink_to(data)
    with pytest.raises(OperatorError, match="lies inside the data directory"):
        KeyFileRoot.load(inside, outside=tmp_path / "alias")
    assert KeyFileRoot.load(inside).fingerprint == KeyFileRoot.load(inside, outside=tmp_path / "other").fingerprint
    assert KeyFileRoot.create(tmp_path / "data.key", outside=data).fingerprint


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(OperatorError, match="there is no root key file"):
        KeyFileRoot.load(tmp_path / "absent")
    with pytest.raises(OperatorError, match="not a regular file"):
        KeyFileRoot.load(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(OperatorError, match="not a regular file"):
        KeyFileRoot.load(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "does not hold a line"),
        ("hello\n", "does not hold a line"),
        (LINE[:40], "cut off"),
        (LINE[:-3], "cut off"),
        (LINE + LINE, "longer than it should be"),
        (LINE.strip() + "0\n", "longer than it should be"),
        (LINE.replace(":v1:", ":v2:"), "version 2"),
        (LINE.replace("1f:", "1e:"), "a digit is wrong"),
        ("x" * (FILE_BYTES_MAX + 1), "larger than"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    with pytest.raises(OperatorError, match=message) as refusal:
        KeyFileRoot.load(write(tmp_path / "root.key", content))
    assert KEY.hex()[:16] not in str(refusal.value)


@given(key=st.binary(min_size=32, max_size=32))
def test_a_key_comes_back(key):
    assert decode(encode(key)) == key
    assert decode(b"\n " + encode(key).strip() + b"\r\n") == key


@given(key=st.binary(min_size=32, max_size=32), position=st.integers(23, 94), digit=st.sampled_from("0123456789abcdef"))
def test_a_mistyped_digit_is_found(key, position, digit):
    line = encode(key).decode()
    changed = line[:position] + digit + line[position + 1 :]
    if changed == line:
        assert decode(changed.encode()) == key
    else:
        with pytest.raises(ValueError):
            decode(changed.encode())
