"""Values of quotas, set as the operator's commands set them."""

from tests.opened_house import OpenedHouse

from strongroom.operations.quotas.quota import Quota
from strongroom.operations.quotas.tables import EVERY
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, set_value


async def with_quota(
    house: OpenedHouse, quota: Quota, value: float, account_id: str = EVERY, region: str = EVERY
) -> int:
    """Set the value of a quota of an opened house; return how many values it took the place of."""
    return await house.house.store.write(
        lambda connection: set_value(connection, quota, value, house.clock.now(), account_id, region),
        invalidates=(QUOTAS_CACHE_NAME,),
    )
