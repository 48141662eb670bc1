import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.crypto import stream
from strongroom.crypto.aead import TAG_BYTES, AuthenticationFailed
from strongroom.crypto.stream import SegmentOpener, SegmentSealer

KEY = bytes(range(32))
AAD = b"the place"
SEGMENT = 16

messages = st.binary(max_size=5 * SEGMENT)


def cut(plaintext: bytes, size: int = SEGMENT) -> list[bytes]:
    return [plaintext[start : start + size] for start in range(0, len(plaintext), size)] or [b""]


def seal(plaintext: bytes, key: bytes = KEY, aad: bytes = AAD) -> tuple[bytes, list[bytes]]:
    """Return the head and the sealed segments."""
    sealer = SegmentSealer(key, aad, SEGMENT)
    sealed = []
    segments = cut(plaintext)
    for index, segment in enumerate(segments):
        room = bytearray(len(segment) + TAG_BYTES)
        sealer.seal_into(segment, room, is_last=index == len(segments) - 1)
        sealed.append(bytes(room))
    return sealer.head, sealed


def open_all(head: bytes, sealed: list[bytes], key: bytes = KEY, aad: bytes = AAD) -> bytes:
    opener = SegmentOpener(key, head, aad, SEGMENT)
    last = len(sealed) - 1
    return b"".join(opener.open(index, segment, is_last=index == last) for index, segment in enumerate(sealed))


def refuses(head: bytes, sealed: list[bytes], key: bytes = KEY, aad: bytes = AAD) -> None:
    with pytest.raises(AuthenticationFailed):
        open_all(head, sealed, key, aad)


