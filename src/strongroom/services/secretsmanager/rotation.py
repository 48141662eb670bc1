"""RotateSecret and CancelRotateSecret: when a secret is to be rotated, and by which function.

The schedule is kept here, and `due_rotations` says whose window has begun. The function itself is not run yet: whoever
runs it takes the secrets from there, a few at a time, and writes `rotated_at` and the next window when it is through.
Until then a request to rotate now is refused, as only RotateImmediately=false can be done as it is asked.

Source: AWS Secrets Manager User Guide, "Rotate AWS Secrets Manager secrets"; API Reference, RotateSecret.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, existing
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.schedule import read_rules, window_columns
from strongroom.services.secretsmanager.secret import CURRENT, PENDING, Secret
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.storage.connection import Connection

_NO_FUNCTION = (
    "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured and you "
    "didn't include such an ARN as a parameter in this call."
)


async def due_rotations(house: House, limit: int) -> Sequence[Any]:
    """Return the rows of up to `limit` secrets whose rotation window has begun, those first that wait longest."""
    now = house.clock.now()
    return await house.store.read(lambda connection: tables.secrets_due_for_rotation(connection, now, limit))


@operation(
    SECRETS_MANAGER,
    "RotateSecret",
    needs=about_secret("secretsmanager:RotateSecret"),
    quota=own_quota("RotateSecret"),
)
async def rotate_secret(call: Call) -> Answer:
    """Set when and by which function a secret is rotated. Source: API Reference, RotateSecret.

    Raises UnsupportedOperationException unless RotateImmediately is false: no rotation can be run yet.
    """
    secret, params = existing(call), call.params
    secret.must_be_changeable()
    _refuse_what_is_not_served(params)
    function_arn = params.get("RotationLambdaARN") or (secret.rotation.function_arn if secret.rotation else None)
    if function_arn is None:
        raise errors.invalid_request(_NO_FUNCTION)
    _must_be_function(function_arn)
    rules = params.get("RotationRules") or (secret.rotation.rules if secret.rotation else None)
    if not rules:
        raise errors.invalid_parameter("RotationRules is required for a secret that has none.")
    # A year of a cron expression takes longer to look at than others should have to wait.
    schedule = await asyncio.to_thread(read_rules, rules)
    if params.get("RotateImmediately", True):
        raise errors.rotation_not_run()
    rotated_at = secret.rotation.rotated_at if secret.rotation is not None else None
    window = schedule.next_window(call.now if rotated_at is None else rotated_at, call.now)
    columns = {
        "rotation_enabled": True,
        "rotation_function_arn": function_arn,
        "rotation_rules": dict(rules),
        "changed_at": call.now,
        **window_columns(window),
    }

    def change(connection: Connection, row: Any) -> Answer:
        stages = tables.stages_of(connection, secret.arn)
        if PENDING in stages and stages[PENDING] != stages.get(CURRENT):
            raise errors.invalid_request("A previous rotation isn't complete. That rotation will be reattempted.")
        tables.update_secret(connection, secret.arn, columns)
        return {"ARN": secret.arn, "Name": secret.name}

    return await change_secret(call, secret, change)


def _refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    for member in ("ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn"):
        if params.get(member):
            raise errors.unsupported(f"managed external secrets ({member})")


def _must_be_function(text: str) -> None:
    arn = parse_arn(text)
    if arn is None or arn.service != "lambda" or not arn.resource.startswith("function:"):
        raise errors.invalid_parameter("RotationLambdaARN must be the ARN of a Lambda function.")


@operation(
    SECRETS_MANAGER,
    "CancelRotateSecret",
    needs=about_secret("secretsmanager:CancelRotateSecret"),
    quota=own_quota("CancelRotateSecret"),
)
async def cancel_rotate_secret(call: Call) -> Answer:
    """Turn automatic rotation off; the rules stay. Source: API Reference, CancelRotateSecret."""
    secret: Secret = existing(call)
    secret.must_be_changeable()
    if secret.rotation is None:
        raise errors.invalid_request(_NO_FUNCTION)

    def change(connection: Connection, row: Any) -> Answer:
        columns = {"rotation_enabled": False, "changed_at": call.now, **window_columns(None)}
        tables.update_secret(connection, secret.arn, columns)
        answer: Answer = {"ARN": secret.arn, "Name": secret.name}
        pending = tables.stages_of(connection, secret.arn).get(PENDING)
        return answer | ({"VersionId": pending} if pending is not None else {})

    return await change_secret(call, secret, change)
