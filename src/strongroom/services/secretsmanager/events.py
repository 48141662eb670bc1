"""What Secrets Manager does without being called, as the audit trail shows it.

Source: AWS Secrets Manager User Guide, "AWS CloudTrail entries for Secrets Manager".
"""

from typing import Any

import msgspec

from strongroom.operations.trail import AuditRecord, Resource, service_event
from strongroom.services.secretsmanager.secret import RESOURCE_TYPE
from strongroom.services.secretsmanager.service import SECRETS_MANAGER

DELETION_STARTED, DELETION_CANCELLED, DELETED = (
    "StartSecretVersionDelete",
    "CancelSecretVersionDelete",
    "EndSecretVersionDelete",
)
STARTED, SUCCEEDED, FAILED, ABANDONED = "RotationStarted", "RotationSucceeded", "RotationFailed", "RotationAbandoned"
TEST_STARTED, TEST_SUCCEEDED, TEST_FAILED = "TestRotationStarted", "TestRotationSucceeded", "TestRotationFailed"


def of_version(name: str, row: Any, version_id: str, now: float) -> AuditRecord:
    """Return the record of something that happened to a version of the secret of `row`."""
    return _event(name, row, now, {"SecretId": row.arn, "SecretVersionId": version_id})


def of_rotation(name: str, row: Any, version_id: str, now: float, failure: str | None) -> AuditRecord:
    """Return the record of what became of a rotation, or of a test of one, which failed if `failure` says why."""
    event = _event(name, row, now, {})
    told = {"SecretId": row.arn, "SecretVersionId": version_id}
    return msgspec.structs.replace(event, details=None, additional=told, error_message=failure)


def of_replication(row: Any, region: str, now: float, failure: str | None) -> AuditRecord:
    """Return the record of a replication to another Region, which failed if `failure` says why."""
    details = {"SecretId": row.arn, "ReplicaRegion": region}
    if failure is not None:
        return _event("ReplicationFailed", row, now, details | {"FailureReason": failure})
    return _event("ReplicationSucceeded", row, now, details)


def _event(name: str, row: Any, now: float, details: dict[str, str]) -> AuditRecord:
    resource = Resource(row.arn, row.account_id, RESOURCE_TYPE)
    return service_event(SECRETS_MANAGER.name, SECRETS_MANAGER.event_source, name, row.region, resource, now, details)
