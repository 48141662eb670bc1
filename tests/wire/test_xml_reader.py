"""XML from strangers: what is read of it, and what is refused."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.wire.xml import escaped, escaped_attribute
from strongroom.wire.xml_reader import attributes_max, elements_max, levels_max, read_xml


def test_names_attributes_children_and_text() -> None:
    root = read_xml(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a comment --><a:Root xmlns:a="urn:a" xmlns="urn:b">'
        b'<One xsi:type="T">1 &lt; 2 &amp;&#x41;</One><Two/><Two><![CDATA[<raw>]]></Two></a:Root>'
    )
    assert root.name == "Root"
    assert [child.name for child in root.children] == ["One", "Two", "Two"]
    assert root.children[0].attributes == {"type": "T"}
    assert [child.text for child in root.children] == ["1 < 2 &A", "", "<raw>"]


BILLION = (
    b'<!DOCTYPE l [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><l>&j;</l>"
)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b" ",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a/>junk",
        b"text",
        b"<a>&unknown;</a>",
        b"<a b='1' b='2'/>",
        b"<a>\x00</a>",
        b"<a>\xff</a>",
        b"<a>&#0;</a>",
        b"<a>\xed\xa0\x80</a>",
        "<a/>".encode("utf-16"),
        '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]><a/>',
        BILLION,
        b"<a>" * (levels_max + 1) + b"</a>" * (levels_max + 1),
        b"<a>" * 1_000_000,
        b"<a>" + b"<b/>" * (elements_max + 1) + b"</a>",
        b"<a " + b" ".join(b"x%d='1'" % n for n in range(attributes_max + 1)) + b"/>",
    ],
)
def test_what_is_refused(document: bytes) -> None:
    started = time.thread_time()
    with pytest.raises(ValueError):
        read_xml(document)
    assert time.thread_time() - started < 5


def test_what_a_document_says_of_its_encoding_is_not_believed() -> None:
    text = read_xml('<?xml version="1.0" encoding="ISO-8859-1"?><a>\u00e9</a>'.encode()).text
    assert text == "\u00e9"


@pytest.mark.parametrize("levels", [1, levels_max])
def test_up_to_the_limit(levels: int) -> None:
    element = read_xml(b"<a>" * levels + b"</a>" * levels)
    for _ in range(levels - 1):
        (element,) = element.children
    assert element.children == []


# XML 1.0 has no other characters.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_what_is_written_is_read(text: str) -> None:
    written = f'<a b="{escaped_attribute(text)}">{escaped(text)}</a>'.encode()
    root = read_xml(written)
    assert root.text == text
    assert root.attributes["b"] == text