@given(plaintext=messages, aad=st.binary(max_size=40))
@settings(deadline=None)
def test_what_is_sealed_opens(plaintext, aad):
    head, sealed = seal(plaintext, aad=aad)
    assert len(head) == stream.HEAD_BYTES
    assert sum(map(len, sealed)) == len(plaintext) + TAG_BYTES * max(1, -(-len(plaintext) // SEGMENT))
    assert open_all(head, sealed, aad=aad) == plaintext


@given(plaintext=messages, data=st.data())
@settings(deadline=None)
def test_segments_open_in_any_order(plaintext, data):
    head, sealed = seal(plaintext)
    opener = SegmentOpener(KEY, head, AAD, SEGMENT)
    for index in data.draw(st.permutations(range(len(sealed)))):
        assert opener.open(index, sealed[index], is_last=index == len(sealed) - 1) == cut(plaintext)[index]


@given(plaintext=messages, data=st.data())
@settings(deadline=None)
def test_any_flipped_bit_fails(plaintext, data):
    head, sealed = seal(plaintext)
    whole = bytearray(head + b"".join(sealed))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    refuses(bytes(whole[: len(head)]), cut(bytes(whole[len(head) :]), SEGMENT + TAG_BYTES))


@given(plaintext=messages, data=st.data())
@settings(deadline=None)
def test_every_truncation_fails(plaintext, data):
    head, sealed = seal(plaintext)
    whole = b"".join(sealed)
    shorter = data.draw(st.integers(0, len(whole) - 1))
    refuses(head, cut(whole[:shorter], SEGMENT + TAG_BYTES))
    refuses(head, cut(whole[len(whole) - shorter :], SEGMENT + TAG_BYTES))


@given(plaintext=messages, more=st.binary(min_size=1, max_size=3 * SEGMENT))
@settings(deadline=None)
def test_any_extension_fails(plaintext, more):
    head, sealed = seal(plaintext)
    refuses(head, cut(b"".join(sealed) + more, SEGMENT + TAG_BYTES))


@given(plaintext=st.binary(min_size=SEGMENT + 1, max_size=5 * SEGMENT), data=st.data())
@settings(deadline=None)
def test_exchanged_repeated_or_left_out_segments_fail(plaintext, data):
    head, sealed = seal(plaintext)
    indexes = st.integers(0, len(sealed) - 1)
    order = data.draw(st.lists(indexes, min_size=1, max_size=len(sealed) + 2))
    if order == list(range(len(sealed))):
        assert open_all(head, [sealed[index] for index in order]) == plaintext
    else:
        refuses(head, [sealed[index] for index in order])


@given(plaintext=st.binary(min_size=SEGMENT + 1, max_size=5 * SEGMENT), data=st.data())
@settings(deadline=None)
def test_a_segment_of_another_stream_fails_even_under_the_same_key_and_place(plaintext, data):
    head, sealed = seal(plaintext)
    _, others = seal(plaintext)
    index = data.draw(st.integers(0, len(sealed) - 1))
    refuses(head, [*sealed[:index], others[index], *sealed[index + 1 :]])


@given(plaintext=messages, key=st.binary(min_size=32, max_size=32), aad=st.binary(max_size=20))
@settings(deadline=None)
def test_another_key_or_associated_data_is_found_before_any_segment(plaintext, key, aad):
    head, _ = seal(plaintext)
    for other_key, other_aad in ((key, AAD), (KEY, aad), (key, aad)):
        if (other_key, other_aad) != (KEY, AAD):
            with pytest.raises(AuthenticationFailed):
                SegmentOpener(other_key, head, other_aad, SEGMENT)


def test_another_segment_size_is_found_before_any_segment():
    head, _ = seal(b"plaintext")
    for size in (1, SEGMENT - 1, SEGMENT + 1, stream.SEGMENT_BYTES_MAX):
        with pytest.raises(AuthenticationFailed):
            SegmentOpener(KEY, head, AAD, size)


def test_the_last_segment_is_marked():
    head, sealed = seal(bytes(2 * SEGMENT))
    opener = SegmentOpener(KEY, head, AAD, SEGMENT)
    for index, segment in enumerate(sealed):
        with pytest.raises(AuthenticationFailed):
            opener.open(index, segment, is_last=index != len(sealed) - 1)


def test_an_empty_message_is_one_empty_segment():
    head, sealed = seal(b"")
    assert [len(segment) for segment in sealed] == [TAG_BYTES]
    assert open_all(head, sealed) == b""
    refuses(head, [b""])


@pytest.mark.parametrize("index", [-1, stream.SEGMENTS_MAX, 2**70])
def test_an_impossible_index_does_not_open(index):
    head, sealed = seal(bytes(SEGMENT))
    with pytest.raises(AuthenticationFailed):
        SegmentOpener(KEY, head, AAD, SEGMENT).open(index, sealed[0], is_last=True)


def test_a_message_is_cut_in_one_way_only():
    sealer = SegmentSealer(KEY, AAD, SEGMENT)
    room = bytearray(3 * SEGMENT)
    for length, is_last in ((SEGMENT - 1, False), (SEGMENT + 1, False), (SEGMENT + 1, True), (0, False)):
        with pytest.raises(ValueError, match="does not belong here"):
            sealer.seal_into(bytes(length), memoryview(room)[: length + TAG_BYTES], is_last=is_last)
    sealer.seal_into(bytes(SEGMENT), memoryview(room)[: SEGMENT + TAG_BYTES], is_last=False)
    with pytest.raises(ValueError, match="does not belong here"):
        sealer.seal_into(b"", memoryview(room)[:TAG_BYTES], is_last=True)


def test_nothing_follows_the_last_segment():
    sealer = SegmentSealer(KEY, AAD, SEGMENT)
    sealer.seal_into(b"", bytearray(TAG_BYTES), is_last=True)
    with pytest.raises(ValueError, match="has ended"):
        sealer.seal_into(b"x", bytearray(1 + TAG_BYTES), is_last=True)


def test_no_nonce_is_used_beyond_the_limit(monkeypatch):
    monkeypatch.setattr(stream, "SEGMENTS_MAX", 2)
    sealer = SegmentSealer(KEY, AAD, SEGMENT)
    for _ in range(2):
        sealer.seal_into(bytes(SEGMENT), bytearray(SEGMENT + TAG_BYTES), is_last=False)
    with pytest.raises(ValueError, match="has ended"):
        sealer.seal_into(b"x", bytearray(1 + TAG_BYTES), is_last=True)


def test_two_streams_of_one_key_share_nothing():
    (one, first), (other, second) = seal(bytes(SEGMENT)), seal(bytes(SEGMENT))
    assert one[:16] != other[:16]
    assert one[16:] != other[16:]
    assert first != second


def test_the_nonce_is_the_index_and_the_mark_of_the_last_segment():
    n = bytes(16)
    sealer = SegmentSealer.unsafe_with_n(KEY, n, AAD, SEGMENT)
    cipher = AESGCM(stream.derive(KEY, b"strongroom aes-256-gcm stream v1", n + b"\0\0\0\x10" + AAD, 64)[:32])
    for index, (segment, is_last) in enumerate([(bytes(SEGMENT), False), (bytes(SEGMENT), False), (b"end", True)]):
        room = bytearray(len(segment) + TAG_BYTES)
        sealer.seal_into(segment, room, is_last=is_last)
        assert room == cipher.encrypt(bytes(10) + bytes([index, is_last]), segment, None)


def test_what_cannot_be_is_refused():
    for key, size in ((bytes(31), 16), (KEY, 0), (KEY, stream.SEGMENT_BYTES_MAX + 1)):
        with pytest.raises(ValueError):
            SegmentSealer(key, AAD, size)
    with pytest.raises(AuthenticationFailed):
        SegmentOpener(KEY, bytes(stream.HEAD_BYTES - 1), AAD, SEGMENT)
    with pytest.raises(ValueError):
        SegmentSealer.unsafe_with_n(KEY, bytes(15), AAD, SEGMENT)
    with pytest.raises(ValueError, match="wrong length"):
        SegmentSealer(KEY, AAD, SEGMENT).seal_into(b"x", bytearray(16), is_last=True)


def test_no_representation_shows_a_key():
    sealer = SegmentSealer(KEY, AAD, SEGMENT)
    assert repr(sealer) == "SegmentSealer(key hidden, 0 segments sealed)"
    assert repr(SegmentOpener(KEY, sealer.head, AAD, SEGMENT)) == "SegmentOpener(key hidden)"
