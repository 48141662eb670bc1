"""Who signs: access keys, found by their id, their secrets unsealed once and kept until a change."""

import secrets
import string
from collections.abc import Sequence

from strongroom.base.arn import partition_of, root_arn
from strongroom.base.errors import OperatorError
from strongroom.envelope.sealed import Sealer
from strongroom.operations import tables
from strongroom.operations.callers import Caller, Credential
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

CACHED_CREDENTIALS_MAX = 10_000
ACTIVE = "Active"
_CACHE_PREFIX = "access-key/"
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SECRET_ALPHABET = string.ascii_letters + string.digits + "+/"


def new_access_key_id() -> str:
    """Return a new long-term access key id: `AKIA` and 16 characters. Source: IAM User Guide, "IAM identifiers"."""
    return "AKIA" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))


def new_secret_access_key() -> str:
    """Return a new secret access key: 40 random characters, 240 bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))


class Principals:
    """The access keys of one house."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._credentials: dict[str, Credential] = {}
        self._changes_seen = 0
        store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names or any(name.startswith(_CACHE_PREFIX) for name in names):
            self._changes_seen += 1
            self._credentials.clear()

    def known(self, access_key_id: str) -> Credential | None:
        """Return a credential that is at hand already."""
        return self._credentials.get(access_key_id)

    async def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of an active access key, or None."""
        known = self._credentials.get(access_key_id)
        if known is not None:
            return known
        changes_seen = self._changes_seen
        credential = await self._store.read(lambda connection: self._load(connection, access_key_id))
        # What was read while a change came in may be stale: it serves this request, and is not kept.
        if credential is not None and changes_seen == self._changes_seen:
            if len(self._credentials) >= CACHED_CREDENTIALS_MAX:
                self._credentials.clear()
            self._credentials[access_key_id] = credential
        return credential

    def _load(self, connection: Connection, access_key_id: str) -> Credential | None:
        row = tables.select_access_key(connection, access_key_id)
        if row is None or row.status != ACTIVE:
            return None
        secret = self._sealer.open(row.sealed, tables.ACCESS_KEY_PLACE.format(access_key_id=access_key_id)).decode()
        if row.principal_arn != root_arn(row.account_id, row.principal_arn.split(":")[1]):
            # Unknown means no: a principal that this version cannot place gets nothing.
            return None
        return Credential(secret, Caller.root(row.account_id, access_key_id, row.principal_arn.split(":")[1]))

    async def root_access_key(self, account_id: str, region: str) -> Credential | None:
        """Return the account root's oldest active access key, or None before the first start."""
        arn = root_arn(account_id, partition_of(region))
        rows = await self._store.read(lambda connection: tables.select_access_keys_of(connection, arn))
        for row in rows:
            if row.status == ACTIVE:
                return await self.find(row.access_key_id)
        return None

    async def ensure_root_access_key(
        self, account_id: str, region: str, now: float, access_key_id: str | None, secret_access_key: str | None
    ) -> None:
        """Make the account root's access key at first start: the one given, or a random one.

        Raises OperatorError for a given key that no client could sign with, or that differs from the one in force.
        """
        if access_key_id is not None and secret_access_key is not None:
            _must_be_usable(access_key_id, secret_access_key)
        arn = root_arn(account_id, partition_of(region))
        chosen_id = access_key_id or new_access_key_id()
        secret = secret_access_key or new_secret_access_key()
        sealed = self._sealer.seal(secret.encode(), tables.ACCESS_KEY_PLACE.format(access_key_id=chosen_id))
        values = {
            "access_key_id": chosen_id,
            "account_id": account_id,
            "principal_arn": arn,
            "status": ACTIVE,
            "created_at": now,
            "sealed": sealed,
        }

        def insert_if_first(connection: Connection) -> None:
            if not tables.select_access_keys_of(connection, arn):
                tables.insert_access_key(connection, values)

        await self._store.write(insert_if_first, invalidates=(_CACHE_PREFIX + chosen_id,))


def _must_be_usable(access_key_id: str, secret_access_key: str) -> None:
    # Source: IAM API Reference, AccessKey: 16 to 128 word characters; a secret has 40, ours may be longer.
    if not (16 <= len(access_key_id) <= 128 and access_key_id.isascii() and access_key_id.isalnum()):
        raise OperatorError("root-access-key-id must be 16 to 128 letters and digits")
    if not (16 <= len(secret_access_key) <= 128 and secret_access_key.isascii() and secret_access_key.isprintable()):
        raise OperatorError("root-secret-access-key must be 16 to 128 printable ASCII characters")
