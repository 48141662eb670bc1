import pytest

from strongroom.base.errors import OperatorError
from strongroom.envelope import keyring as keyring_module
from strongroom.envelope.keyring import Keyring, KeyringRow
from strongroom.envelope.root import KeyFileRoot
from strongroom.envelope.sealed import Sealer, UnknownStorageKey

NOW = 1_800_000_000.75


@pytest.fixture
def root(tmp_path):
    return KeyFileRoot.create(tmp_path / "root.key")


@pytest.fixture
def new_root(tmp_path):
    return KeyFileRoot.create(tmp_path / "new.key")


def test_a_new_keyring_has_one_storage_key(root):
    ring = Keyring.create(root, now=NOW)
    (row,) = ring.rows()
    assert row[:4] == (1, 1_800_000_000, root.fingerprint, "")
    assert (ring.numbers, ring.current, ring.root_fingerprint) == ((1,), 1, root.fingerprint)


def test_rows_are_plain_values_and_survive_storage(root):
    ring = Keyring.create(root, now=NOW).with_new_storage_key(root, now=NOW + 5)
    stored = [tuple(row) for row in ring.rows()]
    assert all(type(value) in (int, str, bytes) for row in stored for value in row)
    loaded = Keyring.load([KeyringRow(*row) for row in reversed(stored)], root)
    assert loaded.rows() == ring.rows()
    assert loaded.current == 2
    for number in (1, 2):
        assert loaded.aead(number).decrypt(ring.aead(number).encrypt(b"x", b""), b"") == b"x"


def test_a_new_storage_key_seals_and_the_old_one_still_opens(root):
    ring = Keyring.create(root, now=NOW)
    old = Sealer(ring).seal(b"old", "place")
    newer = ring.with_new_storage_key(root, now=NOW)
    sealer = Sealer(newer)
    assert sealer.open(old, "place") == b"old"
    assert not sealer.is_current(old)
    assert sealer.is_current(sealer.seal(b"new", "place"))
    assert ring.numbers == (1,)


def test_a_new_storage_key_needs_the_right_root_key(root, new_root):
    ring = Keyring.create(root, now=NOW)
    with pytest.raises(OperatorError, match="does not open this keyring"):
        ring.with_new_storage_key(new_root, now=NOW)


def test_rewrapping(root, new_root):
    ring = Keyring.create(root, now=NOW)
    sealed = Sealer(ring).seal(b"value", "place")
    rewrapped = ring.rewrap(new_root, now=NOW + 100)
    assert rewrapped.numbers == (1, 2)
    assert rewrapped.root_fingerprint == new_root.fingerprint
    assert [row.created_at for row in rewrapped.rows()] == [1_800_000_000, 1_800_000_100]
    with pytest.raises(OperatorError, match="does not open this keyring"):
        Keyring.load(rewrapped.rows(), root)
    loaded = Keyring.load(rewrapped.rows(), new_root)
    sealer = Sealer(loaded)
    resealed = sealer.seal(sealer.open(sealed, "place"), "place")
    only = Sealer(loaded.with_only_current())
    assert only.open(resealed, "place") == b"value"
    with pytest.raises(UnknownStorageKey):
        only.open(sealed, "place")
    # The old keyring is a value of its own: until the caller commits the new one, nothing has changed.
    assert Sealer(Keyring.load(ring.rows(), root)).open(sealed, "place") == b"value"


def test_rewrapping_without_a_new_storage_key(root, new_root):
    ring = Keyring.create(root, now=NOW)
    rewrapped = ring.rewrap(new_root, now=NOW, add_new_storage_key=False)
    assert rewrapped.numbers == (1,)
    sealed = Sealer(ring).seal(b"value", "place")
    assert Sealer(Keyring.load(rewrapped.rows(), new_root)).open(sealed, "place") == b"value"


def test_what_is_stored_holds_no_storage_key(root):
    ring = Keyring.create(root, now=NOW)
    (entry,) = ring._keys.values()
    assert len(entry.key) == 32
    assert entry.key not in ring.rows()[0].wrapped
    assert repr(entry.key) not in repr(ring) + repr(entry) + repr(ring._keys)
    assert entry.key.hex() not in repr(ring) + repr(entry)


@pytest.mark.parametrize(
    "change",
    [{"number": 2}, {"created_at": 5}, {"wrapped": b""}, {"wrapped": bytes(65)}, {"wrapped": bytes([1]) * 20_000}],
)
def test_an_altered_row_does_not_open(root, change):
    row = Keyring.create(root, now=NOW).rows()[0]
    with pytest.raises(OperatorError, match=r"does not open: the key in .* is the right one"):
        Keyring.load([row._replace(**change)], root)


@pytest.mark.parametrize("change", [{"number": 0}, {"number": -1}, {"number": 2**32}, {"created_at": -1}])
def test_an_impossible_row_is_refused(root, change):
    row = Keyring.create(root, now=NOW).rows()[0]
    with pytest.raises(OperatorError, match="impossible"):
        Keyring.load([row._replace(**change)], root)


def test_swapped_rows_do_not_open(root):
    one, two = Keyring.create(root, now=NOW).with_new_storage_key(root, now=NOW).rows()
    with pytest.raises(OperatorError, match="does not open"):
        Keyring.load([one._replace(wrapped=two.wrapped), two._replace(wrapped=one.wrapped)], root)


def test_sets_of_rows_that_cannot_be(root, new_root):
    row = Keyring.create(root, now=NOW).rows()[0]
    other = Keyring.create(new_root, now=NOW).rows()[0]
    with pytest.raises(OperatorError, match="has 0 storage keys"):
        Keyring.load([], root)
    with pytest.raises(OperatorError, match="two storage keys of one number"):
        Keyring.load([row, row], root)
    with pytest.raises(OperatorError, match="does not open this keyring"):
        Keyring.load([row, other._replace(number=2)], root)
    with pytest.raises(OperatorError, match="has 1001 storage keys"):
        Keyring.load([row] * 1001, root)


def test_a_wrapped_key_of_another_size_is_refused(root):
    row = Keyring.create(root, now=NOW).rows()[0]
    short = root.wrap(bytes(16), keyring_module.row_aad(row.number, row.created_at))
    with pytest.raises(OperatorError, match="16 bytes instead of 32"):
        Keyring.load([row._replace(wrapped=short)], root)


def test_the_number_of_storage_keys_is_bounded(root, monkeypatch):
    monkeypatch.setattr(keyring_module, "STORAGE_KEYS_MAX", 2)
    ring = Keyring.create(root, now=NOW).with_new_storage_key(root, now=NOW)
    with pytest.raises(OperatorError, match="cannot take another"):
        ring.with_new_storage_key(root, now=NOW)
