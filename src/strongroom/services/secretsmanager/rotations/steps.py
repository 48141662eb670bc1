"""One step of a rotation: the secret's function is invoked, or the service that owns the secret carries it out.

Secrets Manager invokes a function as the service principal `secretsmanager.amazonaws.com`, for the secret: the
function's own policy decides. Source: AWS Secrets Manager User Guide, "Rotation by Lambda function", "Permissions for
rotation", "Troubleshoot AWS Secrets Manager rotation".
"""

import asyncio
import hashlib
import json
from functools import lru_cache
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn
from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call, SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.managed_rotations import MANAGED_ROTATIONS, PAUSES_SECONDS, ManagedSecret, RotationFailed
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer
from strongroom.services.secretsmanager import errors

PRINCIPAL = "secretsmanager.amazonaws.com"
CALLERS_MAX = 1_024
_DENIED, _NOT_THERE = "AccessDeniedException", "ResourceNotFoundException"
_TOO_MUCH = frozenset({"TooManyRequestsException", "ThrottlingException"})


class Rotating(NamedTuple):
    """A secret and the version that it is rotated to. `function_arn` is None where its `owning_service` rotates it."""

    arn: str
    account_id: str
    region: str
    name: str
    version_id: str
    function_arn: str | None
    owning_service: str | None
    is_test: bool
    rotation_token: str

    def __repr__(self) -> str:
        return f"Rotating({self.arn!r}, {self.version_id!r})"


def token_hash(token: str) -> str:
    """Return what is kept of a RotationToken, as hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


async def perform_step(house: House, rotating: Rotating, step: str) -> None:
    """Carry out one step. Raises RotationFailed, with the reason in words that hold no secret."""
    if rotating.owning_service is not None:
        await _by_owner(house, rotating, rotating.owning_service, step)
        return
    if rotating.function_arn is None:
        raise RotationFailed(f"There is no function for the {step} step")
    event = {
        "Step": step,
        "SecretId": rotating.arn,
        "ClientRequestToken": rotating.version_id,
        "RotationToken": rotating.rotation_token,
    }
    params = {"InvocationType": "RequestResponse", "Payload": json.dumps(event).encode()}
    failed = f"Error when executing lambda {rotating.function_arn} during {step} step"
    try:
        answer = await _invoke_patiently(house, rotating.function_arn, rotating.arn, rotating.account_id, params)
    except AwsError as error:
        raise RotationFailed(f"{failed}: {error.code}") from error
    if answer.get("FunctionError"):
        # What the function says of its error is its own business, and may hold anything: its log has it.
        raise RotationFailed(failed)


async def _by_owner(house: House, rotating: Rotating, owning_service: str, step: str) -> None:
    rotate = MANAGED_ROTATIONS.get(owning_service)
    if rotate is None:
        raise RotationFailed(f"The service {owning_service} does not rotate secrets")
    secret = ManagedSecret(owning_service, rotating.arn, rotating.account_id, rotating.region, rotating.version_id)
    try:
        await rotate(house, secret, step)
    except AwsError as error:
        raise RotationFailed(f"Error of {owning_service} during {step} step: {error.code}: {error.message}") from error
    except RotationFailed as error:
        raise RotationFailed(f"Error of {owning_service} during {step} step: {error}") from error


@lru_cache(CALLERS_MAX)
def _itself(account_id: str) -> Caller:
    """Return Secrets Manager as a caller: always the same one, which decisions are remembered by."""
    return Caller.service(PRINCIPAL, account_id)


async def _invoke(house: House, function_arn: str, arn: str, account_id: str, params: dict[str, Any]) -> Answer:
    now = house.clock.now()
    function = parse_arn(function_arn)
    return await perform(
        house,
        "lambda",
        "Invoke",
        {"FunctionName": function_arn, **params},
        caller=_itself(account_id),
        origin=Origin(new_request_id(now), now, PRINCIPAL, True, user_agent=PRINCIPAL),
        region=function.region if function is not None else "",
        source=SourceResource(arn, account_id),
    )


async def _invoke_patiently(
    house: House, function_arn: str, arn: str, account_id: str, params: dict[str, Any]
) -> Answer:
    """Invoke a function; when it has too much to do already, again after a moment, a few times."""
    for pause in PAUSES_SECONDS:
        try:
            return await _invoke(house, function_arn, arn, account_id, params)
        except AwsError as error:
            if error.code not in _TOO_MUCH:
                raise
            await asyncio.sleep(pause)
    return await _invoke(house, function_arn, arn, account_id, params)


async def must_be_invocable(call: Call, arn: str, account_id: str, function_arn: str, *, is_new: bool) -> None:
    """Try whether Secrets Manager may invoke a function, and whether the caller may who names a new one.

    Raises AccessDeniedException for either. Whether the function exists is not told to who may not invoke it.
    """
    dry = {"InvocationType": "DryRun"}
    try:
        if is_new:
            function = parse_arn(function_arn)
            region = function.region if function is not None else None
            await call.invoke("lambda", "Invoke", {"FunctionName": function_arn, **dry}, region=region)
    except AwsError as error:
        raise (errors.function_not_invocable() if error.code == _NOT_THERE else error) from None
    try:
        await _invoke(call.house, function_arn, arn, account_id, dry)
    except AwsError as error:
        raise (errors.function_not_invocable() if error.code in (_DENIED, _NOT_THERE) else error) from None
