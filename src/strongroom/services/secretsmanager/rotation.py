"""RotateSecret and CancelRotateSecret: when a secret is to be rotated, and by which function.

A rotation is begun here and goes on behind the answer; `rotations/` carries it out.

Source: AWS Secrets Manager User Guide, "Rotate AWS Secrets Manager secrets"; API Reference, RotateSecret.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, existing
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.managed_secrets import is_rotated_by_owner, must_be_owner
from strongroom.services.secretsmanager.mirroring import ReplicaValue, seal_for_all
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.request_members import checked_token
from strongroom.services.secretsmanager.rotations import progress
from strongroom.services.secretsmanager.rotations.runs import Rotations
from strongroom.services.secretsmanager.rotations.steps import must_be_invocable
from strongroom.services.secretsmanager.rotations.tables import select_rotation
from strongroom.services.secretsmanager.schedule import read_rules, window_columns
from strongroom.services.secretsmanager.sealing import SealedValue, seal, unseal
from strongroom.services.secretsmanager.secret import CURRENT, PENDING, Secret
from strongroom.services.secretsmanager.secret_directory import cache_name
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.storage.connection import Connection

_NO_FUNCTION = (
    "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured and you "
    "didn't include such an ARN as a parameter in this call."
)


class _Test(NamedTuple):
    """The value that a test of the configuration is made with: the current one, under another version id."""

    value: SealedValue
    of_replicas: tuple[ReplicaValue, ...]


@operation(
    SECRETS_MANAGER,
    "RotateSecret",
    needs=about_secret("secretsmanager:RotateSecret"),
    quota=own_quota("RotateSecret"),
)
async def rotate_secret(call: Call) -> Answer:
    """Set when and by which function a secret is rotated, and rotate it, or test that. Source: RotateSecret.

    Without RotateImmediately=false a rotation begins, to the version that ClientRequestToken names. With it the
    function's testSecret step is tried with a copy of the current value, for which the caller needs the key; a service
    that rotates its own secrets is not tried.
    """
    secret = existing(call)
    secret.must_be_changeable()
    columns = await _configuration(call, secret)
    at_once = call.params.get("RotateImmediately", True)
    token = checked_token(call) if at_once or call.params.get("ClientRequestToken") else str(uuid.uuid4())
    await _reattempt_if_unfinished(call, secret, token)
    test = await _test_value(call, secret, token) if not at_once and not is_rotated_by_owner(secret) else None
    answer: Answer = {"ARN": secret.arn, "Name": secret.name}

    def change(connection: Connection, row: Any) -> Answer:
        if at_once and _is_carried_out(connection, secret, token):
            return answer | {"VersionId": token}
        progress.give_up_test(connection, secret.arn)
        version_id = _version_to_make(connection, secret, token) if at_once or test is not None else None
        tables.update_secret(connection, secret.arn, columns)
        if version_id is not None:
            progress.begin(connection, call, row, version_id, test_value=test.value if test is not None else None)
        return answer | ({"VersionId": version_id} if at_once else {})

    answered = await change_secret(call, secret, change, test.of_replicas if test is not None else ())
    if at_once or test is not None:
        call.house.part(Rotations).start(secret.arn, answered.get("VersionId", token))
    return answered


def _version_to_make(connection: Connection, secret: Secret, token: str) -> str:
    """Return the version that a rotation, or a test of one, leads to: the request's token.

    What the cancelled rotation of a managed secret left pending is gone on with: its users cannot clear that away, and
    it may be what the database knows. Raises InvalidRequestException for any other that is pending.
    """
    pending = tables.stages_of(connection, secret.arn).get(PENDING)
    if progress.is_stuck(connection, secret.arn):
        if pending is None or not is_rotated_by_owner(secret) or select_rotation(connection, secret.arn) is not None:
            raise errors.rotation_unfinished()
        return pending
    if tables.select_version(connection, secret.arn, token) is not None:
        raise errors.token_of_another_version(token, secret.arn)
    return token


async def _configuration(call: Call, secret: Secret) -> dict[str, Any]:
    """Return the columns that a request sets. Raises what AWS raises for a function or rules that cannot be."""
    params, before = call.params, secret.rotation
    _refuse_what_is_not_served(params)
    function_arn = _function(call, secret)
    rules = params.get("RotationRules") or (before.rules if before else None)
    if not rules:
        raise errors.invalid_parameter("RotationRules is required for a secret that has none.")
    # A year of a cron expression takes longer to look at than others should have to wait.
    schedule = await asyncio.to_thread(read_rules, rules)
    if function_arn is not None:
        is_new = bool(params.get("RotationLambdaARN"))
        await must_be_invocable(call, secret.arn, secret.account_id, function_arn, is_new=is_new)
    rotated_at = before.rotated_at if before is not None else None
    window = schedule.next_window(call.now if rotated_at is None else rotated_at, call.now)
    return {
        "rotation_enabled": True,
        "rotation_function_arn": function_arn,
        "rotation_rules": dict(rules),
        "changed_at": call.now,
        **window_columns(window),
    }


def _function(call: Call, secret: Secret) -> str | None:
    """Return the ARN of the function that rotates a secret from now on; None where the service does that owns it.

    Raises InvalidRequestException where there is none, or one too many, InvalidParameterException for another ARN.
    """
    named: str | None = call.params.get("RotationLambdaARN") or None
    if is_rotated_by_owner(secret):
        if named is not None:
            must_be_owner(call, secret)
            raise errors.invalid_parameter("RotationLambdaARN is not for secrets that use managed rotation.")
        return None
    function_arn = named or (secret.rotation.function_arn if secret.rotation else None)
    if function_arn is None:
        raise errors.invalid_request(_NO_FUNCTION)
    arn = parse_arn(function_arn)
    if arn is None or arn.service != "lambda" or not arn.resource.startswith("function:"):
        raise errors.invalid_parameter("RotationLambdaARN must be the ARN of a Lambda function.")
    return function_arn


async def _reattempt_if_unfinished(call: Call, secret: Secret, token: str) -> None:
    """Raise InvalidRequestException where an earlier rotation is not complete, and have that one tried again now."""

    def find(connection: Connection) -> bool:
        rotation = select_rotation(connection, secret.arn)
        if rotation is None and is_rotated_by_owner(secret):
            return False
        if rotation is not None and (rotation.is_test or rotation.version_id == token):
            return False
        return progress.is_stuck(connection, secret.arn)

    def reattempt(connection: Connection) -> str | None:
        row = tables.select_secret(connection, secret.arn)
        return progress.reattempt(connection, call, row) if row is not None and row.deletion_at is None else None

    if not await call.read(find):
        return
    stale = (cache_name(secret.account_id, secret.name),)
    version_id = await call.house.store.write(reattempt, invalidates=stale)
    if version_id is not None:
        call.house.part(Rotations).start(secret.arn, version_id)
    raise errors.rotation_unfinished()


def _is_carried_out(connection: Connection, secret: Secret, token: str) -> bool:
    """Whether a request was carried out already: its version is being rotated to, or is the current one."""
    rotation = select_rotation(connection, secret.arn)
    if rotation is not None and not rotation.is_test and rotation.version_id == token:
        return True
    return tables.stages_of(connection, secret.arn).get(CURRENT) == token


async def _test_value(call: Call, secret: Secret, token: str) -> _Test | None:
    """Return the current value for a test; None for a secret that has no value. Raises what KMS refuses the caller."""
    version = secret.versions.get(secret.stages.get(CURRENT, ""))
    if version is None:
        return None
    value = await unseal(call, secret, version)
    sealed = await seal(call, secret.arn, secret.account_id, secret.region, secret.kms_key_id, token, value)
    return _Test(sealed, await seal_for_all(call, secret, token, value))


def _refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    for member in ("ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn"):
        if params.get(member):
            raise errors.unsupported(f"managed external secrets ({member})")


@operation(
    SECRETS_MANAGER,
    "CancelRotateSecret",
    needs=about_secret("secretsmanager:CancelRotateSecret"),
    quota=own_quota("CancelRotateSecret"),
)
async def cancel_rotate_secret(call: Call) -> Answer:
    """Turn automatic rotation off, and stop the one under way. Source: API Reference, CancelRotateSecret.

    The rules stay, and so does AWSPENDING, on the version that the answer names: whether that one is complete nobody
    but the function knows. A step that is being carried out is not interrupted, but nothing follows from it any more.
    """
    secret: Secret = existing(call)
    secret.must_be_changeable()
    if secret.rotation is None:
        raise errors.invalid_request(_NO_FUNCTION)

    def change(connection: Connection, row: Any) -> Answer:
        progress.cancel(connection, secret.arn)
        columns = {"rotation_enabled": False, "changed_at": call.now, **window_columns(None)}
        tables.update_secret(connection, secret.arn, columns)
        answer: Answer = {"ARN": secret.arn, "Name": secret.name}
        pending = tables.stages_of(connection, secret.arn).get(PENDING)
        return answer | ({"VersionId": pending} if pending is not None else {})

    return await change_secret(call, secret, change)
