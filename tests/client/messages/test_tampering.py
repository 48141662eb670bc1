"""What was altered, cut off, reordered or added to is refused, and nothing of it is released that is not authentic."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.messages.materials_made import ANY_SUITE, materials, opened

from strongroom.client.messages.algorithm_suites import COMMITTING, COMMITTING_SIGNED, SUITES
from strongroom.client.messages.errors import LimitExceeded, MessageError, NotAuthentic, UnknownFormat
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.materials import DecryptionMaterials, EncryptionMaterials
from strongroom.client.messages.reader import MessageReader
from strongroom.client.messages.writer import seal_message, write_message

FRAME = 16
PLAINTEXT = bytes(range(5 * FRAME + 3))
OLD = SUITES[0x0214]
MADE = {suite: materials(suite, {"a": "b"}) for suite in (COMMITTING, COMMITTING_SIGNED, OLD)}
MESSAGES = {
    suite: seal_message(made.encryption, PLAINTEXT, frame_bytes=FRAME, unsafe_without_commitment=True)
    for suite, made in MADE.items()
}
suites = st.sampled_from(list(MADE))


def header_bytes(suite):
    header = opened(MADE[suite], MESSAGES[suite]).header
    return len(header.authenticated) + 16 + (12 if header.version == 1 else 0)


def frames(suite):
    """The header, each frame, and what follows the last one."""
    message, start = MESSAGES[suite], header_bytes(suite)
    parts = [message[:start]]
    for _ in range(5):
        parts.append(message[start : start + FRAME + 32])
        start += FRAME + 32
    return [*parts, message[start : start + 3 + 40], message[start + 3 + 40 :]]


def refuses(suite, message):
    sink = io.BytesIO()
    with pytest.raises(MessageError):
        MessageReader(io.BytesIO(message), ANY_SUITE).write_to(sink, MADE[suite].decryption)
    # So short a message is released whole or not at all.
    assert sink.getvalue() == b""


@given(suite=suites, data=st.data())
@settings(deadline=None, max_examples=300)
def test_any_flipped_bit_is_refused(suite, data):
    message = bytearray(MESSAGES[suite])
    position = data.draw(st.integers(0, len(message) * 8 - 1))
    message[position // 8] ^= 1 << position % 8
    refuses(suite, bytes(message))


@pytest.mark.parametrize("bytes_said", [0, 40])
def test_a_source_that_is_longer_than_was_said_comes_to_an_end(bytes_said):
    reader = MessageReader(io.BytesIO(MESSAGES[COMMITTING]), ANY_SUITE, source_bytes_max=bytes_said)
    with pytest.raises(NotAuthentic):
        reader.write_to(io.BytesIO(), MADE[COMMITTING].decryption)


def test_every_byte_of_the_header_counts():
    """The encrypted data keys, too, which AES-GCM alone binds to the body."""
    for suite in MADE:
        for position in range(header_bytes(suite)):
            message = bytearray(MESSAGES[suite])
            message[position] ^= 0x01
            refuses(suite, bytes(message))


@given(suite=suites, data=st.data())
@settings(deadline=None)
def test_any_truncation_is_refused(suite, data):
    message = MESSAGES[suite]
    refuses(suite, message[: data.draw(st.integers(0, len(message) - 1))])


@given(suite=suites, data=st.data())
@settings(deadline=None)
def test_any_other_order_of_frames_is_refused(suite, data):
    parts = frames(suite)
    assert b"".join(parts) == MESSAGES[suite]
    picked = data.draw(st.lists(st.integers(1, 6), max_size=8).filter(lambda order: order != [1, 2, 3, 4, 5, 6]))
    refuses(suite, parts[0] + b"".join(parts[index] for index in picked) + parts[-1])


@given(suite=suites, more=st.binary(min_size=1, max_size=40))
@settings(deadline=None)
def test_whatever_follows_is_refused(suite, more):
    refuses(suite, MESSAGES[suite] + more)


def test_a_second_message_that_follows_is_refused():
    for suite, message in MESSAGES.items():
        refuses(suite, message * 2)


def test_frames_of_another_message_under_the_same_data_key_are_refused():
    for suite, made in MADE.items():
        mine, other = (
            frames(suite),
            seal_message(made.encryption, PLAINTEXT, frame_bytes=FRAME, unsafe_without_commitment=True),
        )
        refuses(suite, mine[0] + other[header_bytes(suite) :])


def test_another_data_key_is_refused():
    for suite, made in MADE.items():
        reader = MessageReader(io.BytesIO(MESSAGES[suite]), ANY_SUITE)
        for other in (bytes(suite.data_key_bytes), b"short"):
            key = DecryptionMaterials(other, made.decryption.encrypted_data_key)
            with pytest.raises(NotAuthentic):
                reader.write_to(io.BytesIO(), key)


def test_the_signature_cannot_be_left_out():
    """Who may only decrypt has the data key, and could write everything but the signature."""
    made = MADE[COMMITTING_SIGNED]
    forged = EncryptionMaterials(
        COMMITTING, made.encryption.data_key, made.encryption.encrypted_data_keys, made.encryption.encryption_context
    )
    with pytest.raises(UnknownFormat, match="signed"):
        opened(made, seal_message(forged, b"forged"))
    other = materials(COMMITTING_SIGNED).encryption.signing_key
    forged = EncryptionMaterials(
        COMMITTING_SIGNED,
        made.encryption.data_key,
        made.encryption.encrypted_data_keys,
        made.encryption.encryption_context,
        other,
    )
    with pytest.raises(NotAuthentic, match="signature"):
        opened(made, seal_message(forged, b"forged"))


def test_a_long_message_releases_authentic_frames_alone():
    made = MADE[COMMITTING_SIGNED]
    plaintext = bytes(range(256)) * 4096 * 5
    sealed = io.BytesIO()
    write_message(made.encryption, io.BytesIO(plaintext), sealed)
    message = bytearray(sealed.getvalue())
    for position, released_min in ((-1, 4 << 20), (4 << 20, 0), (len(message) - 200, 0)):
        altered = bytearray(message)
        altered[position] ^= 1
        sink = io.BytesIO()
        with pytest.raises(NotAuthentic):
            MessageReader(io.BytesIO(altered)).write_to(sink, made.decryption)
        assert plaintext.startswith(sink.getvalue())
        assert released_min <= len(sink.getvalue()) < len(plaintext)


def test_limits():
    made = MADE[COMMITTING]
    message = MESSAGES[COMMITTING]
    with pytest.raises(LimitExceeded, match="frames of 16 bytes"):
        opened(made, message, ReadingRules(frame_bytes_max=15))
    keys = made.encryption.encrypted_data_keys * 3
    several = EncryptionMaterials(COMMITTING, made.encryption.data_key, keys, {})
    message = seal_message(several, b"for three")
    assert opened(made, message, ReadingRules(encrypted_data_keys_max=3)).plaintext == b"for three"
    with pytest.raises(LimitExceeded, match="3 encrypted data keys"):
        opened(made, message, ReadingRules(encrypted_data_keys_max=2))
    for bad in ({"frame_bytes_max": 0}, {"frame_bytes_max": 2**31}, {"encrypted_data_keys_max": 0}):
        with pytest.raises(ValueError, match=r"can be read|at least one"):
            ReadingRules(**bad)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cut off"),
        (b"\x00", "not a message"),
        (b"\x02", "cut off"),
        (b"\x01\x81", "not a message"),
        (b"\x02\x99\x99", "no algorithm suite"),
        (b"\x02\x03\x78", "cannot have the suite"),
        (b"\x01\x80\x05\x78", "cannot have the suite"),
        (b"\x02\x05\x78" + bytes(32) + b"\x00\x00\x00\x00", "no encrypted data key"),
        (b"\x02\x05\x78" + bytes(32) + b"\x00\x00\x00\x01\x00\x01\xff", "not UTF-8"),
        (b"\x02\x05\x78" + bytes(32) + b"\x00\x00\x00\x01" + bytes(6) + b"\x03", "content type"),
        (b"\x02\x05\x78" + bytes(32) + b"\x00\x00\x00\x01" + bytes(6) + b"\x02" + bytes(4), "do not agree"),
        (b"\x02\x05\x78" + bytes(32) + b"\x00\x00\x00\x01" + bytes(6) + b"\x01\x00\x00\x00\x01", "do not agree"),
        (b"plain text that somebody took for a message", "not a message"),
    ],
)
def test_what_is_no_message_is_told(content, complaint):
    with pytest.raises(MessageError, match=complaint):
        MessageReader(io.BytesIO(content), ANY_SUITE)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_refused_properly(content):
    for start in (b"", b"\x02\x05\x78", b"\x01\x80\x02\x14", MESSAGES[COMMITTING][:60]):
        with pytest.raises(MessageError):
            opened(MADE[COMMITTING], start + content)


class FullDisk(io.BytesIO):
    def write(self, content):
        if self.tell() > 3 << 20:
            raise OSError(28, "No space left on device")
        return super().write(content)


def test_a_sink_that_fails_ends_both():
    made = MADE[COMMITTING_SIGNED]
    plaintext = bytes(12 << 20)
    with pytest.raises(OSError, match="No space"):
        write_message(made.encryption, io.BytesIO(plaintext), FullDisk())
    message = seal_message(made.encryption, plaintext)
    with pytest.raises(OSError, match="No space"):
        MessageReader(io.BytesIO(message)).write_to(FullDisk(), made.decryption)
