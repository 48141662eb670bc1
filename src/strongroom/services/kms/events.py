"""What KMS does without being called, as the audit trail shows it.

Source: AWS KMS Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail", DeleteKey and RotateKey.
"""

from strongroom.operations.trail import AuditRecord, Resource, service_event
from strongroom.services.kms.keys import key_arn
from strongroom.services.kms.service import KMS

RESOURCE_TYPE = "AWS::KMS::Key"


def key_resource(account_id: str, region: str, key_id: str) -> Resource:
    """Return a key as audit records list it."""
    return Resource(key_arn(account_id, region, key_id), account_id, RESOURCE_TYPE)


def key_deleted(account_id: str, region: str, key_id: str, now: float) -> AuditRecord:
    """Return the record of a key's deletion at the end of its waiting period."""
    return _event("DeleteKey", account_id, region, key_id, now, None)


def key_rotated(account_id: str, region: str, key_id: str, now: float) -> AuditRecord:
    """Return the record of an automatic rotation."""
    return _event("RotateKey", account_id, region, key_id, now, {"rotationType": "AUTOMATIC", "keyId": key_id})


def material_expired(account_id: str, region: str, key_id: str, now: float) -> AuditRecord:
    """Return the record of the erasure of imported key material whose time was over."""
    return _event("DeleteExpiredKeyMaterial", account_id, region, key_id, now, None)


def managed_key_created(account_id: str, region: str, key_id: str, now: float, alias: str) -> AuditRecord:
    """Return the record of the making of an AWS managed key."""
    return _event("CreateKey", account_id, region, key_id, now, {"aliasName": alias, "keyId": key_id})


def _event(
    name: str, account_id: str, region: str, key_id: str, now: float, details: dict[str, str] | None
) -> AuditRecord:
    resource = key_resource(account_id, region, key_id)
    return service_event(KMS.name, KMS.event_source, name, region, resource, now, details)
