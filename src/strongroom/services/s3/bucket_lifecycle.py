"""Making, finding, listing and deleting of buckets."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.model.regions import region_names
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Resource
from strongroom.services.s3 import errors, tables
from strongroom.services.s3.access import S3Conditions, account_wide, control_of_bucket
from strongroom.services.s3.buckets import ENABLED, Bucket, as_bucket, bucket_cache_name
from strongroom.services.s3.content import Content
from strongroom.services.s3.multipart import tables as upload_tables
from strongroom.services.s3.public_access import BLOCK_ACCESS_SETTING, BLOCKED
from strongroom.services.s3.service import S3
from strongroom.services.s3.tagging import TAGS_PER_BUCKET_MAX, checked_set, shown_tags
from strongroom.storage.connection import Connection

BUCKETS_PER_ACCOUNT_MAX = 10_000
"""Source: AWS General Reference, "Amazon S3 endpoints and quotas" (the default since November 2024)."""

_HOME_REGION = "us-east-1"
_LOCATIONS = (region_names() | {"EU"}) - {_HOME_REGION}
_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)(?!xn--)(?!sthree-)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_ENDINGS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def _is_bucket_name(name: str) -> bool:
    """Whether a bucket may have this name. Source: User Guide, "General purpose buckets naming rules"."""
    return _NAME.fullmatch(name) is not None and not name.endswith(_RESERVED_ENDINGS)


def _wanted_region(call: Call) -> str:
    """Return the Region of a new bucket. Raises where the request and its endpoint disagree."""
    configuration: Mapping[str, Any] = call.params.get("CreateBucketConfiguration") or {}
    location: str | None = configuration.get("LocationConstraint")
    if location in (None, ""):
        if call.region != _HOME_REGION:
            raise AwsError(
                "IllegalLocationConstraintException",
                "The unspecified location constraint is incompatible for the region specific endpoint this request was "
                "sent to.",
            )
        return call.region
    if call.region == _HOME_REGION and location not in _LOCATIONS:
        raise AwsError(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            members={"LocationConstraint": location},
        )
    region = "eu-west-1" if location == "EU" else str(location)
    if call.region not in (_HOME_REGION, region):
        raise AwsError(
            "IllegalLocationConstraintException",
            f"The {region} location constraint is incompatible for the region specific endpoint this request was sent "
            "to.",
        )
    return region


async def _needs_of_create_bucket(call: Call) -> Sequence[Requirement]:
    configuration = call.params.get("CreateBucketConfiguration") or {}
    own: dict[str, ConditionValue] = {"s3:locationconstraint": configuration.get("LocationConstraint")}
    arn = f"arn:{call.house.directory.partition}:s3:::{call.params['Bucket']}"
    audited = Resource(arn, call.account_id, "AWS::S3::Bucket")
    actions = ["s3:CreateBucket"]
    if configuration.get("Tags"):
        actions.append("s3:TagResource")
    if call.params.get("ObjectLockEnabledForBucket"):
        actions += ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]
    if call.params.get("ObjectOwnership"):
        actions.append("s3:PutBucketOwnershipControls")
    if call.params.get("ACL"):
        actions.append("s3:PutBucketAcl")
    return [
        Requirement(
            action=action,
            resource=arn,
            account_id=call.account_id,
            conditions=S3Conditions(call, None, None, own),
            audited=audited,
        )
        for action in actions
    ]


@operation(S3, "CreateBucket", needs=_needs_of_create_bucket)
async def create_bucket(call: Call) -> Answer:
    """Make a bucket: private, encrypted, without versions. Source: Amazon S3 API Reference, CreateBucket."""
    params = call.params
    name: str = params["Bucket"]
    if not _is_bucket_name(name):
        raise errors.invalid_bucket_name(name)
    ownership = params.get("ObjectOwnership") or "BucketOwnerEnforced"
    if params.get("ACL") not in (None, "private") and ownership == "BucketOwnerEnforced":
        raise AwsError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    settings: dict[str, Any] = {
        BLOCK_ACCESS_SETTING: dict(BLOCKED),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]},
    }
    tags = (params.get("CreateBucketConfiguration") or {}).get("Tags")
    if tags:
        settings["Tagging"] = shown_tags(checked_set(tags, TAGS_PER_BUCKET_MAX))
    if params.get("ObjectLockEnabledForBucket"):
        settings["ObjectLockConfiguration"] = {"ObjectLockEnabled": "Enabled"}
    region = _wanted_region(call)
    if (params.get("CreateBucketConfiguration") or {}).get("Bucket"):
        raise errors.not_implemented("directory buckets")
    values = {
        "name": name,
        "account_id": call.account_id,
        "region": region,
        "created_at": call.now,
        "versioning": ENABLED if params.get("ObjectLockEnabledForBucket") else "",
        "policy": None,
        "settings": settings,
    }

    def write(connection: Connection) -> Answer:
        existing = tables.select_bucket(connection, name)
        if existing is not None:
            if existing.account_id != call.account_id:
                raise errors.bucket_already_exists(name)
            if existing.region != _HOME_REGION or region != _HOME_REGION:
                raise errors.bucket_already_owned(name)
            # In us-east-1 making one's own bucket again has always succeeded.
            return {"Location": f"/{name}", "BucketArn": as_bucket(existing).arn}
        if tables.count_buckets(connection, call.account_id) >= BUCKETS_PER_ACCOUNT_MAX:
            raise errors.too_many_buckets()
        tables.insert_bucket(connection, values)
        bucket = as_bucket(tables.select_bucket(connection, name))
        return {"Location": f"/{name}", "BucketArn": bucket.arn}

    return await call.write(write, invalidates=(bucket_cache_name(name),))


@operation(S3, "HeadBucket", needs=control_of_bucket("s3:ListBucket"), reads_only=True)
async def head_bucket(call: Call) -> Answer:
    """Tell whether a bucket is there and may be listed. Source: Amazon S3 API Reference, HeadBucket."""
    bucket: Bucket = call.target
    return {"BucketRegion": bucket.region, "AccessPointAlias": False, "BucketArn": bucket.arn}


@operation(S3, "GetBucketLocation", needs=control_of_bucket("s3:GetBucketLocation"), reads_only=True)
async def get_bucket_location(call: Call) -> Answer:
    """Return the Region of a bucket, nothing for us-east-1. Source: API Reference, GetBucketLocation."""
    bucket: Bucket = call.target
    return {} if bucket.region == _HOME_REGION else {"LocationConstraint": bucket.region}


@operation(S3, "DeleteBucket", needs=control_of_bucket("s3:DeleteBucket"))
async def delete_bucket(call: Call) -> Answer:
    """Delete a bucket that holds nothing; uploads under way end with it. Source: API Reference, DeleteBucket."""
    bucket: Bucket = call.target
    stale: list[str] = []

    def write(connection: Connection) -> Answer:
        if tables.select_bucket(connection, bucket.name) is None:
            raise errors.no_such_bucket(bucket.name)
        if tables.holds_versions(connection, bucket.name):
            raise errors.bucket_not_empty(bucket.name)
        stale.clear()
        for upload in upload_tables.uploads_in(connection, bucket.name):
            upload_tables.delete_upload(connection, upload.upload_id)
            stale.extend(tables.delete_pieces(connection, upload.content_id))
        tables.delete_bucket(connection, bucket.name)
        return {}

    answer = await call.write(write, invalidates=(bucket_cache_name(bucket.name),))
    await call.house.part(Content).delete(stale)
    return answer


@operation(S3, "ListBuckets", needs=account_wide("s3:ListAllMyBuckets"), reads_only=True)
async def list_buckets(call: Call) -> Answer:
    """List the account's buckets. Source: Amazon S3 API Reference, ListBuckets."""
    params = call.params
    limit = params.get("MaxBuckets") or BUCKETS_PER_ACCOUNT_MAX
    prefix, after = params.get("Prefix") or "", params.get("ContinuationToken") or ""
    if "\x00" in prefix + after:
        raise errors.invalid_argument("The continuation token provided is incorrect", "continuation-token")
    rows = await call.read(
        lambda connection: tables.list_buckets(
            connection,
            call.account_id,
            prefix=prefix,
            region=params.get("BucketRegion"),
            after=after,
            limit=limit + 1,
        )
    )
    listed = [
        {
            "Name": row.name,
            "CreationDate": as_datetime(int(row.created_at)),
            "BucketRegion": row.region,
            "BucketArn": as_bucket(row).arn,
        }
        for row in rows[:limit]
    ]
    answer: Answer = {"Buckets": listed, "Owner": {"ID": owner_id(call.account_id)}}
    if params.get("Prefix"):
        answer["Prefix"] = prefix
    if len(rows) > limit:
        answer["ContinuationToken"] = listed[-1]["Name"]
    return answer


def owner_id(account_id: str) -> str:
    """Return the canonical user id of an account: 64 hexadecimal digits that stand for it in lists and ACLs."""
    return account_id.encode().hex().rjust(64, "0")
