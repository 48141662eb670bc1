import pytest

from strongroom.crypto.random import new_key, new_salt, random_bytes


def test_sizes_and_difference():
    assert [len(random_bytes(size)) for size in (0, 1, 1024)] == [0, 1, 1024]
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) == 32
    assert len(new_salt()) == 16


def test_no_negative_count():
    with pytest.raises(ValueError):
        random_bytes(-1)
