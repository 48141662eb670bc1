"""DeleteSecret and RestoreSecret: a secret waits, can be saved while it waits, and then is gone for good.

Source: AWS Secrets Manager User Guide, "Delete an AWS Secrets Manager secret"; API Reference.
"""

from functools import partial
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.periodic import periodic
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, events, tables
from strongroom.services.secretsmanager.access import DEFAULT_RECOVERY_DAYS, about_secret, existing
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.managed_secrets import must_be_owner
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.rotations.progress import cancel
from strongroom.services.secretsmanager.schedule import DAY_SECONDS
from strongroom.services.secretsmanager.secret import Secret, read_secret_id, secret_arn
from strongroom.services.secretsmanager.secret_directory import cache_name
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.storage.connection import Connection

RECOVERY_DAYS_MIN, RECOVERY_DAYS_MAX = 7, 30
DELETED_AT_ONCE_MAX = 100


def _recovery_days(call: Call) -> int | None:
    """Return the length of the recovery window, None for none at all. Raises InvalidParameterException."""
    days, force = call.params.get("RecoveryWindowInDays"), call.params.get("ForceDeleteWithoutRecovery")
    if force:
        if days is not None:
            raise errors.invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
            )
        return None
    chosen: int = DEFAULT_RECOVERY_DAYS if days is None else days
    if not RECOVERY_DAYS_MIN <= chosen <= RECOVERY_DAYS_MAX:
        raise errors.invalid_parameter(
            f"The RecoveryWindowInDays value must be between {RECOVERY_DAYS_MIN} and {RECOVERY_DAYS_MAX} days "
            "(inclusive)."
        )
    return chosen


@operation(
    SECRETS_MANAGER,
    "DeleteSecret",
    needs=about_secret("secretsmanager:DeleteSecret"),
    quota=own_quota("DeleteSecret"),
)
async def delete_secret(call: Call) -> Answer:
    """Mark a secret for deletion, or delete it at once. Source: API Reference, DeleteSecret.

    To delete at once what is not there is no error.
    """
    days = _recovery_days(call)
    if days is None and call.target is None:
        return _nothing_to_delete(call)
    secret = existing(call)
    must_be_owner(call, secret)
    if days is not None:
        secret.must_not_wait_for_deletion()
    if secret.is_replica:
        raise errors.not_on_replica()
    deletion_at = call.now + (days or 0) * DAY_SECONDS
    answer: Answer = {"ARN": secret.arn, "Name": secret.name, "DeletionDate": as_datetime(deletion_at)}

    def change(connection: Connection, row: Any) -> Answer:
        regions = [replica.region for replica in tables.replicas_of(connection, secret.arn)]
        if regions:
            raise errors.has_replicas(secret.name, regions)
        if days is None:
            erase(connection, call.house, row, call.now)
            return answer
        cancel(connection, row.arn)
        _record(connection, call.house, row, events.DELETION_STARTED, call.now)
        tables.update_secret(connection, secret.arn, {"deletion_at": deletion_at, "changed_at": call.now})
        return answer

    return await change_secret(call, secret, change, deleted_allowed=days is None)


def _nothing_to_delete(call: Call) -> Answer:
    named = read_secret_id(call.params["SecretId"], call.account_id, call.region)
    arn = named.arn or secret_arn(named.account_id, named.region, named.name)
    return {"ARN": arn, "Name": named.name, "DeletionDate": as_datetime(call.now)}


def erase(connection: Connection, house: House, row: Any, now: float) -> None:
    """Delete a secret for good, and record it for each version. To be done in a transaction."""
    _record(connection, house, row, events.DELETED, now)
    tables.delete_secret(connection, row.arn)


def _record(connection: Connection, house: House, row: Any, name: str, now: float) -> None:
    for version in tables.list_versions(connection, row.arn):
        house.audit.insert_event(connection, events.of_version(name, row, version.version_id, now))


@operation(
    SECRETS_MANAGER,
    "RestoreSecret",
    needs=about_secret("secretsmanager:RestoreSecret"),
    quota=own_quota("RestoreSecret"),
)
async def restore_secret(call: Call) -> Answer:
    """Save a secret that waits for its deletion; no change for any other. Source: API Reference, RestoreSecret."""
    secret: Secret = existing(call)

    def change(connection: Connection, row: Any) -> Answer:
        if row.deletion_at is not None:
            _record(connection, call.house, row, events.DELETION_CANCELLED, call.now)
            tables.update_secret(connection, secret.arn, {"deletion_at": None, "changed_at": call.now})
        return {"ARN": secret.arn, "Name": secret.name}

    return await change_secret(call, secret, change, deleted_allowed=True)


@periodic("secretsmanager/delete-secrets")
async def delete_due_secrets(house: House) -> None:
    """Delete the secrets whose recovery window has ended, versions and all."""
    now = house.clock.now()
    due = await house.store.read(
        lambda connection: tables.secrets_due_for_deletion(connection, now, DELETED_AT_ONCE_MAX)
    )
    for row in due:
        erase_it = partial(_erase_if_still_due, house=house, arn=row.arn, now=now)
        await house.store.write(erase_it, invalidates=(cache_name(row.account_id, row.name),))


def _erase_if_still_due(connection: Connection, house: House, arn: str, now: float) -> None:
    # It may have been restored since the list was made.
    row = tables.select_secret(connection, arn)
    if row is not None and row.deletion_at is not None and row.deletion_at <= now:
        erase(connection, house, row, now)
