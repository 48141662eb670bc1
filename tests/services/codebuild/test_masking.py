import base64
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.services.codebuild.masking import Masker

SECRET = "correct horse/battery+staple"


def masked(output: bytes, *values: str, size: int = 0) -> bytes:
    masker = Masker(values)
    pieces = [output] if not size else [output[at : at + size] for at in range(0, len(output), size)]
    return b"".join([masker.feed(piece) for piece in pieces]) + masker.close()


@pytest.mark.parametrize("size", [0, 1, 2, 7, 40])
@pytest.mark.parametrize(
    "told",
    [
        SECRET.encode(),
        base64.b64encode(SECRET.encode()),
        base64.b64encode(SECRET.encode() + b"\n"),
        base64.urlsafe_b64encode(SECRET.encode()),
        b"correct horse/\nbattery+staple",
        b"correct horse/\r\nbattery\r\n+staple",
        b"\n".join(bytes([byte]) for byte in SECRET.encode()),
        "\n".join(textwrap.wrap(base64.b64encode(SECRET.encode()).decode(), 10)).encode(),
    ],
)
def test_a_value_is_masked_however_it_is_told(told: bytes, size: int) -> None:
    assert masked(b"before " + told + b"\nafter\n", SECRET, size=size) == b"before ***\nafter\n"


def test_the_lines_of_a_value_with_several() -> None:
    key = "-----BEGIN-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END-----\n"
    assert masked(b"> hkiG9w0BAQEFAASC <\n", key) == b"> *** <\n"
    assert masked(f"{key}.\n".encode(), key) == b"***\n.\n"
    document = '{\n  "user": "app",\n  "password": "s3cr3t-word"\n}'
    assert masked(b"{ }\n", document) == b"{ }\n"


def test_values_that_overlap_leave_nothing() -> None:
    assert masked(b"-abcdefgh-", "abcdef", "defgh") == b"-***-"
    assert masked(b"-abababab-", "abab") == b"-***-"
    assert masked(b"xyxyz", "xyz") == b"xy***"


def test_only_what_may_be_a_value_is_held_back() -> None:
    masker = Masker([SECRET])
    assert masker.feed(b"a line\ncorr") == b"a line\n"
    assert masker.feed(b"ection\n") == b"correction\n"
    assert masker.close() == b""


def test_nothing_to_mask() -> None:
    assert masked(b"plain\n") == masked(b"plain\n", "") == b"plain\n"


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.text("abc\n", min_size=1, max_size=6), min_size=1, max_size=3),
    st.text("abc\nd", max_size=60),
    st.integers(1, 7),
)
def test_pieces_do_not_matter_and_no_value_stays(values: list[str], output: str, size: int) -> None:
    whole = masked(output.encode(), *values)
    assert masked(output.encode(), *values, size=size) == whole
    for value in values:
        joined = value.replace("\n", "").encode()
        if joined:
            assert all(joined not in part.replace(b"\n", b"") for part in whole.split(b"***"))
