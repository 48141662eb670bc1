"""Object Lock: versions that nobody may delete before their time. Source: Amazon S3 User Guide, "Locking objects"."""

from strongroom.operations.call import Call
from strongroom.services.s3 import errors
from strongroom.services.s3.versions import Version

GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"


def require_unlocked(call: Call, version: Version, *, may_bypass: bool) -> None:
    """Raise AccessDenied for a version under a legal hold, or whose retention is not over.

    `may_bypass` tells that the caller has permission to bypass governance, and asks for it.
    """
    details = version.details
    if details.get("ObjectLockLegalHoldStatus") == "ON":
        raise errors.object_locked()
    until = details.get("ObjectLockRetainUntilDate")
    if until is None or until <= call.now:
        return
    if details.get("ObjectLockMode") == GOVERNANCE and may_bypass:
        return
    raise errors.object_locked()
