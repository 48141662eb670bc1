import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.aead import PLAINTEXT_BYTES_MAX
from strongroom.envelope.keyring import Keyring
from strongroom.envelope.root.local_key import LocalRootKey
from strongroom.envelope.sealed import (
    HEADER_BYTES,
    OVERHEAD_BYTES,
    PLACE_CHARACTERS_MAX,
    SealBroken,
    Sealer,
    UnknownStorageKey,
    header_of,
)

PLACE = "arn:aws:kms:us-east-1:000000000000:key/1234 version 1 material"


class MemoryRoot(LocalRootKey):
    """A root key of this test alone."""

    fingerprint = "memory:00000000000000000000000000000000"
    public_parameters = ""
    likely_cause = "the keyring was altered"


ROOT = MemoryRoot(bytes(range(32)))
KEYRING = Keyring.create(ROOT, now=0).with_new_storage_key(ROOT, now=1)
SEALER = Sealer(KEYRING)


@given(plaintext=st.binary(max_size=300), place=st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_what_is_sealed_opens(plaintext, place):
    sealed = SEALER.seal(plaintext, place)
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES
    assert SEALER.open(sealed, place) == plaintext
    assert Sealer(KEYRING).open(sealed, place) == plaintext


@given(plaintext=st.binary(max_size=40), data=st.data())
def test_any_flipped_bit_fails(plaintext, data):
    sealed = bytearray(SEALER.seal(plaintext, PLACE))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        SEALER.open(bytes(sealed), PLACE)


def test_every_single_bit_every_truncation_every_extension():
    sealed = SEALER.seal(b"nine byte", PLACE)
    altered = [sealed[:end] for end in range(len(sealed))] + [sealed[start:] for start in range(1, len(sealed))]
    altered += [sealed + b"\0", b"\0" + sealed, sealed + sealed, sealed[:HEADER_BYTES] + b"\0" + sealed[HEADER_BYTES:]]
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        altered.append(bytes(flipped))
    for blob in altered:
        with pytest.raises(SealBroken):
            SEALER.open(blob, PLACE)


@given(blob=st.binary(max_size=200))
def test_arbitrary_bytes_never_open(blob):
    with pytest.raises(SealBroken):
        SEALER.open(blob, PLACE)
    with pytest.raises(SealBroken):
        SEALER.open(header_of(1) + blob, PLACE)


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(one=TEXT, other=TEXT)
def test_a_value_that_is_moved_does_not_open(one, other):
    sealed = SEALER.seal(b"value", one)
    if one == other:
        assert SEALER.open(sealed, other) == b"value"
    else:
        with pytest.raises(SealBroken):
            SEALER.open(sealed, other)


@given(plaintext=st.binary(min_size=8, max_size=100))
def test_the_plaintext_never_shows(plaintext):
    assert plaintext not in SEALER.seal(plaintext, plaintext.hex())


def test_every_seal_differs():
    sealed = [SEALER.seal(b"same", PLACE) for _ in range(1000)]
    assert len({blob[HEADER_BYTES : HEADER_BYTES + 16] for blob in sealed}) == 1000


def test_the_header_is_bound():
    """A value under one storage key does not open with its header naming the other, though both are in the keyring."""
    sealed = SEALER.seal(b"value", PLACE)
    assert sealed[:HEADER_BYTES] == header_of(2)
    with pytest.raises(SealBroken):
        SEALER.open(header_of(1) + sealed[HEADER_BYTES:], PLACE)
    # Even under the right key, another header fails: it is authenticated, not only used.
    blob = KEYRING.aead(1).encrypt(b"value", header_of(2) + PLACE.encode())
    with pytest.raises(SealBroken):
        SEALER.open(header_of(1) + blob, PLACE)


def test_the_error_names_the_place_and_not_the_content():
    sealed = SEALER.seal(b"the content", PLACE)
    with pytest.raises(SealBroken) as failure:
        SEALER.open(sealed, "elsewhere")
    assert str(failure.value) == "the seal is broken at elsewhere: it was altered, damaged or moved"
    assert failure.value.place == "elsewhere"
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"", "not a sealed value"),
        (b"SR\x01\x01\0\0\0", "not a sealed value"),
        (b"XX\x01\x01\0\0\0\x01" + bytes(40), "not a sealed value"),
        (b"SR\x02\x01\0\0\0\x01" + bytes(40), "version or algorithm is not known"),
        (b"SR\x01\x02\0\0\0\x01" + bytes(40), "version or algorithm is not known"),
        (b"SR\x01\x01\0\0\0\x07" + bytes(40), "no storage key 7"),
        (b"SR\x01\x01\0\0\0\x01", "altered, damaged or moved"),
    ],
)
def test_it_says_what_is_wrong(blob, why):
    with pytest.raises(SealBroken, match=why):
        SEALER.open(blob, PLACE)


def test_an_unknown_storage_key_can_be_told_apart():
    """So that a process whose keyring is out of date can load it anew and try again."""
    newer = KEYRING.with_new_storage_key(ROOT, now=2)
    sealed = Sealer(newer).seal(b"value", PLACE)
    with pytest.raises(UnknownStorageKey) as failure:
        SEALER.open(sealed, PLACE)
    assert failure.value.number == 3
    assert Sealer(newer).open(sealed, PLACE) == b"value"


def test_limits():
    assert SEALER.open(SEALER.seal(b"", "x" * PLACE_CHARACTERS_MAX), "x" * PLACE_CHARACTERS_MAX) == b""
    for place in ("", "x" * (PLACE_CHARACTERS_MAX + 1)):
        with pytest.raises(ValueError, match="place"):
            SEALER.seal(b"", place)
    with pytest.raises(ValueError, match="one message"):
        SEALER.seal(bytes(PLAINTEXT_BYTES_MAX + 1), PLACE)


def test_nothing_secret_shows():
    assert repr(SEALER) == "Sealer(2 storage keys hidden)"
