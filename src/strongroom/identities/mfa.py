"""Codes of virtual MFA devices: accepted once, and only from the one whose device it is.

Source: IAM User Guide, "AWS multi-factor authentication in IAM"; RFC 6238.
"""

from collections.abc import Callable
from typing import Any

from strongroom.crypto.one_time_password import matching_step
from strongroom.envelope.sealed import Sealer
from strongroom.identities import tables
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store


def seed_place(serial_number: str) -> str:
    """Return the place that a device's seed is sealed for."""
    return tables.MFA_SEED_PLACE.format(serial_number=serial_number)


async def check_code(
    store: Store, sealer: Sealer, principal_id: str, serial_number: str, code: str, now: float
) -> bool:
    """Return whether `code` is what the device shows, and use it up: it is never accepted again.

    The device has to be enabled for `principal_id`: the user's unique id, or the account id for an account's root user.
    `now` is in seconds since the epoch, of the real clock: the device has its own, which nobody moves. Raises
    SealBroken when the stored seed was changed behind Strongroom's back.
    """
    row = await store.read(lambda connection: tables.select_mfa_device(connection, serial_number))
    if row is None or row.enabled_at is None or row.principal_id is None or row.principal_id != principal_id:
        return False
    step = matching_step(sealer.open(row.sealed, seed_place(serial_number)), code, now)
    return step is not None and await store.write(_using(row, step))


def _using(row: Any, step: int) -> Callable[[Connection], bool]:
    def use(connection: Connection) -> bool:
        current = tables.select_mfa_device(connection, row.serial_number)
        # The device may have been taken away, or made anew with another seed, since its row was read.
        if current is None or current.sealed != row.sealed or current.principal_id != row.principal_id:
            return False
        return tables.use_mfa_step(connection, row.serial_number, step)

    return use
