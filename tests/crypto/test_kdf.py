import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.kdf import OUTPUT_BYTES_MAX, PreparedKdf, derive


@given(key=st.binary(min_size=1, max_size=80), label=st.binary(max_size=80), context=st.binary(max_size=80))
def test_the_prepared_block_is_the_librarys_kbkdf(key, label, context):
    library = KBKDFHMAC(SHA256(), Mode.CounterMode, 32, 4, 4, CounterLocation.BeforeFixed, label, context, None).derive(
        key
    )
    assert PreparedKdf(key, label).derive(context) == library
    assert derive(key, label, context) == library


def test_one_preparation_serves_many_contexts():
    prepared = PreparedKdf(b"key", b"label")
    first = prepared.derive(b"one")
    assert prepared.derive(b"two") != first
    assert prepared.derive(b"one") == first == derive(b"key", b"label", b"one")


def test_label_and_length_separate():
    keys = {derive(b"key", label, b"context", size) for label in (b"a", b"b") for size in (16, 32, 64)}
    assert len(keys) == 6
    # The length is part of the input, so a shorter output is not the beginning of a longer one.
    assert not derive(b"key", b"a", b"context", 64).startswith(derive(b"key", b"a", b"context", 32))


@pytest.mark.parametrize("size", [-1, 0, OUTPUT_BYTES_MAX + 1])
def test_the_output_is_bounded(size):
    with pytest.raises(ValueError):
        derive(b"key", b"label", b"", size)


def test_nothing_secret_shows():
    assert repr(PreparedKdf(b"very secret key", b"label")) == "PreparedKdf(key hidden)"
