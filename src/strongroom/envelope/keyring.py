"""The keyring: the storage keys that seal what is stored, wrapped by the root key. A value, which the caller stores."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from strongroom.base.errors import OperatorError
from strongroom.crypto.aead import AuthenticationFailed, DerivedKeyAead
from strongroom.crypto.random import KEY_BYTES, new_key
from strongroom.envelope.root.source import RootKeySource

STORAGE_KEYS_MAX = 1000
STORAGE_KEY_NUMBER_MAX = 2**32 - 1
CREATED_AT_MAX = 2**63 - 1
WRAPPED_BYTES_MAX = 16 * 1024


class KeyringRow(NamedTuple):
    """One storage key as it is stored. Nothing in it is secret from who lacks the root key.

    `number` counts from 1, `created_at` is in whole seconds since the epoch, `root_fingerprint` and `root_parameters`
    name the root key that wrapped it and hold what is needed to find that key again.
    """

    number: int
    created_at: int
    root_fingerprint: str
    root_parameters: str
    wrapped: bytes


class _StorageKey(NamedTuple):
    row: KeyringRow
    key: bytes
    aead: DerivedKeyAead

    def __repr__(self) -> str:
        return f"_StorageKey({self.row.number}, key hidden)"


class Keyring:
    """Storage keys, the newest of which seals; the others still open. It does not change: changes give a new keyring.

    The caller stores `rows()` in one transaction, replacing those that were there.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[_StorageKey]) -> None:
        self._keys = {entry.row.number: entry for entry in sorted(keys, key=lambda entry: entry.row.number)}

    def __repr__(self) -> str:
        return f"Keyring(numbers={self.numbers}, root={self.root_fingerprint})"

    @classmethod
    def create(cls, root: RootKeySource, *, now: float) -> "Keyring":
        """Return a keyring with one fresh storage key. `now` is in seconds since the epoch."""
        return cls([_wrap(root, 1, int(now), new_key())])

    @classmethod
    def load(cls, rows: Sequence[KeyringRow], root: RootKeySource) -> "Keyring":
        """Open stored rows with the root key.

        Raises OperatorError when the root key is another one, or when the rows are not what was stored.
        """
        if not 0 < len(rows) <= STORAGE_KEYS_MAX:
            raise OperatorError(f"the keyring has {len(rows)} storage keys; it should have 1 to {STORAGE_KEYS_MAX}")
        for row in rows:
            if row.root_fingerprint != root.fingerprint:
                raise OperatorError(
                    "this root key does not open this keyring: "
                    f"expected fingerprint {row.root_fingerprint}, got {root.fingerprint}"
                )
        if len({row.number for row in rows}) != len(rows):
            raise OperatorError("the keyring holds two storage keys of one number: it was altered or damaged")
        return cls([_unwrap(root, row) for row in rows])

    def rows(self) -> tuple[KeyringRow, ...]:
        """Return the rows to store, in the order of their numbers."""
        return tuple(entry.row for entry in self._keys.values())

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the storage keys, ascending."""
        return tuple(self._keys)

    @property
    def current(self) -> int:
        """Return the number of the storage key that seals."""
        return max(self._keys)

    @property
    def root_fingerprint(self) -> str:
        """Return the fingerprint of the root key that wraps this keyring."""
        return self._keys[self.current].row.root_fingerprint

    def aead(self, number: int) -> DerivedKeyAead:
        """Return the cipher of a storage key, set up once. Raises KeyError when the keyring lacks that number."""
        return self._keys[number].aead

    def with_new_storage_key(self, root: RootKeySource, *, now: float) -> "Keyring":
        """Return this keyring and one more storage key, which seals from now on.

        `root` must be the root key that wraps this keyring: raises OperatorError when it is another one.
        """
        self.load(self.rows(), root)
        return self._with_new_key(root, int(now))

    def rewrap(self, new_root: RootKeySource, *, now: float, add_new_storage_key: bool = True) -> "Keyring":
        """Return the same storage keys wrapped by another root key, by default with a new one that seals from now on.

        Whoever has the old root key and an old copy of the rows still has the old storage keys. So seal everything
        anew (`Sealer.open`, `Sealer.seal`) and then drop them (`with_only_current`), in the transaction that stores
        the rows.
        """
        rewrapped = Keyring(
            _wrap(new_root, number, entry.row.created_at, entry.key) for number, entry in self._keys.items()
        )
        return rewrapped._with_new_key(new_root, int(now)) if add_new_storage_key else rewrapped

    def with_only_current(self) -> "Keyring":
        """Return the keyring without the older storage keys: what they sealed does not open any more."""
        return Keyring([self._keys[self.current]])

    def _with_new_key(self, root: RootKeySource, created_at: int) -> "Keyring":
        if len(self._keys) >= STORAGE_KEYS_MAX or self.current >= STORAGE_KEY_NUMBER_MAX:
            raise OperatorError(f"the keyring has {len(self._keys)} storage keys, and cannot take another")
        return Keyring([*self._keys.values(), _wrap(root, self.current + 1, created_at, new_key())])


def row_aad(number: int, created_at: int) -> bytes:
    """Return what a wrapped storage key is bound to, so that a row's number and time cannot be altered."""
    return f"strongroom keyring v1: storage key {number} created at {created_at}".encode()


def _wrap(root: RootKeySource, number: int, created_at: int, key: bytes) -> _StorageKey:
    wrapped = root.wrap(key, row_aad(number, created_at))
    row = KeyringRow(number, created_at, root.fingerprint, root.public_parameters, wrapped)
    return _StorageKey(row, key, DerivedKeyAead(key))


def _unwrap(root: RootKeySource, row: KeyringRow) -> _StorageKey:
    if not 0 < row.number <= STORAGE_KEY_NUMBER_MAX or not 0 <= row.created_at <= CREATED_AT_MAX:
        raise OperatorError(f"storage key {row.number} has an impossible number or time: the keyring was altered")
    try:
        if len(row.wrapped) > WRAPPED_BYTES_MAX:
            raise AuthenticationFailed
        key = root.unwrap(row.wrapped, row_aad(row.number, row.created_at))
    except AuthenticationFailed:
        raise OperatorError(f"storage key {row.number} of the keyring does not open: {root.likely_cause}") from None
    if len(key) != KEY_BYTES:
        raise OperatorError(f"storage key {row.number} of the keyring has {len(key)} bytes instead of {KEY_BYTES}")
    return _StorageKey(row, key, DerivedKeyAead(key))
