"""DescribeSecret, and what ListSecrets tells of each. Source: API Reference, DescribeSecret, SecretListEntry."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, existing
from strongroom.services.secretsmanager.accesses import Accesses
from strongroom.services.secretsmanager.mirroring import shown_status
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.schedule import read_rules
from strongroom.services.secretsmanager.secret import arn_in
from strongroom.services.secretsmanager.secret_directory import rotation_of
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.services.secretsmanager.tagging import shown_tags
from strongroom.storage.connection import Connection


def described(row: Any) -> dict[str, Any]:
    """Return what is told of a secret wherever it is told; `row` is its row."""
    shown: dict[str, Any] = {
        "ARN": row.arn,
        "Name": row.name,
        "LastChangedDate": as_datetime(row.changed_at),
        "CreatedDate": as_datetime(row.created_at),
    }
    for member, value in (
        ("Description", row.description),
        ("KmsKeyId", row.kms_key_id),
        ("PrimaryRegion", row.primary_region),
        ("OwningService", row.owning_service),
    ):
        if value is not None:
            shown[member] = value
    if row.accessed_at is not None:
        shown["LastAccessedDate"] = as_datetime(row.accessed_at)
    if row.deletion_at is not None:
        shown["DeletedDate"] = as_datetime(row.deletion_at)
    if row.tags is not None:
        shown["Tags"] = shown_tags(row.tags)
    return shown | _rotation(row)


def _rotation(row: Any) -> dict[str, Any]:
    rotation = rotation_of(row)
    if rotation is None:
        return {}
    shown: dict[str, Any] = {"RotationEnabled": rotation.enabled}
    if rotation.function_arn is not None:
        shown["RotationLambdaARN"] = rotation.function_arn
    if rotation.rules:
        shown["RotationRules"] = dict(rotation.rules)
        days = read_rules(rotation.rules).shown_days
        if days is not None:
            shown["RotationRules"]["AutomaticallyAfterDays"] = days
    if rotation.enabled and rotation.rotated_at is not None:
        shown["LastRotatedDate"] = as_datetime(rotation.rotated_at)
    if rotation.enabled and rotation.ends_at is not None:
        shown["NextRotationDate"] = as_datetime(rotation.ends_at)
    return shown


@operation(
    SECRETS_MANAGER,
    "DescribeSecret",
    needs=about_secret("secretsmanager:DescribeSecret"),
    quota=own_quota("DescribeSecret"),
    reads_only=True,
)
async def describe_secret(call: Call) -> Answer:
    """Return what a secret is, without its value. Source: API Reference, DescribeSecret."""
    secret = existing(call)
    await call.house.part(Accesses).written()

    def read(connection: Connection) -> Answer:
        row = tables.select_secret(connection, secret.arn)
        if row is None:
            raise errors.no_such_secret()
        shown = described(row)
        versions: dict[str, list[str]] = {}
        for label, version_id in tables.stages_of(connection, row.arn).items():
            versions.setdefault(version_id, []).append(label)
        if versions:
            shown["VersionIdsToStages"] = versions
        replicas = tables.replicas_of(connection, row.arn)
        if replicas:
            shown["ReplicationStatus"] = shown_status(replicas)
            for replica, entry in zip(replicas, shown["ReplicationStatus"], strict=True):
                there = tables.select_secret(connection, arn_in(row.arn, replica.region))
                if there is not None and there.accessed_at is not None:
                    entry["LastAccessedDate"] = as_datetime(there.accessed_at)
        return shown

    return await call.read(read)
