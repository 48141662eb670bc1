"""What S3 operations need: which action on which bucket or object, decided with the bucket policy.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; Amazon S3 User Guide,
"Bucket policy examples using condition keys".
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.principal import PrincipalKind
from strongroom.services.s3 import errors
from strongroom.services.s3.buckets import Bucket, BucketDirectory
from strongroom.services.s3.public_access import in_force, is_public, restricted
from strongroom.services.s3.tagging import tags_of_header

Own = Mapping[str, ConditionValue]

_HEADERS: Mapping[str, str] = {
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "s3:x-amz-object-ownership": "ObjectOwnership",
    "s3:prefix": "Prefix",
    "s3:delimiter": "Delimiter",
    "s3:max-keys": "MaxKeys",
    "s3:versionid": "VersionId",
    "s3:locationconstraint": "LocationConstraint",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
}
"""The request members that condition values are taken from."""

_CREATES_OBJECT: Mapping[str, bool] = {
    "PutObject": True,
    "PostObject": True,
    "CopyObject": True,
    "CompleteMultipartUpload": True,
    "CreateMultipartUpload": False,
    "UploadPart": False,
    "UploadPartCopy": False,
}
"""The operations that need s3:PutObject, and whether an object is there after them: a policy that wants writes to be
conditional can speak of these alone."""


def _signature_age(call: Call) -> ConditionValue:
    # Zero is an age: only a request that nobody signed has none.
    return call.origin.authentication.age_ms if call.origin.authentication.kind else None


def _remaining_days(call: Call) -> ConditionValue:
    until = call.params.get("ObjectLockRetainUntilDate") or (call.params.get("Retention") or {}).get("RetainUntilDate")
    return math.ceil((until.timestamp() - call.now) / 86_400) if until is not None else None


def _retention(member: str, header: str) -> Callable[[Call], ConditionValue]:
    return lambda call: call.params.get(header) or (call.params.get("Retention") or {}).get(member)


_OF_REQUEST: Mapping[str, Callable[[Call], ConditionValue]] = {
    "s3:tlsversion": lambda call: call.origin.tls_version,
    "s3:authtype": lambda call: call.origin.authentication.kind,
    "s3:signatureversion": lambda call: call.origin.authentication.version,
    "s3:signatureage": _signature_age,
    "s3:x-amz-content-sha256": lambda call: call.origin.authentication.content_sha256,
    "s3:object-lock-mode": _retention("Mode", "ObjectLockMode"),
    "s3:object-lock-retain-until-date": _retention("RetainUntilDate", "ObjectLockRetainUntilDate"),
    "s3:object-lock-legal-hold": lambda call: (
        call.params.get("ObjectLockLegalHoldStatus") or (call.params.get("LegalHold") or {}).get("Status")
    ),
    "s3:object-lock-remaining-retention-days": _remaining_days,
    "s3:objectcreationoperation": lambda call: _CREATES_OBJECT.get(call.operation.name),
}
"""What a request tells beyond its members: how it was sent and signed, and what follows from the time."""

_EXISTING_TAG = "s3:existingobjecttag/"
_REQUEST_TAG = "s3:requestobjecttag/"
_BUCKET_TAGS = ("aws:resourcetag/", "s3:buckettag/")
_REQUEST_TAG_KEYS = "s3:requestobjecttagkeys"


class S3Conditions:
    """The `s3:` condition values of one requirement, worked out when a policy asks for them.

    `tags` are those of the object that is there; `own` are what only this operation has.
    """

    __slots__ = ("_bucket", "_call", "_own", "_tags")

    def __init__(self, call: Call, bucket: Bucket | None, tags: Mapping[str, str] | None, own: Own | None) -> None:
        self._call = call
        self._bucket = bucket
        self._tags = tags
        self._own = own

    def __call__(self, name: str) -> ConditionValue:
        """Return the value of a condition key, named in lower case, or None when the request has none."""
        if self._own is not None and name in self._own:
            return self._own[name]
        params = self._call.params
        member = _HEADERS.get(name)
        if member is not None:
            return params.get(member)
        of_request = _OF_REQUEST.get(name)
        if of_request is not None:
            value = of_request(self._call)
            return None if value == "" else value
        if name == "s3:resourceaccount":
            return self._bucket.account_id if self._bucket is not None else None
        if name.startswith(_EXISTING_TAG):
            return tag_value(self._tags, name[len(_EXISTING_TAG) :]) if self._tags else None
        if name.startswith((_REQUEST_TAG, _REQUEST_TAG_KEYS)):
            sent = self._request_tags()
            if name == _REQUEST_TAG_KEYS:
                return list(sent) or None
            return tag_value(sent, name[len(_REQUEST_TAG) :])
        if name == "aws:tagkeys" or name.startswith("aws:requesttag/"):
            sent = self._bucket_tags_sent()
            return tag_value(sent, name[len("aws:requesttag/") :]) if name != "aws:tagkeys" else list(sent) or None
        if name.startswith(_BUCKET_TAGS) and self._bucket is not None:
            return tag_value(_bucket_tags(self._bucket), name.partition("/")[2])
        return None

    def _request_tags(self) -> Mapping[str, str]:
        sent = self._call.params.get("Tagging")
        if isinstance(sent, str):
            return tags_of_header(sent)
        if isinstance(sent, Mapping):
            return {each["Key"]: each["Value"] for each in sent.get("TagSet", ())}
        return {}

    def _bucket_tags_sent(self) -> Mapping[str, str]:
        params = self._call.params
        sent: Sequence[Mapping[str, str]] = ()
        if self._call.operation.name == "CreateBucket":
            sent = (params.get("CreateBucketConfiguration") or {}).get("Tags") or ()
        elif self._call.operation.name == "PutBucketTagging":
            sent = params["Tagging"]["TagSet"]
        return {each.get("Key", ""): each.get("Value", "") for each in sent}


def _bucket_tags(bucket: Bucket) -> Mapping[str, str]:
    return {each["Key"]: each["Value"] for each in bucket.settings.get("Tagging", ())}


async def named_bucket(call: Call, member: str = "Bucket") -> Bucket:
    """Return the bucket that a request names.

    Raises NoSuchBucket, AccessDenied when it is not the expected owner's, and what sends a client to the right Region.
    """
    bucket = await call.house.part(BucketDirectory).find(call.params[member])
    expected = call.params.get("ExpectedBucketOwner")
    if expected is not None and expected != bucket.account_id:
        raise errors.access_denied()
    if bucket.region != call.region and call.caller.principal.kind is not PrincipalKind.ANONYMOUS:
        raise errors.wrong_region(call.region, bucket.region)
    return bucket


_OF_POLICY = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})
"""What the root user of the account that owns a bucket may do whatever its policy says. Source: API Reference."""


def policy_that_counts(call: Call, bucket: Bucket) -> NamedPolicy | None:
    """Return the bucket policy as far as it may speak for the caller: a restricted public one allows no strangers."""
    policy = bucket.policy
    is_owner = call.account_id == bucket.account_id
    if is_owner and call.operation.name in _OF_POLICY and call.caller.principal.kind is PrincipalKind.ROOT:
        # A policy that denies everybody everything must not lock the bucket for ever.
        return None
    if policy is None or is_owner:
        return policy
    if in_force(bucket.settings, bucket.account_block)["RestrictPublicBuckets"] and is_public(policy.document):
        return restricted(policy)
    return policy


def on_bucket(call: Call, bucket: Bucket, action: str, own: Own | None = None) -> Requirement:
    """Return the requirement of an action on a bucket."""
    return Requirement(
        action=action,
        resource=bucket.arn,
        account_id=bucket.account_id,
        policy=policy_that_counts(call, bucket),
        conditions=S3Conditions(call, bucket, None, own),
        audited=bucket.audited,
    )


def on_object(
    call: Call,
    bucket: Bucket,
    key: str,
    action: str,
    tags: Mapping[str, str] | None = None,
    own: Own | None = None,
) -> Requirement:
    """Return the requirement of an action on an object; `tags` are those it has."""
    arn = bucket.object_arn(key)
    return Requirement(
        action=action,
        resource=arn,
        account_id=bucket.account_id,
        policy=policy_that_counts(call, bucket),
        conditions=S3Conditions(call, bucket, tags, own),
        audited=Resource(arn, bucket.account_id, "AWS::S3::Object"),
    )


def control_of_bucket(action: str) -> Needs:
    """Declare an operation about the bucket that the request names."""

    async def needs(call: Call) -> Sequence[Requirement]:
        bucket = call.target = await named_bucket(call)
        return (on_bucket(call, bucket, action),)

    return needs


def account_wide(action: str, own: Callable[[Call], Own] | None = None) -> Needs:
    """Declare an operation on the account as a whole, or on a bucket that does not exist yet."""

    async def needs(call: Call) -> Sequence[Requirement]:
        values: dict[str, Any] = dict(own(call)) if own is not None else {}
        conditions = S3Conditions(call, None, None, values)
        return (Requirement(action=action, resource="*", account_id=call.account_id, conditions=conditions),)

    return needs
