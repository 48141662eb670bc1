"""Archives that customers upload: those that are taken, and those that are made to do harm."""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.services.lambda_.functions import archive

from strongroom.base.errors import AwsError
from strongroom.services.lambda_.zip_archives import UNZIPPED_BYTES_MAX, unpack, unzipped_size

NOT_UNZIPPED = "Could not unzip uploaded file. Please check your file, then try to upload again."
Fill = Callable[[zipfile.ZipFile], None]


def _made(fill: Fill) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        fill(made)
    return out.getvalue()


def _entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    entry.external_attr = mode << 16
    return entry


def _named(name: str) -> Fill:
    return lambda made: made.writestr(_entry(name), "content")


def _link(target: str, name: str = "link") -> Fill:
    return lambda made: made.writestr(_entry(name, stat.S_IFLNK | 0o777), target)


def _twice(made: zipfile.ZipFile) -> None:
    made.writestr(_entry("app.py"), "one")
    with pytest.warns(UserWarning, match="Duplicate"):
        made.writestr(_entry("app.py"), "two")


def _below_a_link(made: zipfile.ZipFile) -> None:
    _link("somewhere")(made)
    made.writestr(_entry("link/app.py"), "content")


def _encrypted() -> bytes:
    data = bytearray(archive())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = struct.pack("<H", 1)
    return bytes(data)


def _lies_about_its_size() -> bytes:
    """A bomb: a megabyte of zeros that says it is one byte."""
    data = bytearray(_made(lambda made: made.writestr(_entry("app.py"), bytes(1024 * 1024))))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<I", 1)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"no archive",
        archive()[:-30],
        archive()[:40] + b"damage" + archive()[46:],
        _made(_named("../app.py")),
        _made(_named("a/../../app.py")),
        _made(_named("/etc/passwd")),
        _made(_named("C:/app.py")),
        _made(_named("a\\..\\app.py")),
        _made(_named("./app.py")),
        _made(_named("a//b")),
        _made(_named("a" * 300)),
        _made(_link("/etc/passwd")),
        _made(_link("../outside")),
        _made(_link("../../outside", "a/link")),
        _made(_below_a_link),
        _made(_link("a/b/../../outside")),
        _made(lambda made: made.writestr(_entry("device", stat.S_IFCHR | 0o644), "")),
        _made(lambda made: [made.writestr(_entry(name), "x") for name in ("a", "a/b")] and None),
        _encrypted(),
        _lies_about_its_size(),
    ],
)
def test_what_would_lead_elsewhere_or_is_damaged_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(AwsError) as refusal:
        unzipped_size(data)
    assert (refusal.value.code, refusal.value.message) == ("InvalidParameterValueException", NOT_UNZIPPED)
    (tmp_path / "in").mkdir()
    with pytest.raises(Exception):  # noqa: B017 (whatever it is: nothing comes of it)
        unpack(data, tmp_path / "in")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(AwsError, match="Could not unzip"):
        unzipped_size(_made(_twice))


def test_sizes_have_limits() -> None:
    with pytest.raises(AwsError, match="non-empty zip"):
        unzipped_size(_made(lambda made: None))
    large = _made(lambda made: made.writestr(_entry("zeros"), bytes(UNZIPPED_BYTES_MAX // 8)))
    assert unzipped_size(large) == UNZIPPED_BYTES_MAX // 8
    data = bytearray(large)
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<I", UNZIPPED_BYTES_MAX + 1)
    with pytest.raises(AwsError, match=f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes"):
        unzipped_size(bytes(data))


def test_files_folders_and_links_are_unpacked(tmp_path: Path) -> None:
    def fill(made: zipfile.ZipFile) -> None:
        made.writestr(_entry("bootstrap", stat.S_IFREG | 0o775), "#!/bin/sh\n")
        made.writestr(_entry("package/", stat.S_IFDIR | 0o700), "")
        made.writestr(_entry("package/module.py", stat.S_IFREG | 0o600), "VALUE = 1\n")
        made.writestr(_entry("lib/current", stat.S_IFLNK | 0o777), "../package")

    data = _made(fill)
    assert unzipped_size(data) == len("#!/bin/sh\n") + len("VALUE = 1\n") + len("../package")
    unpack(data, tmp_path)
    assert (tmp_path / "bootstrap").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "package" / "module.py").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "lib" / "current" / "module.py").read_text() == "VALUE = 1\n"
    assert os.readlink(tmp_path / "lib" / "current") == "../package"
