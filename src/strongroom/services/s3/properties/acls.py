"""Access control lists: the one that every bucket and object has, which gives its owner everything.

Where the bucket's owner owns every object (the default since April 2023), ACLs decide nothing and cannot be changed.
Strongroom serves no others: policies say who may. Source: Amazon S3 User Guide, "Controlling ownership of objects".
"""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.bucket_lifecycle import owner_id
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.get_object import found_version, of_version
from strongroom.services.s3.service import S3


def _owners_acl(account_id: str) -> Answer:
    owner = {"ID": owner_id(account_id)}
    return {"Owner": owner, "Grants": [{"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}


def _refuse_other_acls(params: dict[str, Any], account_id: str) -> None:
    """Raise AccessControlListNotSupported for any ACL but the owner's."""
    grants = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
    if params.get("ACL") in ("private", "bucket-owner-full-control") and not any(params.get(each) for each in grants):
        return
    policy = params.get("AccessControlPolicy")
    if policy is not None and not any(params.get(each) for each in ("ACL", *grants)):
        permitted = [(each.get("Grantee", {}).get("ID"), each.get("Permission")) for each in policy.get("Grants") or []]
        if permitted == [(owner_id(account_id), "FULL_CONTROL")]:
            return
    if policy is None and params.get("ACL") is None and not any(params.get(each) for each in grants):
        raise errors.malformed_xml()
    raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")


@operation(S3, "GetBucketAcl", needs=control_of_bucket("s3:GetBucketAcl"), reads_only=True)
async def get_bucket_acl(call: Call) -> Answer:
    """Return a bucket's ACL: its owner's. Source: Amazon S3 API Reference, GetBucketAcl."""
    bucket: Bucket = call.target
    return _owners_acl(bucket.account_id)


@operation(S3, "PutBucketAcl", needs=control_of_bucket("s3:PutBucketAcl"))
async def put_bucket_acl(call: Call) -> Answer:
    """Accept the ACL that the bucket has already, and no other. Source: Amazon S3 API Reference, PutBucketAcl."""
    bucket: Bucket = call.target
    _refuse_other_acls(call.params, bucket.account_id)
    return {}


@operation(S3, "GetObjectAcl", needs=of_version("s3:GetObjectAcl", "s3:GetObjectVersionAcl"), reads_only=True)
async def get_object_acl(call: Call) -> Answer:
    """Return an object's ACL: its owner's. Source: Amazon S3 API Reference, GetObjectAcl."""
    bucket, _ = found_version(call, "GET")
    return _owners_acl(bucket.account_id)


@operation(S3, "PutObjectAcl", needs=of_version("s3:PutObjectAcl", "s3:PutObjectVersionAcl"))
async def put_object_acl(call: Call) -> Answer:
    """Accept the ACL that the object has already, and no other. Source: Amazon S3 API Reference, PutObjectAcl."""
    bucket, _ = found_version(call, "PUT")
    _refuse_other_acls(call.params, bucket.account_id)
    return {}
