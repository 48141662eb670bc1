"""CreateDBInstance: a database that exists is registered, once its master user has logged in.

Source: Amazon RDS API Reference, CreateDBInstance.
"""

import json
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.conditions import request_tags
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Resource
from strongroom.services.rds import errors, tables
from strongroom.services.rds.access import about_instance
from strongroom.services.rds.database import DatabaseRefused, Databases, Place
from strongroom.services.rds.endpoint import ENGINES, SECRET_TAG, Endpoint, endpoint_of
from strongroom.services.rds.instance import (
    checked_identifier,
    described,
    instance_arn,
    instance_of,
    new_resource_id,
)
from strongroom.services.rds.managed_password import delete_secret, make_secret, rotate_new
from strongroom.services.rds.parameters import kept_settings, refuse_what_is_not_served
from strongroom.services.rds.passwords import seal_password
from strongroom.services.rds.quotas import INSTANCES_QUOTA
from strongroom.services.rds.service import RDS
from strongroom.services.rds.tagging import checked_tags
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable


class _Registration(NamedTuple):
    """What a request asks to be registered."""

    identifier: str
    engine: str
    endpoint: Endpoint
    username: str
    is_managed: bool
    tags: dict[str, str]


@operation(RDS, "CreateDBInstance", needs=about_instance("rds:CreateDBInstance"))
async def create_db_instance(call: Call) -> Answer:
    """Register a database that exists, where the tag `strongroom:endpoint` says that it is.

    The master user must log in with the present password: `MasterUserPassword`, or what is in the secret that the tag
    `strongroom:master-secret` names, read as the caller. With ManageMasterUserPassword the password goes into a secret
    of the instance's own, and is changed at once.
    Raises DBInstanceAlreadyExists, InvalidParameterValue, InvalidParameterCombination.
    """
    registration = _read(call)
    password = await _present_password(call, registration.tags)
    arn = instance_arn(call.account_id, call.region, registration.identifier)
    address = registration.endpoint.address
    if call.target is not None:
        raise errors.instance_exists()
    endpoint, user = registration.endpoint, registration.username
    place = Place(call.account_id, arn, registration.engine, address, endpoint.database, endpoint.verifies_tls, user)
    try:
        version = await call.house.part(Databases).version(place, password)
    except DatabaseRefused as refused:
        raise errors.not_let_in(str(address), str(refused)) from None
    _must_be_version(call.params.get("EngineVersion"), version)
    columns = {**_columns(call, registration), "engine_version": version}
    if not registration.is_managed:
        columns["sealed_password"] = seal_password(
            call.house.sealer, call.account_id, call.region, registration.identifier, password
        )
        return await _insert(call, columns, arn)
    key_id = call.params.get("MasterUserSecretKmsKeyId")
    secret = await make_secret(call, arn, registration.username, password, key_id)
    try:
        answer = await _insert(call, columns | secret, arn)
    except StorageUnavailable:
        # The row may have been written all the same, and then the secret alone has the password.
        raise
    except Exception:
        await delete_secret(call.house, call.account_id, call.region, secret["secret_arn"])
        raise
    await rotate_new(call.house, call.account_id, call.region, secret["secret_arn"])
    return answer


def _read(call: Call) -> _Registration:
    params = call.params
    identifier = checked_identifier(params["DBInstanceIdentifier"])
    engine: str = params["Engine"]
    if engine not in ENGINES:
        raise errors.invalid_value(f"Invalid DB engine: {engine}. Strongroom registers {', '.join(ENGINES)}.")
    refuse_what_is_not_served(params)
    tags = checked_tags(request_tags(params))
    endpoint = endpoint_of(tags, engine)
    username = params.get("MasterUsername")
    if not username or "\0" in username:
        raise errors.invalid_value("The parameter MasterUsername must be provided and must not be blank.")
    if params.get("Port") not in (None, endpoint.address.port):
        raise errors.invalid_combination("Port must be the one in the tag strongroom:endpoint.")
    if params.get("DBName") not in (None, "", endpoint.database):
        raise errors.invalid_combination("DBName must be the one in the tag strongroom:endpoint.")
    is_managed = bool(params.get("ManageMasterUserPassword"))
    if params.get("MasterUserSecretKmsKeyId") and not is_managed:
        raise errors.invalid_combination("MasterUserSecretKmsKeyId requires ManageMasterUserPassword.")
    return _Registration(identifier, engine, endpoint, username, is_managed, tags)


async def _present_password(call: Call, tags: dict[str, str]) -> str:
    """Return the password that the master user has. Raises what Secrets Manager refuses the caller."""
    sent, named = call.params.get("MasterUserPassword"), tags.get(SECRET_TAG)
    if bool(sent) == bool(named):
        raise errors.invalid_combination(
            "The master user's present password must be given: as MasterUserPassword, or by the tag "
            "strongroom:master-secret, which names a secret that has it. It is replaced at once with "
            "ManageMasterUserPassword."
        )
    if sent:
        return str(sent)
    try:
        told = await call.invoke("secretsmanager", "GetSecretValue", {"SecretId": named})
    except AwsError as error:
        raise errors.secret_not_read(error) from None
    text = told.get("SecretString") or ""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    password = values.get("password") if isinstance(values, dict) else text
    if not isinstance(password, str) or not password:
        raise errors.invalid_value("The secret of the tag strongroom:master-secret has no password.")
    return password


def _must_be_version(wanted: str | None, version: str) -> None:
    if wanted and version != wanted and not version.startswith(f"{wanted}."):
        raise errors.invalid_combination(f"The database is of version {version}, not {wanted}.")


def _columns(call: Call, registration: _Registration) -> dict[str, Any]:
    return {
        "account_id": call.account_id,
        "region": call.region,
        "identifier": registration.identifier,
        "resource_id": new_resource_id(),
        "created_at": call.now,
        "engine": registration.engine,
        "host": registration.endpoint.address.host,
        "port": registration.endpoint.address.port,
        "database": registration.endpoint.database,
        "verifies_tls": registration.endpoint.verifies_tls,
        "master_username": registration.username,
        "deletion_protection": bool(call.params.get("DeletionProtection")),
        "settings": kept_settings(call.params),
        "tags": registration.tags,
    }


async def _insert(call: Call, columns: dict[str, Any], arn: str) -> Answer:
    call.made = (Resource(arn, call.account_id, "AWS::RDS::DBInstance"),)
    wall = call.house.clock.wall()
    most = call.house.quotas.most(INSTANCES_QUOTA, call.account_id, call.region)

    def insert(connection: Connection) -> Answer:
        place = (call.account_id, call.region, columns["identifier"])
        if tables.select_instance(connection, *place) is not None:
            raise errors.instance_exists()
        if tables.count_instances(connection, call.account_id, call.region) >= most:
            raise errors.instance_quota_exceeded()
        tables.insert_instance(connection, columns)
        row = tables.select_instance(connection, *place)
        return {"DBInstance": described(instance_of(row), wall)}

    return await call.write(insert)
