import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.crypto.stream import SEGMENT_BYTES_MAX, SEGMENTS_MAX
from strongroom.envelope.stream_layout import StreamLayout

layouts = st.builds(StreamLayout, segment_bytes=st.integers(1, 64), layers=st.integers(1, 2))


@given(layout=layouts, plaintext_bytes=st.integers(0, 100_000))
@settings(deadline=None)
def test_sizes_go_both_ways(layout, plaintext_bytes):
    stored = layout.stored_bytes(plaintext_bytes)
    assert layout.plaintext_bytes(stored) == plaintext_bytes
    segments = layout.segments(plaintext_bytes)
    assert layout.segment_offset(segments - 1) < stored <= layout.segment_offset(segments)


@given(layout=layouts, stored_bytes=st.integers(-10, 600))
@settings(deadline=None)
def test_a_size_that_no_object_has_is_refused(layout, stored_bytes):
    try:
        plaintext_bytes = layout.plaintext_bytes(stored_bytes)
    except ValueError:
        assert not any(layout.stored_bytes(n) == stored_bytes for n in range(max(0, stored_bytes)))
    else:
        assert layout.stored_bytes(plaintext_bytes) == stored_bytes


def test_an_object_of_five_tebibytes_fits():
    layout = StreamLayout()
    assert layout.segments(5 * 2**40) < SEGMENTS_MAX
    with pytest.raises(ValueError):
        layout.stored_bytes(SEGMENTS_MAX * layout.segment_bytes + 1)
    with pytest.raises(ValueError):
        layout.segments(-1)


@pytest.mark.parametrize(("segment_bytes", "layers"), [(0, 1), (SEGMENT_BYTES_MAX, 1), (16, 0), (16, 3)])
def test_what_cannot_be_is_refused(segment_bytes, layers):
    with pytest.raises(ValueError):
        StreamLayout(segment_bytes, layers)
