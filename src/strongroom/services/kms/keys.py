"""A KMS key as the operations see it: an unchanging snapshot, with its key material ready for use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.base.clock import as_datetime
from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.trail import Resource
from strongroom.policy.policies import NamedPolicy
from strongroom.services.kms import errors
from strongroom.services.kms.material import KeyMaterial

ENABLED = "Enabled"
DISABLED = "Disabled"
PENDING_DELETION = "PendingDeletion"
ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
MANAGED_BY_AWS = "AWS"
MANAGED_BY_CUSTOMER = "CUSTOMER"


def key_arn(account_id: str, region: str, key_id: str) -> str:
    """Return a key's ARN."""
    return f"arn:{partition_of(region)}:kms:{region}:{account_id}:key/{key_id}"


def alias_arn(account_id: str, region: str, name: str) -> str:
    """Return an alias's ARN; `name` begins with `alias/`."""
    return f"arn:{partition_of(region)}:kms:{region}:{account_id}:{name}"


def require_enabled(arn: str, state: str) -> None:
    """Raise DisabledException or KMSInvalidStateException unless the state is Enabled."""
    if state == DISABLED:
        raise errors.disabled(arn)
    if state != ENABLED:
        raise errors.invalid_state(arn, "pending deletion")


def require_not_pending_deletion(arn: str, state: str) -> None:
    """Raise KMSInvalidStateException for a key that waits for its deletion."""
    if state == PENDING_DELETION:
        raise errors.invalid_state(arn, "pending deletion")


@dataclass(frozen=True, slots=True)
class Rotation:
    """One past rotation: when (seconds), AUTOMATIC or ON_DEMAND, and the key material that it made."""

    at: float
    type: str
    key_material_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key, as it was when it was read. A change makes the caches forget it and the next call read it anew.

    Times are seconds since the epoch. `materials` holds every material by id, `current` the one that encrypts.
    """

    key_id: str
    region: str
    account_id: str
    arn: str
    created_at: float
    description: str
    usage: str
    spec: str
    origin: str
    manager: str
    state: str
    deletion_at: float | None
    pending_window_days: int | None
    policy_text: str
    policy: NamedPolicy
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    rotation_enabled: bool
    rotation_period_days: int | None
    next_rotation_at: float | None
    materials: Mapping[str, KeyMaterial]
    current: KeyMaterial
    first_material_created_at: float
    rotations: tuple[Rotation, ...]
    grant_count: int
    decisions: RememberedDecisions = field(default_factory=RememberedDecisions, repr=False)
    audited: Resource = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audited", Resource(self.arn, self.account_id, "AWS::KMS::Key"))

    def must_be_usable_for(self, usage: str, operation: str) -> None:
        """Raise unless the key is enabled and meant for `usage` (such as ENCRYPT_DECRYPT)."""
        if self.state != ENABLED:
            require_enabled(self.arn, self.state)
        if self.usage != usage:
            raise errors.invalid_usage(self.arn, self.usage, operation)

    def must_be_customer_managed(self) -> None:
        """Raise UnsupportedOperationException for a key that AWS manages."""
        if self.manager != MANAGED_BY_CUSTOMER:
            raise errors.unsupported(f"{self.arn} is an AWS managed key, which this operation does not support.")

    def metadata(self) -> dict[str, Any]:
        """Return the key as DescribeKey shows it. Source: AWS KMS API Reference, KeyMetadata."""
        shown: dict[str, Any] = {
            "AWSAccountId": self.account_id,
            "KeyId": self.key_id,
            "Arn": self.arn,
            "CreationDate": as_datetime(self.created_at),
            "Enabled": self.state == ENABLED,
            "Description": self.description,
            "KeyUsage": self.usage,
            "KeyState": self.state,
            "Origin": self.origin,
            "KeyManager": self.manager,
            "CustomerMasterKeySpec": self.spec,
            "KeySpec": self.spec,
            "EncryptionAlgorithms": [SYMMETRIC_DEFAULT],
            "MultiRegion": False,
            "CurrentKeyMaterialId": self.current.id,
        }
        if self.deletion_at is not None:
            shown["DeletionDate"] = as_datetime(self.deletion_at)
        return shown
