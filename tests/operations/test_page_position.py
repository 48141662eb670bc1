"""Where a page begins, as text: it comes back for the operation that gave it out, and for no other."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.operations.page_position import position_of, position_text

POSITIONS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1)


@given(POSITIONS, st.sampled_from([b"+/", b"-_"]))
def test_it_comes_back(position: str, altchars: bytes) -> None:
    assert position_of("ListKeys", position_text("ListKeys", position, altchars), altchars) == position


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "\u00e9",
        "AAAA",
        position_text("ListAliases", "alias/a"),
        position_text("ListKeys", ""),
        position_text("ListKeys", "a\x00"),
        base64.b64encode(base64.b64decode(position_text("ListKeys", "a")) + b"\xff").decode(),
    ],
)
def test_what_was_never_given_out(text: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        position_of("ListKeys", text)
