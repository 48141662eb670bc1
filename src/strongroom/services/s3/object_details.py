"""What a request says of an object besides its bytes: metadata, headers, tags, storage class, lock.

Source: Amazon S3 API Reference, PutObject; Amazon S3 User Guide, "Working with object metadata".
"""

from collections.abc import Mapping
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.s3 import errors
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.tagging import checked_header

KEY_BYTES_MAX = 1024
PARTS_MAX = 10_000
METADATA_BYTES_MAX = 2048
DEFAULT_CONTENT_TYPE = "binary/octet-stream"
HEADER_MEMBERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)
_SERVED_CLASSES = frozenset(
    {"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
)
"""The storage classes whose objects are read at once, as all are here. The others would have to be restored first."""


LOCK_MEMBERS = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")
"""The members of a request that lock the object which it stores."""


def require_valid_key(key: str) -> None:
    """Raise KeyTooLongError or InvalidArgument for what is no object's key."""
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > KEY_BYTES_MAX:
        raise errors.key_too_long(size, KEY_BYTES_MAX)
    if "\x00" in key:
        # PostgreSQL holds no such text, and the same key must mean the same on every database.
        raise errors.invalid_argument("Strongroom takes no key with the null character.", "Key")


def require_part_number(number: int) -> None:
    """Raise InvalidArgument for a number that no part has."""
    if not 1 <= number <= PARTS_MAX:
        raise errors.invalid_argument(
            f"Part number must be an integer between 1 and {PARTS_MAX}, inclusive", "partNumber", str(number)
        )


def details_of(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Return what is kept of an object besides its bytes. Raises AwsError for what S3 refuses."""
    params = call.params
    details: dict[str, Any] = {name: params[name] for name in HEADER_MEMBERS if params.get(name) is not None}
    details.setdefault("ContentType", DEFAULT_CONTENT_TYPE)
    metadata = params.get("Metadata") or {}
    _must_be_small(metadata)
    if metadata:
        details["Metadata"] = dict(metadata)
    if params.get("Tagging"):
        details["tags"] = checked_header(params["Tagging"])
    storage_class = params.get("StorageClass") or "STANDARD"
    if storage_class not in _SERVED_CLASSES:
        raise errors.not_implemented(f"the storage class {storage_class}")
    details["StorageClass"] = storage_class
    _refuse_acls(params, bucket)
    details |= _lock_of(call, bucket)
    return details


def _must_be_small(metadata: Mapping[str, str]) -> None:
    size = sum(len(name.encode()) + len(value.encode("utf-8", "surrogatepass")) for name, value in metadata.items())
    if size > METADATA_BYTES_MAX:
        raise AwsError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            members={"Size": str(size), "MaxSizeAllowed": str(METADATA_BYTES_MAX)},
        )


def _refuse_acls(params: Mapping[str, Any], bucket: Bucket) -> None:
    """Raise AccessControlListNotSupported: a bucket whose owner owns every object has no other ACL than that."""
    controls = bucket.settings.get("OwnershipControls")
    enforced = controls is not None and controls["Rules"][0]["ObjectOwnership"] == "BucketOwnerEnforced"
    asked = params.get("ACL")
    grants = any(params.get(name) for name in ("GrantRead", "GrantReadACP", "GrantWriteACP"))
    if enforced and (grants or asked not in (None, "bucket-owner-full-control")):
        raise errors.no_access_control_lists()


def _lock_of(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Return the lock of a new object: what the request says, else the bucket's default retention."""
    params = call.params
    mode, until = params.get("ObjectLockMode"), params.get("ObjectLockRetainUntilDate")
    hold = params.get("ObjectLockLegalHoldStatus")
    configuration = bucket.settings.get("ObjectLockConfiguration")
    if (mode or until or hold) and not configuration:
        raise errors.invalid_request("Bucket is missing Object Lock Configuration")
    if (mode is None) != (until is None):
        raise errors.invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            "x-amz-object-lock-mode" if mode is None else "x-amz-object-lock-retain-until-date",
        )
    lock: dict[str, Any] = {}
    if until is not None:
        if until.timestamp() <= call.now:
            raise errors.invalid_argument(
                "The retain until date must be in the future!", "x-amz-object-lock-retain-until-date"
            )
        lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until.timestamp()}
    elif configuration and configuration.get("Rule"):
        retention = configuration["Rule"]["DefaultRetention"]
        days = retention.get("Days") or retention.get("Years", 0) * 365
        lock = {"ObjectLockMode": retention["Mode"], "ObjectLockRetainUntilDate": call.now + days * 86_400}
    if hold is not None:
        lock["ObjectLockLegalHoldStatus"] = hold
    return lock


def shown_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an answer that tell what is kept of an object besides its bytes."""
    shown = {name: details[name] for name in HEADER_MEMBERS if name in details}
    if "Metadata" in details:
        shown["Metadata"] = dict(details["Metadata"])
    if details.get("tags"):
        shown["TagCount"] = len(details["tags"])
    if details.get("StorageClass", "STANDARD") != "STANDARD":
        shown["StorageClass"] = details["StorageClass"]
    for name in ("ObjectLockMode", "ObjectLockLegalHoldStatus"):
        if name in details:
            shown[name] = details[name]
    if "ObjectLockRetainUntilDate" in details:
        shown["ObjectLockRetainUntilDate"] = as_datetime(details["ObjectLockRetainUntilDate"])
    return shown
