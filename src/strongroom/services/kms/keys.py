"""A KMS key as the operations see it: an unchanging snapshot, with its key material ready for use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.trail import Resource
from strongroom.policy.policies import NamedPolicy
from strongroom.services.kms import errors
from strongroom.services.kms.key_specs import ALGORITHMS_MEMBERS, SYMMETRIC_DEFAULT, KeySpec
from strongroom.services.kms.key_stores.errors import key_store_not_connected
from strongroom.services.kms.material import MacMaterial, Material, PrivateKeyMaterial, SymmetricMaterial

ENABLED = "Enabled"
DISABLED = "Disabled"
PENDING_DELETION = "PendingDeletion"
PENDING_REPLICA_DELETION = "PendingReplicaDeletion"
PENDING_IMPORT = "PendingImport"
UNAVAILABLE = "Unavailable"
FROM_KMS = "AWS_KMS"
IMPORTED = "EXTERNAL"
IN_CLUSTER = "AWS_CLOUDHSM"
IN_EXTERNAL_KEY_STORE = "EXTERNAL_KEY_STORE"
MANAGED_BY_AWS = "AWS"
MANAGED_BY_CUSTOMER = "CUSTOMER"


def key_arn(account_id: str, region: str, key_id: str) -> str:
    """Return a key's ARN."""
    return f"arn:{partition_of(region)}:kms:{region}:{account_id}:key/{key_id}"


def alias_arn(account_id: str, region: str, name: str) -> str:
    """Return an alias's ARN; `name` begins with `alias/`."""
    return f"arn:{partition_of(region)}:kms:{region}:{account_id}:{name}"


_STATE_WORDS = {
    PENDING_DELETION: "pending deletion",
    PENDING_REPLICA_DELETION: "pending replica deletion",
    PENDING_IMPORT: "pending import",
    UNAVAILABLE: "unavailable. You cannot perform this operation on an unavailable KMS key",
}


def require_enabled(arn: str, state: str) -> None:
    """Raise DisabledException or KMSInvalidStateException unless the state is Enabled."""
    if state == DISABLED:
        raise errors.disabled(arn)
    if state != ENABLED:
        raise errors.invalid_state(arn, _STATE_WORDS[state])


def require_not_pending_deletion(arn: str, state: str) -> None:
    """Raise KMSInvalidStateException for a key that waits for its deletion, or for that of its replicas."""
    if state in (PENDING_DELETION, PENDING_REPLICA_DELETION):
        raise errors.invalid_state(arn, _STATE_WORDS[state])


def require_material(arn: str, state: str) -> None:
    """Raise KMSInvalidStateException for a key that waits for key material to be imported."""
    if state == PENDING_IMPORT:
        raise errors.invalid_state(arn, _STATE_WORDS[state])


