"""ModifyDBInstance: the master user's password, really changed, by hand or by Secrets Manager from now on.

Source: Amazon RDS API Reference, ModifyDBInstance; Amazon RDS User Guide, "Password management with Amazon RDS and AWS
Secrets Manager".
"""

import json
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.managed_rotations import perform_as_owner
from strongroom.operations.registry import Answer, operation
from strongroom.services.rds import errors, tables
from strongroom.services.rds.access import about_instance, existing
from strongroom.services.rds.database import DatabaseRefused, Databases
from strongroom.services.rds.holding import holding
from strongroom.services.rds.instance import Instance, described, instance_of
from strongroom.services.rds.managed_password import delete_secret, make_secret, rotate_new, rotate_now
from strongroom.services.rds.parameters import kept_settings, refuse_what_is_not_served
from strongroom.services.rds.passwords import (
    checked_new_password,
    database_of,
    known_passwords,
    seal_new_password,
    seal_password,
)
from strongroom.services.rds.service import RDS
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

_NOT_MANAGED: dict[str, Any] = {"secret_arn": None, "secret_status": None, "kms_key_arn": None}


@operation(RDS, "ModifyDBInstance", needs=about_instance("rds:ModifyDBInstance"))
async def modify_db_instance(call: Call) -> Answer:
    """Change the master user's password, or who keeps it; everything at once, whatever ApplyImmediately says.

    With ManageMasterUserPassword it is Secrets Manager that keeps it, and it is changed at once.
    Raises DBInstanceNotFound, InvalidParameterValue, InvalidParameterCombination, InvalidDBInstanceState.
    """
    instance = existing(call)
    _check(call, instance)
    columns: dict[str, Any] = {"settings": instance.settings | kept_settings(call.params)}
    if call.params.get("DeletionProtection") is not None:
        columns["deletion_protection"] = call.params["DeletionProtection"]
    if call.params.get("MasterUserPassword"):
        return await _set_password(call, instance, columns)
    if call.params.get("ManageMasterUserPassword") and instance.secret_arn is None:
        return await _have_managed(call, instance, columns)
    if call.params.get("RotateMasterUserPassword") and instance.secret_arn is not None:
        await rotate_now(call.house, instance.account_id, instance.region, instance.secret_arn)
    return await _update(call, instance, columns)


def _check(call: Call, instance: Instance) -> None:
    params = call.params
    refuse_what_is_not_served(params)
    password, manages = params.get("MasterUserPassword"), params.get("ManageMasterUserPassword")
    is_managed = instance.secret_arn is not None
    if password and manages:
        raise errors.invalid_combination("You can't specify MasterUserPassword with ManageMasterUserPassword.")
    if password and is_managed and manages is not False:
        raise errors.invalid_combination(
            "You can't specify MasterUserPassword for an instance whose master user password is managed in AWS Secrets "
            "Manager, unless you turn ManageMasterUserPassword off."
        )
    if manages is False and is_managed and not password:
        raise errors.invalid_combination("MasterUserPassword is required to turn ManageMasterUserPassword off.")
    if params.get("RotateMasterUserPassword"):
        if not is_managed or manages is False:
            raise errors.invalid_combination("RotateMasterUserPassword requires ManageMasterUserPassword.")
        if not params.get("ApplyImmediately"):
            raise errors.invalid_combination("RotateMasterUserPassword requires ApplyImmediately.")
    if params.get("MasterUserSecretKmsKeyId") and (is_managed or not manages):
        raise errors.invalid_combination(
            "MasterUserSecretKmsKeyId can be specified only when ManageMasterUserPassword is turned on."
        )
    if params.get("DBPortNumber") not in (None, instance.address.port):
        raise errors.not_served("another port")
    if params.get("EngineVersion") and not instance.engine_version.startswith(params["EngineVersion"]):
        raise errors.not_served("another engine version")
    if password:
        checked_new_password(password, instance.engine)


async def _set_password(call: Call, instance: Instance, columns: dict[str, Any]) -> Answer:
    """Change the password in the database, and then here.

    It is written down first: after a crash the database has it, or the one before, and both are known.
    """
    password: str = call.params["MasterUserPassword"]
    house, place = call.house, (instance.account_id, instance.region, instance.identifier)
    async with holding(house, instance) as held:
        earlier = known_passwords(house.sealer, held)
        if held.secret_arn is not None:
            earlier += await _passwords_in_secret(call, held.secret_arn)
        sealed = {"sealed_new_password": seal_new_password(house.sealer, held, password)}
        if len(earlier) > 1:  # The one that is in force must not be overwritten.
            in_force = await _in_force(call, held, [*earlier, password])
            sealed["sealed_password"] = seal_password(house.sealer, *place, in_force)
        await house.store.write(lambda connection: tables.update_instance(connection, *place, sealed))
        try:
            await house.part(Databases).change_password(database_of(held), password, earlier)
        except DatabaseRefused as refused:
            raise errors.change_refused(str(held.address), str(refused)) from None
        if held.secret_arn is not None:
            await delete_secret(house, held.account_id, held.region, held.secret_arn)
        final = {"sealed_password": seal_password(house.sealer, *place, password), "sealed_new_password": None}
        return await _update(call, held, columns | _NOT_MANAGED | final)


async def _in_force(call: Call, instance: Instance, candidates: list[str]) -> str:
    """Return the password that the database has, of those that it may have. Raises InvalidDBInstanceState."""
    told = ""
    for candidate in candidates:
        try:
            await call.house.part(Databases).version(database_of(instance), candidate)
        except DatabaseRefused as refused:
            told = str(refused)
        else:
            return candidate
    raise errors.change_refused(str(instance.address), told)


async def _passwords_in_secret(call: Call, arn: str) -> list[str]:
    """Return the passwords of a secret of RDS's own that the database may have."""
    found = []
    for stage in ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"):
        params = {"SecretId": arn, "VersionStage": stage}
        try:
            told = await perform_as_owner(call.house, "rds", call.account_id, call.region, "GetSecretValue", params)
        except AwsError:
            continue
        found.append(json.loads(told["SecretString"])["password"])
    return found


async def _have_managed(call: Call, instance: Instance, columns: dict[str, Any]) -> Answer:
    """Put the password into a secret, and have it changed."""
    house = call.house
    async with holding(house, instance) as held:
        if held.secret_arn is not None:
            raise errors.not_available(held.identifier)
        password = await _in_force(call, held, known_passwords(house.sealer, held))
        key_id = call.params.get("MasterUserSecretKmsKeyId")
        secret = await make_secret(call, held.arn, held.master_username, password, key_id)
        try:
            answer = await _update(
                call, held, {**columns, **secret, "sealed_password": None, "sealed_new_password": None}
            )
        except StorageUnavailable:
            # The row may have been written all the same, and then the secret alone has the password.
            raise
        except Exception:
            await delete_secret(house, held.account_id, held.region, secret["secret_arn"])
            raise
    await rotate_new(house, instance.account_id, instance.region, secret["secret_arn"])
    return answer


async def _update(call: Call, instance: Instance, columns: dict[str, Any]) -> Answer:
    wall = call.house.clock.wall()

    def update(connection: Connection) -> Answer:
        place = (instance.account_id, instance.region, instance.identifier)
        if tables.select_instance(connection, *place) is None:
            raise errors.no_such_instance(instance.identifier)
        tables.update_instance(connection, *place, columns)
        return {"DBInstance": described(instance_of(tables.select_instance(connection, *place)), wall)}

    return await call.write(update)
