"""Changes to an account's IAM: one transaction that reads what is so now, decides, changes and records."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from strongroom.identities.directory import account_cache_name
from strongroom.operations.call import Call
from strongroom.storage.connection import Connection

T = TypeVar("T")


async def change_account(call: Call, change: Callable[[Connection], T], also: Iterable[str] = ()) -> T:
    """Run `change` in one durable transaction with the audit record; whoever is cached of the account is read anew.

    `change` may run more than once and must only touch the database. `also` names further cache entries.
    """
    return await call.write(change, invalidates=(account_cache_name(call.account_id), *also))