@dataclass(frozen=True, slots=True)
class MaterialRecord:
    """What is known of one key material besides its secret.

    `at` is when it came (seconds), `rotation_type` AUTOMATIC or ON_DEMAND for what a rotation made current, None for
    the first. `waits` tells that it becomes current at the next rotation, `is_present` that its secret is here.
    """

    id: str
    at: float
    rotation_type: str | None
    waits: bool
    is_present: bool
    description: str | None
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class RelatedKey:
    """A multi-Region key's existence in one Region."""

    region: str
    arn: str


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key, as it was when it was read. A change makes the caches forget it and the next call read it anew.

    Times are seconds since the epoch. `materials` holds every material that is present, by id, `current` the one that
    encrypts; `records` tells of all there ever were. `primary_region` is that of a multi-Region key, and `related` are
    the keys that share its key material, this one among them; None and empty for others. `lacks_material_elsewhere`
    tells that imported material waits for its import in another Region. `expires_at` is when the first of its materials
    expires. `custom_key_store_id` is that of a key whose material is elsewhere: in the cluster of that id, or with the
    external key that is named.
    """

    key_id: str
    region: str
    account_id: str
    arn: str
    created_at: float
    description: str
    usage: str
    spec: str
    kind: KeySpec
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
    materials: Mapping[str, Material]
    current: Material | None
    records: tuple[MaterialRecord, ...]
    grant_count: int
    primary_region: str | None = None
    related: tuple[RelatedKey, ...] = ()
    custom_key_store_id: str | None = None
    cloud_hsm_cluster_id: str | None = None
    xks_key_id: str | None = None
    expires_at: float | None = None
    lacks_material_elsewhere: bool = False
    decisions: RememberedDecisions = field(default_factory=RememberedDecisions, repr=False)
    audited: Resource = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audited", Resource(self.arn, self.account_id, "AWS::KMS::Key"))

    @property
    def is_multi_region(self) -> bool:
        """Whether keys in other Regions may share its key material."""
        return self.primary_region is not None

    @property
    def is_primary(self) -> bool:
        """Whether it is the one of its multi-Region keys that is replicated and rotated."""
        return self.primary_region == self.region

    @property
    def current_record(self) -> MaterialRecord | None:
        """What is known of the material that encrypts, present or not; None before the first import."""
        return next((record for record in reversed(self.records) if not record.waits), None)

    def must_be_usable_for(self, usage: str, operation: str) -> None:
        """Raise unless the key is enabled and meant for `usage` (such as ENCRYPT_DECRYPT)."""
        if self.state != ENABLED:
            if self.state == UNAVAILABLE and self.origin == IN_EXTERNAL_KEY_STORE:
                raise key_store_not_connected()
            require_enabled(self.arn, self.state)
        if self.usage != usage:
            raise errors.invalid_usage(self.arn, self.usage, operation)

    def must_know(self, algorithm: str) -> None:
        """Raise InvalidKeyUsageException for an algorithm that is not one of the key's."""
        if algorithm not in self.kind.algorithms[self.usage]:
            raise errors.incompatible_algorithm(algorithm, self.spec)

    def must_be_customer_managed(self) -> None:
        """Raise UnsupportedOperationException for a key that AWS manages."""
        if self.manager != MANAGED_BY_CUSTOMER:
            raise errors.unsupported(f"{self.arn} is an AWS managed key, which this operation does not support.")

    def symmetric_material(self) -> SymmetricMaterial:
        """Return what encrypts. Raises KMSInvalidStateException when it is not here."""
        if isinstance(self.current, SymmetricMaterial):
            return self.current
        raise self._has_no_material()

    def private_key_material(self) -> PrivateKeyMaterial:
        """Return the key pair of an asymmetric key. Raises KMSInvalidStateException when it is not here."""
        if isinstance(self.current, PrivateKeyMaterial):
            return self.current
        raise self._has_no_material()

    def mac_material(self) -> MacMaterial:
        """Return the key of an HMAC key. Raises KMSInvalidStateException when it is not here."""
        if isinstance(self.current, MacMaterial):
            return self.current
        raise self._has_no_material()

    def _has_no_material(self) -> AwsError:
        return errors.invalid_state(self.arn, _STATE_WORDS[PENDING_IMPORT])

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
            "KeySpec": self.spec,
            ALGORITHMS_MEMBERS[self.usage]: list(self.kind.algorithms[self.usage]),
            "MultiRegion": self.is_multi_region,
        }
        if self.kind.has_old_name:
            shown["CustomerMasterKeySpec"] = self.spec
        record = self.current_record
        if record is not None and self.spec == SYMMETRIC_DEFAULT and self.custom_key_store_id is None:
            shown["CurrentKeyMaterialId"] = record.id
        if record is not None and record.is_present and self.origin == IMPORTED:
            shown |= expiration(record)
        if self.custom_key_store_id is not None:
            shown |= self._key_store_members()
        if self.is_multi_region:
            shown["MultiRegionConfiguration"] = self._multi_region_configuration()
        if self.deletion_at is not None:
            shown["DeletionDate"] = as_datetime(self.deletion_at)
        if self.state == PENDING_REPLICA_DELETION:
            shown["PendingDeletionWindowInDays"] = self.pending_window_days
        return shown

    def _key_store_members(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"CustomKeyStoreId": self.custom_key_store_id}
        if self.origin == IN_CLUSTER:
            return shown | {"CloudHsmClusterId": self.cloud_hsm_cluster_id}
        return shown | {"XksKeyConfiguration": {"Id": self.xks_key_id}}

    def _multi_region_configuration(self) -> dict[str, Any]:
        shown = [{"Arn": related.arn, "Region": related.region} for related in self.related]
        return {
            "MultiRegionKeyType": "PRIMARY" if self.is_primary else "REPLICA",
            "PrimaryKey": next(each for each in shown if each["Region"] == self.primary_region),
            "ReplicaKeys": [each for each in shown if each["Region"] != self.primary_region],
        }


def expiration(record: MaterialRecord) -> dict[str, Any]:
    """Return the members that say whether and when imported key material expires."""
    if record.expires_at is None:
        return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": as_datetime(record.expires_at)}
