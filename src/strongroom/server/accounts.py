"""The accounts of a store, for an operator's commands."""

import time
from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.envelope.sealed import Sealer
from strongroom.identities.accounts import NewAccount, create_account, list_accounts
from strongroom.identities.tables import select_account
from strongroom.operations.audit import Audit
from strongroom.operations.trail import Resource, service_event
from strongroom.server.clock import clock_of
from strongroom.server.operator_store import operator_store
from strongroom.services.servicequotas.templates import request_for_new_account
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store


async def make_account(
    configuration: Configuration, account_id: str, name: str, organization_id: str | None
) -> NewAccount:
    """Make an account, with its audit record, and with the quota requests of its organization's template.

    Raises OperatorError, as `identities.accounts.create_account` does."""
    clock = clock_of(configuration)
    async with operator_store(configuration, clock.now()) as (store, sealer):
        audit = Audit(store, sealer, clock)
        return await add_account(store, sealer, audit, clock, configuration, account_id, name, organization_id)


async def add_account(
    store: Store,
    sealer: Sealer,
    audit: Audit,
    clock: Clock,
    configuration: Configuration,
    account_id: str,
    name: str,
    organization_id: str | None,
) -> NewAccount:
    """Make an account in a store that is open, as `make_account` does."""
    now = clock.now()
    event = service_event(
        "organizations",
        "organizations.amazonaws.com",
        "CreateAccountResult",
        configuration.region,
        Resource(
            f"arn:aws:organizations::{configuration.account_id}:account/{account_id}",
            account_id,
            "AWS::Organizations::Account",
        ),
        now,
        {"accountId": account_id, "accountName": name},
    )

    def along(connection: Connection) -> None:
        audit.insert_event(connection, event)
        made = select_account(connection, account_id)
        request_for_new_account(connection, account_id, made.organization_id if made is not None else None, now)

    return await create_account(store, sealer, account_id, name, now, organization_id=organization_id, along=along)


async def read_accounts(configuration: Configuration) -> Sequence[Any]:
    """Return the row of every account, in the order of the account ids. Raises OperatorError."""
    async with operator_store(configuration, time.time()) as (store, _):
        return await list_accounts(store)
