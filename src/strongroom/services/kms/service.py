"""KMS as a service: its name in the audit trail, its refusals, and the quotas that its operations share."""

from strongroom.operations.registry import Service, serve
from strongroom.services.kms.errors import throttled

KMS = serve(Service("kms", "kms.amazonaws.com", throttled=throttled))

SYMMETRIC_QUOTA = "kms/cryptographic-operations-symmetric"
"""The request quota that all symmetric cryptographic operations share. Source: Developer Guide, "Request quotas"."""


def own_quota(operation: str) -> str:
    """Return the name of a request quota that an operation has for itself."""
    return f"kms/{operation}"
