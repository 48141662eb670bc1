"""Accounts: making one with its root user's access key, and listing them.

All accounts of a store belong to one organization unless they are made otherwise, as accounts that AWS Organizations
makes do. Source: AWS Organizations API Reference, "CreateAccount", "Organization".
"""

import re
import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.envelope.sealed import Sealer
from strongroom.identities import tables
from strongroom.identities.identifiers import new_access_key_id, new_secret_access_key
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

ACCOUNT_NAME_CHARACTERS_MAX = 50
ACTIVE = "Active"
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account just made, with its root user's access key: the only time that its secret is shown."""

    account_id: str
    name: str
    organization_id: str | None
    access_key_id: str
    secret_access_key: str = field(repr=False)


def new_organization_id() -> str:
    """Return a new organization id: `o-` and 10 characters."""
    return "o-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))


def access_key_place(access_key_id: str) -> str:
    """Return the place that an access key's secret is sealed for."""
    return tables.ACCESS_KEY_PLACE.format(access_key_id=access_key_id)


def access_key_values(
    sealer: Sealer, access_key_id: str, secret_access_key: str, account_id: str, principal_id: str, now: float
) -> dict[str, Any]:
    """Return the row of a new, active access key, its secret sealed."""
    return {
        "access_key_id": access_key_id,
        "account_id": account_id,
        "principal_id": principal_id,
        "status": ACTIVE,
        "created_at": now,
        "sealed": sealer.seal(secret_access_key.encode(), access_key_place(access_key_id)),
    }


def ensure_account(connection: Connection, account_id: str, now: float) -> None:
    """Make the row of the account that the server was configured with, unless it is there."""
    if tables.select_account(connection, account_id) is None:
        others = tables.select_accounts(connection)
        values = {
            "account_id": account_id,
            "name": "main",
            "organization_id": others[0].organization_id if others else new_organization_id(),
            "created_at": now,
        }
        tables.insert_account(connection, values)


async def create_account(
    store: Store,
    sealer: Sealer,
    account_id: str,
    name: str,
    now: float,
    *,
    organization_id: str | None = None,
    along: Callable[[Connection], None],
) -> NewAccount:
    """Make an account and its root user's access key. `now` is in seconds. `along` records it in the same transaction.

    Without `organization_id` the account joins the organization of the oldest account; an empty one means none.
    Raises OperatorError for an id that is not 12 digits, a name or organization id of another form, and an account
    that exists.
    """
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise OperatorError(f"{account_id!r} is not an account id: it has 12 digits")
    if not 1 <= len(name) <= ACCOUNT_NAME_CHARACTERS_MAX or not name.isprintable():
        raise OperatorError(f"an account's name has 1 to {ACCOUNT_NAME_CHARACTERS_MAX} printable characters")
    if organization_id and not _ORGANIZATION_ID.fullmatch(organization_id):
        raise OperatorError(
            f"{organization_id!r} is not an organization id: o- and 10 to 32 lower-case letters or digits"
        )
    access_key_id, secret = new_access_key_id(), new_secret_access_key()
    key = access_key_values(sealer, access_key_id, secret, account_id, account_id, now)

    def insert(connection: Connection) -> str | None:
        if tables.select_account(connection, account_id) is not None:
            raise OperatorError(f"the account {account_id} exists already")
        oldest = min(tables.select_accounts(connection), key=lambda row: row.created_at, default=None)
        inherited = oldest.organization_id if oldest is not None else new_organization_id()
        chosen = inherited if organization_id is None else organization_id or None
        values = {"account_id": account_id, "name": name, "organization_id": chosen, "created_at": now}
        tables.insert_account(connection, values)
        tables.insert_access_key(connection, key)
        along(connection)
        return chosen

    chosen = await store.write(insert)
    return NewAccount(account_id, name, chosen, access_key_id, secret)


async def list_accounts(store: Store) -> Sequence[Any]:
    """Return the row of every account, in the order of the account ids."""
    return await store.read(tables.select_accounts)
