"""KMS as a service: its name in the audit trail, its refusals, and what its operations count against."""

from strongroom.operations.registry import Service, serve
from strongroom.services.kms.errors import throttled
from strongroom.services.kms.quotas import cryptographic_quota, own_quota

__all__ = ["KMS", "cryptographic_quota", "own_quota"]

KMS = serve(Service("kms", "kms.amazonaws.com", throttled=throttled))
