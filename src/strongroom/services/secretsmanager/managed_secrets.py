"""Secrets that a service keeps for its users: made by it, changed and deleted by nobody else.

Users may read and tag them, attach policies, replicate them, rotate them when they like or by other rules, or not at
all.
Source: AWS Secrets Manager User Guide, "AWS Secrets Manager secrets managed by other AWS services", "Managed rotation
for AWS Secrets Manager secrets".
"""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.managed_rotations import MANAGED_ROTATIONS, service_behind, service_in_name
from strongroom.services.secretsmanager import errors
from strongroom.services.secretsmanager.schedule import read_rules, window_columns
from strongroom.services.secretsmanager.secret import Secret

OWNER_TAG = "aws:secretsmanager:owningService"
ROTATED_AFTER_DAYS = 7
"""How often a managed secret is rotated unless somebody wants other rules. Source: Amazon RDS User Guide."""


def owner_of_new(call: Call, name: str) -> str | None:
    """Return the service that a new secret will belong to, or None.

    Raises InvalidParameterException for a name that is a service's, from anybody else.
    """
    service = service_in_name(name)
    if service is not None and service_behind(call) != service:
        raise errors.reserved_name(f"{service}!")
    return service


def owned_columns(call: Call, service: str) -> dict[str, Any]:
    """Return the columns of a new secret that belongs to a service, and is rotated by it from the start."""
    rules = {"AutomaticallyAfterDays": ROTATED_AFTER_DAYS}
    window = read_rules(rules).next_window(call.now, call.now)
    rotation = {"rotation_enabled": True, "rotation_rules": rules, "rotated_at": call.now, **window_columns(window)}
    return {"owning_service": service, **rotation}


def is_owner(call: Call, secret: Secret) -> bool:
    """Whether the service that a secret belongs to makes a call."""
    return secret.owning_service is not None and service_behind(call) == secret.owning_service


def must_be_owner(call: Call, secret: Secret) -> None:
    """Raise InvalidRequestException for a secret that belongs to a service, for anybody but that service."""
    if secret.owning_service is not None and not is_owner(call, secret):
        raise errors.managed_by_service()


def is_rotated_by_owner(secret: Secret) -> bool:
    """Whether the service that a secret belongs to rotates it."""
    return secret.owning_service in MANAGED_ROTATIONS
