"""What the owner of a throw-away server may have it do, from within its process."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from strongroom.base.errors import OperatorError
from strongroom.base.moved_clock import MovedClock
from strongroom.jobs.scheduler import Scheduler
from strongroom.operations.faults import Denial, Fault, Faults, KeyOutage, Throttle
from strongroom.operations.house import House
from strongroom.server.accounts import add_account
from strongroom.server.clock import advance
from strongroom.server.endpoint import Endpoint

if TYPE_CHECKING:
    from strongroom.testing.process import Command

_KINDS: dict[str, Callable[..., Fault]] = {"throttle": Throttle, "denial": Denial, "key outage": KeyOutage}


def commands_of(house: House, endpoint: Endpoint) -> "dict[str, Command]":
    """Return the commands by name: coroutine functions that take and return what JSON can say, or raise."""
    configuration = house.configuration

    async def describe() -> dict[str, Any]:
        """Tell where the server listens, and the access key of its first account."""
        credential = await house.principals.root_access_key(configuration.account_id)
        if credential is None:
            raise OperatorError("the first account has no access key")
        return {
            "https": endpoint.https,
            "http": endpoint.http,
            "region": endpoint.region,
            "ca_bundle": endpoint.ca_bundle,
            "account_id": endpoint.account_id,
            "access_key_id": credential.caller.identity.access_key_id,
            "secret_access_key": credential.secret_access_key,
        }

    async def make_account(account_id: str, name: str) -> dict[str, str]:
        """Make an account, and tell its root user's access key."""
        made = await add_account(
            house.store, house.sealer, house.audit, house.clock, configuration, account_id, name, None
        )
        return {"access_key_id": made.access_key_id, "secret_access_key": made.secret_access_key}

    async def advance_clock(seconds: float) -> float:
        """Move the clock forward, have what is due begun, and tell by how many seconds it is ahead."""
        if not isinstance(house.clock, MovedClock):
            raise OperatorError("this server was started with test_clock=False: its clock cannot be moved")
        await advance(house.clock, timedelta(seconds=seconds), house.store, house.audit, configuration)
        await house.part(Scheduler).catch_up()
        return house.clock.lead.total_seconds()

    async def now() -> float:
        """Tell the time of the house, in seconds since the epoch."""
        return house.clock.now()

    faults = house.faults = Faults()

    async def begin_fault(kind: str, **params: Any) -> int:
        """Put a fault in force, and tell its number."""
        return faults.begin(_KINDS[kind](**params))

    async def struck(number: int) -> int:
        """Tell how many calls a fault has refused so far."""
        return faults.struck(number)

    async def end_fault(number: int) -> int:
        """End a fault, and tell how many calls it refused."""
        return faults.end(number)

    every = (describe, make_account, advance_clock, now, begin_fault, struck, end_fault)
    return {command.__name__: command for command in every}
