import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.crypto.aead import TAG_BYTES
from strongroom.crypto.stream import SegmentOpener
from strongroom.envelope.sealed import SealBroken
from strongroom.envelope.stream_layout import LAYER_HEADER_BYTES, StreamLayout
from strongroom.envelope.streams import StreamOpener, StreamSealer, open_object, seal_object

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
PLACE = "arn:aws:s3:::bucket/key version 1"
SEGMENT = 16

plaintexts = st.binary(max_size=5 * SEGMENT)
layers = st.sampled_from([(ONE,), (ONE, TWO)])


@given(plaintext=plaintexts, keys=layers)
@settings(deadline=None)
def test_what_is_sealed_opens(plaintext, keys):
    sealed = seal_object(plaintext, keys, PLACE, SEGMENT)
    layout = StreamLayout(SEGMENT, len(keys))
    assert len(sealed) == layout.stored_bytes(len(plaintext))
    assert layout.plaintext_bytes(len(sealed)) == len(plaintext)
    assert open_object(sealed, keys, PLACE) == plaintext


@given(plaintext=st.binary(min_size=1, max_size=5 * SEGMENT), keys=layers, data=st.data())
@settings(deadline=None)
def test_any_range_is_the_slice_and_touches_its_own_segments_only(plaintext, keys, data):
    sealed = seal_object(plaintext, keys, PLACE, SEGMENT)
    start = data.draw(st.integers(0, len(plaintext) - 1))
    end = data.draw(st.integers(start + 1, len(plaintext)))
    layout = StreamLayout(SEGMENT, len(keys))
    opener = StreamOpener(sealed[: layout.header_bytes], keys, PLACE)
    first, last = start // SEGMENT, (end - 1) // SEGMENT
    stored = sealed[layout.segment_offset(first) : layout.segment_offset(last + 1)]
    segments = layout.segments(len(plaintext))
    size = layout.sealed_segment_bytes
    opened = b"".join(
        opener.open(first + n, stored[n * size : (n + 1) * size], is_last=first + n == segments - 1)
        for n in range(last - first + 1)
    )
    assert opened[start - first * SEGMENT : end - first * SEGMENT] == plaintext[start:end]


@given(plaintext=plaintexts, keys=layers, data=st.data())
@settings(deadline=None)
def test_any_flipped_bit_fails(plaintext, keys, data):
    sealed = bytearray(seal_object(plaintext, keys, PLACE, SEGMENT))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        open_object(bytes(sealed), keys, PLACE)


@given(plaintext=plaintexts, keys=layers, data=st.data())
@settings(deadline=None)
def test_every_truncation_and_extension_fails(plaintext, keys, data):
    sealed = seal_object(plaintext, keys, PLACE, SEGMENT)
    end = data.draw(st.integers(0, len(sealed) - 1))
    more = data.draw(st.binary(min_size=1, max_size=4 * SEGMENT))
    for other in (sealed[:end], sealed[len(sealed) - end :], sealed + more, more + sealed):
        with pytest.raises(SealBroken):
            open_object(other, keys, PLACE)


@pytest.mark.parametrize("keys", [(ONE,), (ONE, TWO)])
def test_every_single_bit_of_a_short_object_matters(keys):
    sealed = seal_object(b"short", keys, PLACE)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            open_object(bytes(changed), keys, PLACE)


def test_an_object_does_not_open_at_another_place():
    sealed = seal_object(b"moved", [ONE], PLACE)
    with pytest.raises(SealBroken, match="version 2: it was altered, damaged or moved"):
        open_object(sealed, [ONE], PLACE.replace("version 1", "version 2"))


def test_either_key_alone_opens_nothing_of_two_layers():
    sealed = seal_object(b"doubly sealed", [ONE, TWO], PLACE)
    for keys in ((ONE,), (TWO,), (TWO, ONE), (bytes(32), TWO), (ONE, bytes(32))):
        with pytest.raises(SealBroken):
            open_object(sealed, keys, PLACE)


@given(plaintext=plaintexts)
@settings(deadline=None)
def test_without_the_outer_layer_there_is_the_ciphertext_of_the_inner_one(plaintext):
    sealed = seal_object(plaintext, [ONE, TWO], PLACE, SEGMENT)
    outer = SegmentOpener(TWO, sealed[8:LAYER_HEADER_BYTES], b"SO\x01\x01" + PLACE.encode(), SEGMENT + TAG_BYTES)
    inner_header, body = sealed[LAYER_HEADER_BYTES : 2 * LAYER_HEADER_BYTES], sealed[2 * LAYER_HEADER_BYTES :]
    size = SEGMENT + 2 * TAG_BYTES
    segments = [body[start : start + size] for start in range(0, len(body), size)]
    inner = b"".join(outer.open(n, segment, is_last=n == len(segments) - 1) for n, segment in enumerate(segments))
    assert len(plaintext) < 8 or plaintext not in inner
    assert open_object(inner_header + inner, [ONE], PLACE) == plaintext


def test_the_outer_layer_of_one_object_does_not_fit_the_inner_one_of_another():
    first, second = (seal_object(b"x" * 40, [ONE, TWO], PLACE, SEGMENT) for _ in range(2))
    mixed = first[:LAYER_HEADER_BYTES] + second[LAYER_HEADER_BYTES : 2 * LAYER_HEADER_BYTES]
    with pytest.raises(SealBroken):
        open_object(mixed + first[2 * LAYER_HEADER_BYTES :], [ONE, TWO], PLACE)


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (b"", "shorter than its header"),
        (b"SR\x01\x01", "not a sealed object"),
        (b"SO\x02\x01", "format version or algorithm"),
        (b"SO\x01\x02", "format version or algorithm"),
        (b"SO\x01\x01\x00\x00\x00\x00", "segment size"),
        (b"SO\x01\x01\xff\xff\xff\xff", "segment size"),
    ],
)
def test_what_is_no_sealed_object_says_so(start, why):
    sealed = start + bytes(LAYER_HEADER_BYTES + TAG_BYTES - len(start)) if start else b""
    with pytest.raises(SealBroken, match=why):
        open_object(sealed, [ONE], PLACE)


def test_what_cannot_be_is_refused():
    for keys in ((), (ONE, TWO, bytes(32)), (ONE, ONE), (bytes(31),)):
        with pytest.raises(ValueError):
            StreamSealer(keys, PLACE)
    for place in ("", "x" * 4097):
        with pytest.raises(ValueError, match="a place has"):
            StreamSealer([ONE], place)


def test_no_representation_shows_a_key():
    sealer = StreamSealer([ONE, TWO], PLACE)
    assert repr(sealer) == "StreamSealer(StreamLayout(segment_bytes=262144, layers=2))"
    assert repr(StreamOpener(sealer.header, [ONE, TWO], PLACE)).startswith("StreamOpener(StreamLayout(")
