"""A registered database instance, and how RDS describes it. Source: Amazon RDS API Reference, DBInstance."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.base.clock import as_datetime
from strongroom.base.outbound_addresses import Address
from strongroom.services.rds.errors import invalid_value

_IDENTIFIER = re.compile(r"[a-z](?:-?[a-z0-9])*")
IDENTIFIER_LENGTH_MAX = 63
_RESOURCE_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_RESOURCE_ID_LENGTH = 26

ACTIVE, ROTATING, IMPAIRED = "active", "rotating", "impaired"
"""States of a master user's secret. Source: Amazon RDS API Reference, MasterUserSecret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One registered database. `sealed_password` and `sealed_new_password` are as the row has them.

    `secret_arn` is None unless RDS manages the password; `held_until` is when the last one who changed it is through.
    """

    account_id: str
    region: str
    identifier: str
    resource_id: str
    created_at: float
    engine: str
    engine_version: str
    address: Address
    database: str | None
    verifies_tls: bool
    master_username: str
    sealed_password: bytes | None = field(repr=False)
    sealed_new_password: bytes | None = field(repr=False)
    secret_arn: str | None
    secret_status: str | None
    kms_key_arn: str | None
    deletion_protection: bool
    settings: dict[str, Any]
    tags: dict[str, str]
    held_until: float | None

    @property
    def arn(self) -> str:
        """The instance's ARN."""
        return instance_arn(self.account_id, self.region, self.identifier)


def instance_arn(account_id: str, region: str, identifier: str) -> str:
    """Return the ARN of an instance, there or not."""
    return f"arn:{partition_of(region)}:rds:{region}:{account_id}:db:{identifier}"


def instance_of(row: Any) -> Instance:
    """Return the instance of a row."""
    values = dict(row._mapping)
    address = Address(values.pop("host"), values.pop("port"))
    return Instance(address=address, **values)


def checked_identifier(text: str) -> str:
    """Return an identifier as it is stored, in lower case. Raises InvalidParameterValue."""
    identifier = text.lower()
    if not _IDENTIFIER.fullmatch(identifier) or len(identifier) > IDENTIFIER_LENGTH_MAX:
        raise invalid_value(
            "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens."
        )
    return identifier


def named_identifier(text: str) -> str:
    """Return the identifier that a request names, itself or by an ARN."""
    return text.rpartition(":")[2].lower()


def new_resource_id() -> str:
    """Return a fresh id that an instance keeps whatever it is called."""
    return "db-" + "".join(secrets.choice(_RESOURCE_ID_ALPHABET) for _ in range(_RESOURCE_ID_LENGTH))


def described(instance: Instance, now: float) -> dict[str, Any]:
    """Return an instance as RDS tells it; `now` is the real time."""
    is_held = instance.held_until is not None and instance.held_until > now
    told = {
        "DBInstanceIdentifier": instance.identifier,
        "DBInstanceArn": instance.arn,
        "DbiResourceId": instance.resource_id,
        "DBInstanceClass": instance.settings["DBInstanceClass"],
        "DBInstanceStatus": "resetting-master-credentials" if is_held else "available",
        "Engine": instance.engine,
        "EngineVersion": instance.engine_version,
        "MasterUsername": instance.master_username,
        "DBName": instance.database,
        "Endpoint": {"Address": instance.address.host, "Port": instance.address.port},
        "DbInstancePort": instance.address.port,
        "AllocatedStorage": instance.settings.get("AllocatedStorage", 0),
        "InstanceCreateTime": as_datetime(instance.created_at),
        "BackupRetentionPeriod": 0,
        "MultiAZ": False,
        "StorageEncrypted": False,
        "PubliclyAccessible": False,
        "AutoMinorVersionUpgrade": instance.settings.get("AutoMinorVersionUpgrade", True),
        "PreferredBackupWindow": instance.settings.get("PreferredBackupWindow"),
        "PreferredMaintenanceWindow": instance.settings.get("PreferredMaintenanceWindow"),
        "CopyTagsToSnapshot": False,
        "IAMDatabaseAuthenticationEnabled": False,
        "PerformanceInsightsEnabled": False,
        "DeletionProtection": instance.deletion_protection,
        "PendingModifiedValues": {},
        "DBSecurityGroups": [],
        "VpcSecurityGroups": [],
        "DBParameterGroups": [],
        "OptionGroupMemberships": [],
        "ReadReplicaDBInstanceIdentifiers": [],
        "StatusInfos": [],
        "TagList": tag_list(instance.tags),
    }
    if instance.secret_arn is not None:
        told["MasterUserSecret"] = {
            "SecretArn": instance.secret_arn,
            "SecretStatus": instance.secret_status,
            "KmsKeyId": instance.kms_key_arn,
        }
    return {name: value for name, value in told.items() if value is not None}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as RDS lists them, in the order of their keys."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
