"""One at a time changes an instance's password: two at once would leave nobody sure which one the database has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from strongroom.operations.house import House
from strongroom.services.rds import tables
from strongroom.services.rds.database import BUSY_SECONDS_MAX
from strongroom.services.rds.errors import no_such_instance, not_available
from strongroom.services.rds.instance import Instance, instance_of


@asynccontextmanager
async def holding(house: House, instance: Instance) -> AsyncIterator[Instance]:
    """Have an instance to oneself, as it is by then. Raises InvalidDBInstanceState when somebody else has it.

    A server that is killed meanwhile leaves it to others after `BUSY_SECONDS_MAX`, by the real clock.
    """
    place = (instance.account_id, instance.region, instance.identifier)
    now = house.clock.wall()
    until = now + BUSY_SECONDS_MAX
    if not await house.store.write(lambda connection: tables.hold_instance(connection, *place, now, until)):
        raise not_available(instance.identifier)
    try:
        row = await house.store.read(lambda connection: tables.select_instance(connection, *place))
        if row is None:
            raise no_such_instance(instance.identifier)
        yield instance_of(row)
    finally:
        await house.store.write(lambda connection: tables.update_instance(connection, *place, {"held_until": None}))
