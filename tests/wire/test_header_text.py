"""Text in headers: nothing that a client stores may break the head of an answer apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.wire.header_text import header_value, metadata_value, text_of_header


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("plain", b"plain"),
        ("! \"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\t", b"! \"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\t"),
        ("_\u00e9_", b"_\xe9_"),
        ("non-ascii-\u2014", b"non-ascii-%E2%80%94"),
        ("a\r\nSet-Cookie: x", b"a%0D%0ASet-Cookie: x"),
        ("\0\x7f\x85", b"%00%7F%C2%85"),
    ],
)
def test_system_headers(text: str, header: bytes) -> None:
    assert header_value(text) == header


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("plain", b"plain"),
        ("=?UTF-8?B?YWJj?=", b"=?UTF-8?B?YWJj?="),
        ("\u00c4M\u00c4Z\u00d5\u00d1 S3", b"=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        (
            "test_\u2014_file%E2%80%94_\u00e9_2\U0001f451.pdf",
            b"=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?=",
        ),
        ("\0\1\2\3\4", b"=?UTF-8?B?AAECAwQ=?="),
        ("a\r\nSet-Cookie: x", b"=?UTF-8?B?YQ0KU2V0LUNvb2tpZTogeA==?="),
    ],
)
def test_metadata(text: str, header: bytes) -> None:
    assert metadata_value(text) == header


@given(st.text())
def test_no_text_has_a_line_break(text: str) -> None:
    for written in (header_value(text), metadata_value(text)):
        assert not any(byte in b"\r\n\0" for byte in written)


@pytest.mark.parametrize(
    ("value", "text"), [(b" padded ", "padded"), ("\u00e9".encode(), "\u00e9"), (b"\xe9", "\u00e9"), (b"", "")]
)
def test_what_clients_send(value: bytes, text: str) -> None:
    assert text_of_header(value) == text
