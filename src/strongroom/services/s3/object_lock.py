"""Object Lock: versions that nobody may delete before their time. Source: Amazon S3 User Guide, "Locking objects"."""

from strongroom.operations.call import Call
from strongroom.services.s3 import errors
from strongroom.services.s3.versions import Version

GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"


def require_unlocked(call: Call, version: Version, *, may_bypass: bool) -> None:
    """Raise AccessDenied for a version under a legal hold, or whose retention is not over.

    `may_bypass` tells that the caller has permission to bypass governance, and asks for it.
    """
    if not is_locked(version, call.now):
        return
    details = version.details
    is_held = details.get("ObjectLockLegalHoldStatus") == "ON"
    if may_bypass and not is_held and details.get("ObjectLockMode") == GOVERNANCE:
        return
    raise errors.object_locked()


def is_locked(version: Version, now: float) -> bool:
    """Whether a version is under a legal hold, or its retention is not over at `now`, in seconds."""
    until = version.details.get("ObjectLockRetainUntilDate")
    return version.details.get("ObjectLockLegalHoldStatus") == "ON" or (until is not None and until > now)
