"""Retention and legal holds of versions. Source: Amazon S3 User Guide, "Locking objects with Object Lock"."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import on_object
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.configurations.versioning import LOCK_SETTING
from strongroom.services.s3.get_object import Found, found_version, of_version
from strongroom.services.s3.object_lock import COMPLIANCE
from strongroom.services.s3.properties.change import change_version
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version

_MISSING = AwsError(
    "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration", 404
)


def _require_locks(bucket: Bucket) -> None:
    if not bucket.settings.get(LOCK_SETTING):
        raise errors.invalid_request("Bucket is missing Object Lock Configuration")


async def _needs_of_put_retention(call: Call) -> Sequence[Requirement]:
    needed = list(await of_version("s3:PutObjectRetention", "s3:PutObjectRetention")(call))
    found: Found = call.target
    if call.params.get("BypassGovernanceRetention"):
        needed.append(on_object(call, found.bucket, call.params["Key"], "s3:BypassGovernanceRetention"))
    return needed


@operation(S3, "PutObjectRetention", needs=_needs_of_put_retention)
async def put_object_retention(call: Call) -> Answer:
    """Lock a version until a date; a lock is made longer freely, shorter only by bypass. Source: PutObjectRetention."""
    bucket, version = found_version(call, "PUT")
    _require_locks(bucket)
    sent = call.params.get("Retention") or {}
    mode, until = sent.get("Mode"), sent.get("RetainUntilDate")
    if (mode is None) != (until is None):
        raise errors.malformed_xml()
    if until is not None and until.timestamp() <= call.now:
        raise errors.invalid_argument("The retain until date must be in the future!", "RetainUntilDate")
    bypass = bool(call.params.get("BypassGovernanceRetention"))

    def change(now: Version) -> dict[str, Any]:
        _require_change_allowed(call, now, mode, until, bypass=bypass)
        details = {key: value for key, value in now.details.items() if not key.startswith("ObjectLock")}
        if "ObjectLockLegalHoldStatus" in now.details:
            details["ObjectLockLegalHoldStatus"] = now.details["ObjectLockLegalHoldStatus"]
        if until is not None:
            details |= {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until.timestamp()}
        return {"details": details}

    await change_version(call, version, change)
    return {}


def _require_change_allowed(
    call: Call, now: Version, mode: str | None, until: datetime | None, *, bypass: bool
) -> None:
    ends = now.details.get("ObjectLockRetainUntilDate")
    if ends is None or ends <= call.now:
        return
    is_longer = until is not None and until.timestamp() >= ends and mode in (now.details["ObjectLockMode"], COMPLIANCE)
    if is_longer:
        return
    if now.details["ObjectLockMode"] == COMPLIANCE or not bypass:
        raise errors.object_locked()


@operation(
    S3, "GetObjectRetention", needs=of_version("s3:GetObjectRetention", "s3:GetObjectRetention"), reads_only=True
)
async def get_object_retention(call: Call) -> Answer:
    """Tell until when a version is locked. Source: Amazon S3 API Reference, GetObjectRetention."""
    bucket, version = found_version(call, "GET")
    _require_locks(bucket)
    details = version.details
    if "ObjectLockMode" not in details:
        raise _MISSING
    until = as_datetime(details["ObjectLockRetainUntilDate"])
    return {"Retention": {"Mode": details["ObjectLockMode"], "RetainUntilDate": until}}


@operation(S3, "PutObjectLegalHold", needs=of_version("s3:PutObjectLegalHold", "s3:PutObjectLegalHold"))
async def put_object_legal_hold(call: Call) -> Answer:
    """Put a legal hold on a version, or lift it. Source: Amazon S3 API Reference, PutObjectLegalHold."""
    bucket, version = found_version(call, "PUT")
    _require_locks(bucket)
    status = (call.params.get("LegalHold") or {}).get("Status")
    if status is None:
        raise errors.malformed_xml()
    await change_version(call, version, lambda now: {"details": {**now.details, "ObjectLockLegalHoldStatus": status}})
    return {}


@operation(
    S3, "GetObjectLegalHold", needs=of_version("s3:GetObjectLegalHold", "s3:GetObjectLegalHold"), reads_only=True
)
async def get_object_legal_hold(call: Call) -> Answer:
    """Tell whether a version is under a legal hold. Source: Amazon S3 API Reference, GetObjectLegalHold."""
    bucket, version = found_version(call, "GET")
    _require_locks(bucket)
    if "ObjectLockLegalHoldStatus" not in version.details:
        raise _MISSING
    return {"LegalHold": {"Status": version.details["ObjectLockLegalHoldStatus"]}}
