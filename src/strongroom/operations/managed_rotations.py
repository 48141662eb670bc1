"""Secrets that a service keeps in Secrets Manager for its users, and rotates without a function: managed rotation.

How a service such as `rds` goes about it:

* It registers what happens in the four steps: `@managed_rotation("rds")`.
* It makes the secret with Secrets Manager's own CreateSecret, under a name that begins with its id and `!`
  (`rds!db-6d1...`): on behalf of the user who asked for it, `call.invoke("secretsmanager", "CreateSecret", ...)`, who
  needs the permissions for it as on AWS; or by itself, `perform_as_owner(...)`. The secret belongs to the service from
  then on (`OwningService`, the tag `aws:secretsmanager:owningService`), rotation is turned on at once, every 7 days,
  and whoever else wants to change or delete it is refused. Tags whose keys begin with `aws:` are allowed to the owner.
* Its steps read and write the secret with `perform_as_owner` as well, and so does whatever else it has to do with it
  (UpdateSecretVersionStage, RotateSecret with other rules, DeleteSecret).

What the service does by itself it does in the service-linked role that it has on AWS, with permissions for its own
secrets alone: a KMS key of the customer's has to let that role in, unless its key policy leaves that to the account.

Source: AWS Secrets Manager User Guide, "Managed rotation for AWS Secrets Manager secrets", "AWS Secrets Manager secrets
managed by other AWS services"; Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager".
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from strongroom.base.arn import partition_of
from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes
from strongroom.identities.compiled import compiled
from strongroom.operations.callers import Caller
from strongroom.operations.trail import INTERNAL, Identity
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.principal import Principal

if TYPE_CHECKING:
    from strongroom.operations.call import Call
    from strongroom.operations.house import House
    from strongroom.operations.registry import Answer

CREATE, SET, TEST, FINISH = "createSecret", "setSecret", "testSecret", "finishSecret"
STEPS = (CREATE, SET, TEST, FINISH)
"""The steps of a rotation, in order. Source: AWS Secrets Manager User Guide, "Lambda rotation functions"."""

CALLERS_MAX = 1_024
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""How long is waited before a throttled request is made again, and up to twice as long by chance."""
_PREFIX_END = "!"


class ManagedSecret(NamedTuple):
    """The secret that a step is about. `version_id` is the version that has AWSPENDING, or is to be made."""

    owning_service: str
    arn: str
    account_id: str
    region: str
    version_id: str


class RotationFailed(Exception):  # noqa: N818 (it says what happened)
    """A step did not do what it should. Its text is for people, is shown in the audit trail, and holds no secret."""


RotationStep = Callable[["House", ManagedSecret, str], Awaitable[None]]
"""Carries out one step (of STEPS) for a secret. Raises AwsError or RotationFailed, and the rotation is tried again.

Every step is safe to repeat, also after it succeeded: a server that was killed may not know. createSecret puts the new
value under `version_id` with the label AWSPENDING, unless it is there already; finishSecret moves AWSCURRENT to it.
What blocks (a database driver) is for a thread.
"""

MANAGED_ROTATIONS: dict[str, RotationStep] = {}


def managed_rotation(owning_service: str) -> Callable[[RotationStep], RotationStep]:
    """Register a coroutine function as the rotation of the secrets that a service owns (`rds`).

    Raises ValueError for a second registration of a service.
    """

    def register(step: RotationStep) -> RotationStep:
        if owning_service in MANAGED_ROTATIONS:
            raise ValueError(f"the managed rotation of {owning_service} is registered twice")
        MANAGED_ROTATIONS[owning_service] = step
        return step

    return register


def service_in_name(name: str) -> str | None:
    """Return the service with a managed rotation whose secrets have names like `name` (`rds!db-1`), or None."""
    service, mark, _ = name.partition(_PREFIX_END)
    return service if mark and service in MANAGED_ROTATIONS else None


def service_behind(call: "Call") -> str | None:
    """Return the service that makes a call, for somebody or by itself (`rds`); None for everybody else's calls."""
    if call.via is not None:
        return call.via
    identity = call.caller.identity
    if identity.type == "AWSService" and identity.username:
        return identity.username.removesuffix(".amazonaws.com")
    return None


@lru_cache(CALLERS_MAX)
def service_linked_caller(owning_service: str, account_id: str, partition: str = "aws") -> Caller:
    """Return a service in its service-linked role in an account, which may do everything with its own secrets there."""
    role = f"AWSServiceRoleFor{owning_service.upper()}"
    role_arn = f"arn:{partition}:iam::{account_id}:role/aws-service-role/{owning_service}.amazonaws.com/{role}"
    session_arn = f"arn:{partition}:sts::{account_id}:assumed-role/{role}/secretsmanager"
    secrets = {
        "Effect": "Allow",
        "Action": "secretsmanager:*",
        "Resource": f"arn:{partition}:secretsmanager:*:{account_id}:secret:{owning_service}{_PREFIX_END}*",
    }
    passwords = {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"}
    keys = {
        "Effect": "Allow",
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [secrets, passwords, keys]})
    return Caller(
        Principal.role_session(session_arn, account_id, role_arn),
        Identity("AWSService", "", "", account_id, "", f"{owning_service}.amazonaws.com"),
        policies=(NamedPolicy(f"service-linked role policy of {role}", compiled(text)),),
    )


async def perform_as_owner(
    house: "House", owning_service: str, account_id: str, region: str, operation: str, params: dict[str, Any]
) -> "Answer":
    """Perform a Secrets Manager operation by the service itself, in an account and Region. Raises AwsError as it does.

    It is for secrets whose names begin with the id of the service and `!`. CreateSecret, PutSecretValue, UpdateSecret
    and RotateSecret need a ClientRequestToken: in a step of a rotation that is the `version_id` of the secret.

    The account's request quotas hold. What is over them is asked for again after a moment, as SDKs do: many secrets may
    be due at the same hour.
    """
    for pause in PAUSES_SECONDS:
        try:
            return await _perform(house, owning_service, account_id, region, operation, params)
        except AwsError as error:
            if error.code != "ThrottlingException":
                raise
            await asyncio.sleep(pause * (1.0 + random_bytes(1)[0] / 256))
    return await _perform(house, owning_service, account_id, region, operation, params)


async def _perform(
    house: "House", owning_service: str, account_id: str, region: str, operation: str, params: dict[str, Any]
) -> "Answer":
    from strongroom.operations.perform import perform

    now = house.clock.now()
    return await perform(
        house,
        "secretsmanager",
        operation,
        params,
        caller=service_linked_caller(owning_service, account_id, partition_of(region)),
        origin=Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL),
        region=region,
    )
