"""Master passwords that are in Secrets Manager: a secret `rds!db-...` for each instance, rotated without a function.

The secret is made with the password that the database has, and rotated at once: from then on nobody knows it who has
not read the secret. It is rotated every 7 days, or as somebody asks of Secrets Manager.

Source: Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager".
"""

import contextlib
import json
import uuid
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.managed_rotations import (
    CREATE,
    FINISH,
    SET,
    TEST,
    ManagedSecret,
    RotationFailed,
    managed_rotation,
    perform_as_owner,
)
from strongroom.services.rds import errors, tables
from strongroom.services.rds.database import DatabaseRefused, Databases
from strongroom.services.rds.holding import holding
from strongroom.services.rds.instance import ACTIVE, IMPAIRED, ROTATING, Instance, instance_of
from strongroom.services.rds.passwords import database_of

_SERVICE = "rds"
_PASSWORD_LENGTH = 28
# As for MasterUserPassword, and what shells and URLs do not take well.
_EXCLUDED = "/@\"'\\ :"
RECOVERY_DAYS = 30
"""For how long the secret of an instance that is not registered any more can be restored: the database still has it."""


async def make_secret(call: Call, arn: str, username: str, password: str, key_id: str | None) -> dict[str, str]:
    """Make the secret of an instance on the caller's behalf, and return the columns that name it.

    Raises AccessDenied, KMSKeyNotAccessibleFault.
    """
    params: dict[str, Any] = {
        "Name": f"rds!db-{uuid.uuid4()}",
        "ClientRequestToken": str(uuid.uuid4()),
        "Description": f"The secret associated with the primary RDS DB instance: {arn}",
        "SecretString": json.dumps({"username": username, "password": password}),
        "Tags": [{"Key": "aws:rds:primaryDBInstanceArn", "Value": arn}],
    }
    if key_id:
        params["KmsKeyId"] = key_id
    try:
        made = await call.invoke("secretsmanager", "CreateSecret", params)
    except AwsError as error:
        raise errors.secret_not_made(error) from None
    try:
        key = await call.invoke("kms", "DescribeKey", {"KeyId": key_id or "alias/aws/secretsmanager"})
    except AwsError as error:
        await delete_secret(call.house, call.account_id, call.region, made["ARN"])
        raise errors.secret_not_made(error) from None
    return {"secret_arn": made["ARN"], "secret_status": ACTIVE, "kms_key_arn": key["KeyMetadata"]["Arn"]}


async def delete_secret(house: House, account_id: str, region: str, arn: str, *, recoverable: bool = False) -> None:
    """Delete the secret of an instance, at once unless it can be restored for a while. One that is gone is no error."""
    how: dict[str, Any] = {"RecoveryWindowInDays": RECOVERY_DAYS}
    if not recoverable:
        how = {"ForceDeleteWithoutRecovery": True}
    try:
        await perform_as_owner(house, _SERVICE, account_id, region, "DeleteSecret", {"SecretId": arn, **how})
    except AwsError as error:
        if error.code not in ("ResourceNotFoundException", "InvalidRequestException"):
            raise


async def rotate_now(house: House, account_id: str, region: str, arn: str) -> None:
    """Begin a rotation of an instance's secret; it goes on by itself. Raises what Secrets Manager raises."""
    params = {"SecretId": arn, "ClientRequestToken": str(uuid.uuid4())}
    await perform_as_owner(house, _SERVICE, account_id, region, "RotateSecret", params)


async def rotate_new(house: House, account_id: str, region: str, arn: str) -> None:
    """Begin the first rotation of a secret that was just made. What keeps it from beginning is no error any more."""
    with contextlib.suppress(AwsError):
        await rotate_now(house, account_id, region, arn)


