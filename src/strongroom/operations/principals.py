"""Who signs: access keys and session tokens, turned into callers once and kept until a change."""

from collections.abc import Sequence

from strongroom.base.arn import partition_of
from strongroom.base.errors import OperatorError
from strongroom.envelope.sealed import Sealer
from strongroom.identities import tables
from strongroom.identities.accounts import ACTIVE, access_key_place, access_key_values, ensure_account
from strongroom.identities.directory import Directory, changed_accounts
from strongroom.identities.identifiers import new_access_key_id, new_secret_access_key
from strongroom.identities.sessions import Session, session_of
from strongroom.operations import session_callers
from strongroom.operations.callers import Caller, Credential
from strongroom.operations.session_callers import user_caller
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

CACHED_CREDENTIALS_MAX = 10_000
TEMPORARY_PREFIX = "ASIA"
_CACHE_PREFIX = "access-key/"


def access_key_cache_name(access_key_id: str) -> str:
    """Return the name under which a change to an access key is announced to the caches."""
    return _CACHE_PREFIX + access_key_id


class Principals:
    """Who holds which credentials of one house."""

    def __init__(self, store: Store, sealer: Sealer, directory: Directory) -> None:
        self._store = store
        self._sealer = sealer
        self._directory = directory
        self._credentials: dict[str, Credential] = {}
        self._changes_seen = 0
        store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        accounts = changed_accounts(names)
        if accounts is None or accounts or any(name.startswith(_CACHE_PREFIX) for name in names):
            self._changes_seen += 1
            self._credentials.clear()

    def known(self, access_key_id: str) -> Credential | None:
        """Return a credential that is at hand already. Whether its token was sent and is current is for the asker."""
        return self._credentials.get(access_key_id)

    async def find(self, access_key_id: str, session_token: str | None = None) -> Credential | None:
        """Return the credential of an active access key, or of a session by its token; None for what is neither.

        A session that has expired is returned all the same: `Credential.expires_at` tells.
        """
        known = self._credentials.get(access_key_id)
        if known is not None:
            return known if known.session_token == (session_token or "") else None
        changes_seen = self._changes_seen
        if access_key_id.startswith(TEMPORARY_PREFIX):
            credential = await self._of_session(access_key_id, session_token)
        else:
            credential = None if session_token else await self._of_access_key(access_key_id)
        # What was read while a change came in may be stale: it serves this request, and is not kept.
        if credential is not None and changes_seen == self._changes_seen:
            if len(self._credentials) >= CACHED_CREDENTIALS_MAX:
                self._credentials.clear()
            self._credentials[access_key_id] = credential
        return credential

    async def _of_access_key(self, access_key_id: str) -> Credential | None:
        row = await self._store.read(lambda connection: tables.select_access_key(connection, access_key_id))
        if row is None or row.status != ACTIVE:
            return None
        organization_id = await self._organization_of(row.account_id)
        if row.principal_id == row.account_id:
            caller = Caller.root(row.account_id, access_key_id, self._directory.partition, organization_id)
        else:
            user = await self._directory.find(row.principal_id)
            if user is None:
                # Unknown means no: a holder that cannot be found gets nothing.
                return None
            caller = user_caller(user, access_key_id, organization_id)
        secret = self._sealer.open(row.sealed, access_key_place(access_key_id)).decode()
        return Credential(secret, caller)

    async def _of_session(self, access_key_id: str, session_token: str | None) -> Credential | None:
        session = session_of(access_key_id, session_token or "", self._sealer)
        if session is None:
            return None
        caller = await self.caller_of_session(session)
        if caller is None:
            return None
        return Credential(session.secret_access_key, caller, session_token or "", session.expires_at)

    async def caller_of_session(self, session: Session) -> Caller | None:
        """Return who acts by a session, or None when the role or user behind it is gone."""
        organization_id = await self._organization_of(session.account_id)
        return await session_callers.caller_of(session, self._directory, organization_id)

    async def _organization_of(self, account_id: str) -> str | None:
        row = await self._store.read(lambda connection: tables.select_account(connection, account_id))
        return row.organization_id if row is not None else None

    async def root_access_key(self, account_id: str) -> Credential | None:
        """Return the account root's oldest active access key, or None before the first start."""
        rows = await self._store.read(lambda connection: tables.select_access_keys_of(connection, account_id))
        for row in rows:
            if row.status == ACTIVE:
                return await self.find(row.access_key_id)
        return None

    async def ensure_root_access_key(
        self, account_id: str, now: float, access_key_id: str | None, secret_access_key: str | None
    ) -> None:
        """Make the account and its root's access key at first start: the one given, or a random one.

        Raises OperatorError for a given key that no client could sign with.
        """
        if access_key_id is not None and secret_access_key is not None:
            _must_be_usable(access_key_id, secret_access_key)
        chosen_id = access_key_id or new_access_key_id()
        secret = secret_access_key or new_secret_access_key()
        values = access_key_values(self._sealer, chosen_id, secret, account_id, account_id, now)

        def insert_if_first(connection: Connection) -> None:
            ensure_account(connection, account_id, now)
            if not tables.select_access_keys_of(connection, account_id):
                tables.insert_access_key(connection, values)

        await self._store.write(insert_if_first, invalidates=(access_key_cache_name(chosen_id),))


def directory_of(store: Store, region: str) -> Directory:
    """Return the directory of a store whose server is configured for `region`."""
    return Directory(store, partition_of(region))


def _must_be_usable(access_key_id: str, secret_access_key: str) -> None:
    # Source: IAM API Reference, AccessKey: 16 to 128 word characters; a secret has 40, ours may be longer.
    if not (16 <= len(access_key_id) <= 128 and access_key_id.isascii() and access_key_id.isalnum()):
        raise OperatorError("root-access-key-id must be 16 to 128 letters and digits")
    if access_key_id.startswith(TEMPORARY_PREFIX):
        raise OperatorError(f"root-access-key-id must not begin with {TEMPORARY_PREFIX}: that is for temporary ones")
    if not (16 <= len(secret_access_key) <= 128 and secret_access_key.isascii() and secret_access_key.isprintable()):
        raise OperatorError("root-secret-access-key must be 16 to 128 printable ASCII characters")
