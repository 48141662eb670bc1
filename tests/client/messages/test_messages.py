"""Messages there and back: in memory, in streams, with every suite that is written."""

import io
import os
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.messages.materials_made import CONTEXT, materials, opened

from strongroom.client.messages.algorithm_suites import COMMITTING, COMMITTING_SIGNED, SUITES
from strongroom.client.messages.encryption_context import parsed, serialised
from strongroom.client.messages.errors import UnknownFormat
from strongroom.client.messages.header_reader import ReadingRules
from strongroom.client.messages.materials import EncryptionMaterials
from strongroom.client.messages.reader import MessageReader
from strongroom.client.messages.signature import signed_context
from strongroom.client.messages.writer import BLOCK_BYTES, FRAME_BYTES, seal_message, write_message

MADE = {suite: materials(suite) for suite in SUITES.values()}
DERIVING = [suite for suite in SUITES.values() if suite.kdf_hash is not None]


class Trickle(io.BytesIO):
    """A pipe: it gives and takes less than it is asked to."""

    def readinto(self, room):
        return super().readinto(memoryview(room)[: max(1, len(room) // 3)])

    def write(self, content):
        return super().write(content[: max(1, len(content) // 2)])


@given(plaintext=st.binary(max_size=100), frame_bytes=st.integers(1, 40), suite=st.sampled_from(DERIVING))
@settings(deadline=None)
def test_there_and_back(plaintext, frame_bytes, suite):
    made = MADE[suite]
    message = seal_message(made.encryption, plaintext, frame_bytes=frame_bytes, unsafe_without_commitment=True)
    found = opened(made, message)
    assert found.plaintext == plaintext
    assert found.header.suite == suite
    assert found.header.frame_bytes == frame_bytes
    assert found.header.encryption_context.items() >= CONTEXT.items()
    assert found.header.encrypted_data_keys == made.encryption.encrypted_data_keys


@pytest.mark.parametrize("suite", [COMMITTING, COMMITTING_SIGNED])
@pytest.mark.parametrize(
    "length", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * BLOCK_BYTES + 7]
)
def test_a_stream_is_what_memory_is(suite, length):
    made = MADE[suite]
    plaintext = bytes(range(251)) * (length // 251 + 1)
    plaintext = plaintext[:length]
    sealed, read = Trickle(), []
    write_message(made.encryption, Trickle(plaintext), sealed, on_progress=read.append)
    assert sum(read) == length
    assert opened(made, sealed.getvalue()).plaintext == plaintext
    in_memory, found, taken = seal_message(made.encryption, plaintext), Trickle(), []
    assert abs(len(in_memory) - len(sealed.getvalue())) < 8  # Signatures differ in length.
    reader = MessageReader(Trickle(in_memory))
    reader.write_to(found, made.decryption, taken.append)
    assert found.getvalue() == plaintext
    assert sum(taken) <= len(in_memory)


class Zeros:
    """A source of some length that is nowhere in memory."""

    def __init__(self, length):
        self.left = length

    def readinto(self, room):
        count = min(self.left, len(room))
        self.left -= count
        return count


class Relay(Zeros):
    """Hands on to a pipe's other end what is written to it."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()

    def readinto(self, room):
        return os.readv(self.read_end, [room])

    def write(self, content):
        return os.write(self.write_end, content)


def test_memory_is_bounded_whatever_the_length():
    made, length = MADE[COMMITTING], 96 << 20
    relay, opened_bytes = Relay(), []

    class Count:
        def write(self, content):
            opened_bytes.append(len(content))
            return len(content)

    def encrypt():
        write_message(made.encryption, Zeros(length), relay)
        os.close(relay.write_end)

    tracemalloc.start()
    try:
        thread = threading.Thread(target=encrypt)
        thread.start()
        MessageReader(relay).write_to(Count(), made.decryption)
        thread.join()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        os.close(relay.read_end)
    assert sum(opened_bytes) == length
    assert peak < 24 << 20


def test_no_two_messages_under_one_data_key_are_alike():
    made = MADE[COMMITTING]
    one, two = (opened(made, seal_message(made.encryption, b"x")).header for _ in range(2))
    assert one.message_id != two.message_id
    assert one.commitment != two.commitment
    assert one.tag != two.tag


def test_what_is_not_written():
    for suite, made in MADE.items():
        if not suite.commits:
            with pytest.raises(ValueError, match="suite"):
                seal_message(made.encryption, b"")
        if suite.kdf_hash is None:
            with pytest.raises(ValueError, match="derives no key"):
                write_message(made.encryption, io.BytesIO(), io.BytesIO(), unsafe_without_commitment=True)
    for frame_bytes in (0, -1, 2**32):
        with pytest.raises(ValueError, match="a frame has"):
            seal_message(MADE[COMMITTING].encryption, b"", frame_bytes=frame_bytes)


def test_suites_without_commitment_are_read_only_if_asked_for():
    made = MADE[SUITES[0x0378]]
    message = seal_message(made.encryption, b"old", unsafe_without_commitment=True)
    assert opened(made, message).plaintext == b"old"
    with pytest.raises(UnknownFormat, match="without key commitment"):
        opened(made, message, ReadingRules())


def test_materials_that_do_not_belong_together():
    encryption = MADE[COMMITTING_SIGNED].encryption
    parts = (encryption.encrypted_data_keys, encryption.encryption_context)
    for data_key, keys, signing_key, suite in (
        (b"short", parts[0], encryption.signing_key, COMMITTING_SIGNED),
        (encryption.data_key, (), encryption.signing_key, COMMITTING_SIGNED),
        (encryption.data_key, parts[0], None, COMMITTING_SIGNED),
        (encryption.data_key, parts[0], encryption.signing_key, COMMITTING),
        (encryption.data_key[:16], parts[0], encryption.signing_key, SUITES[0x0214]),
    ):
        with pytest.raises(ValueError, match=r"data key|signing key"):
            EncryptionMaterials(suite, data_key, keys, parts[1], signing_key)


def test_secrets_are_not_shown():
    made = MADE[COMMITTING_SIGNED]
    shown = repr(made)
    assert repr(made.encryption.data_key)[2:-1] not in shown
    assert "hidden" in shown


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6))
@settings(deadline=None, max_examples=40)
def test_a_context_has_one_form(context):
    form = serialised(context)
    assert parsed(form) == context
    assert serialised(dict(reversed(context.items()))) == form


@pytest.mark.parametrize(
    "form",
    [
        "0000",  # No pairs, which is written as nothing.
        "00",
        "00010001610001",
        "0001000161000162ff",
        "00010001610001ff",
        "0002000161000162000161000163",
        "000200016100016200",
    ],
)
def test_a_context_of_another_form_is_refused(form):
    with pytest.raises(UnknownFormat):
        parsed(bytes.fromhex(form))


@pytest.mark.parametrize(
    "context",
    [
        {"aws-crypto-public-key": "mine"},
        {"aws-crypto-anything": ""},
        {"a": "x" * 65536},
        {f"{number:05}": "x" * 60000 for number in range(2)},
        {str(number): "" for number in range(65536)},
    ],
)
def test_a_context_that_does_not_fit_is_refused(context):
    with pytest.raises(ValueError, match="context"):
        signed_context(COMMITTING, context)