@managed_rotation(_SERVICE)
async def rotate(house: House, secret: ManagedSecret, step: str) -> None:
    """Carry out one step of a rotation. Raises AwsError, RotationFailed."""
    rotation = _Rotation(house, secret)
    instance = await rotation.find_instance()
    try:
        if step == CREATE:
            await rotation.create(instance)
        elif step == SET:
            await rotation.set(instance)
        elif step == TEST:
            await rotation.test(instance)
        elif step == FINISH:
            await rotation.finish()
    except Exception:
        await rotation.note(instance, IMPAIRED)
        raise
    await rotation.note(instance, ACTIVE if step == FINISH else ROTATING)


class _Rotation:
    """A rotation of one secret."""

    def __init__(self, house: House, secret: ManagedSecret) -> None:
        self._house = house
        self._secret = secret

    async def _perform(self, operation: str, **params: Any) -> dict[str, Any]:
        secret = self._secret
        params = {"SecretId": secret.arn, **params}
        return await perform_as_owner(self._house, _SERVICE, secret.account_id, secret.region, operation, params)

    async def _password(self, **which: str) -> str | None:
        """Return the password of a version, None when there is no such version or it has no value yet."""
        try:
            told = await self._perform("GetSecretValue", **which)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return None
        password: str = json.loads(told["SecretString"])["password"]
        return password

    async def _pending(self) -> str:
        password = await self._password(VersionId=self._secret.version_id)
        if password is None:
            raise RotationFailed("The new version has no value.")
        return password

    async def find_instance(self) -> Instance:
        """Return the instance whose password the secret holds. Raises RotationFailed."""
        row = await self._house.store.read(
            lambda connection: tables.select_instance_of_secret(connection, self._secret.arn)
        )
        if row is None:
            raise RotationFailed("No database instance has its master password in this secret.")
        return instance_of(row)

    async def create(self, instance: Instance) -> None:
        """Make a new password, unless this rotation has one: the database may have it already."""
        if await self._password(VersionId=self._secret.version_id) is not None:
            return
        made = await perform_as_owner(
            self._house,
            _SERVICE,
            self._secret.account_id,
            self._secret.region,
            "GetRandomPassword",
            {"PasswordLength": _PASSWORD_LENGTH, "ExcludeCharacters": _EXCLUDED},
        )
        values = {"username": instance.master_username, "password": made["RandomPassword"]}
        await self._perform(
            "PutSecretValue",
            ClientRequestToken=self._secret.version_id,
            SecretString=json.dumps(values),
            VersionStages=["AWSPENDING"],
        )

    async def set(self, instance: Instance) -> None:
        """Have the database let the new password in. Raises RotationFailed."""
        pending = await self._pending()
        stages = [await self._password(VersionStage=stage) for stage in ("AWSCURRENT", "AWSPREVIOUS")]
        async with holding(self._house, instance):
            try:
                await self._house.part(Databases).change_password(
                    database_of(instance), pending, [password for password in stages if password is not None]
                )
            except DatabaseRefused as refused:
                raise RotationFailed(f"The database at {instance.address}: {refused}") from None

    async def test(self, instance: Instance) -> None:
        """Log in with the new password. Raises RotationFailed."""
        try:
            await self._house.part(Databases).version(database_of(instance), await self._pending())
        except DatabaseRefused as refused:
            raise RotationFailed(f"The database at {instance.address}: {refused}") from None

    async def finish(self) -> None:
        """Give the new password to whoever asks for the secret."""
        stages = (await self._perform("DescribeSecret"))["VersionIdsToStages"]
        current = next((version for version, has in stages.items() if "AWSCURRENT" in has), None)
        if current == self._secret.version_id:
            return
        move = {"MoveToVersionId": self._secret.version_id}
        if current is not None:
            move["RemoveFromVersionId"] = current
        await self._perform("UpdateSecretVersionStage", VersionStage="AWSCURRENT", **move)

    async def note(self, instance: Instance, status: str) -> None:
        """Write how the secret fares, for who describes the instance."""
        if instance.secret_status == status:
            return
        await self._house.store.write(
            lambda connection: tables.update_instance(
                connection,
                instance.account_id,
                instance.region,
                instance.identifier,
                {"secret_status": status},
            )
        )
