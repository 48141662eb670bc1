"""Bucket policies: what they deny, whom they let in, which condition keys they see, and what blocks them."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT
from tests.services.kms.made_identities import make_account, statement
from tests.services.s3.storing import InBucket, Storing, in_bucket, in_house_of_module, sent

from strongroom.base.clock import as_datetime
from strongroom.base.context import Authentication
from strongroom.operations.callers import Caller

__all__ = ["in_bucket", "in_house_of_module"]
OTHER = "444455556666"
ANYBODY = Caller.anonymous()
NO_BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


def _policy(storing: Storing, *statements: Mapping[str, Any]) -> str:
    """Return a policy whose statements are about everybody and the whole bucket, unless they say otherwise."""
    arn = f"arn:aws:s3:::{storing.bucket}"
    filled = [{"Principal": "*", "Resource": [arn, f"{arn}/*"], **each} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": filled})


async def _put_policy(storing: Storing, *statements: Mapping[str, Any]) -> None:
    await storing.s3("PutBucketPolicy", Policy=_policy(storing, *statements))


async def _open(storing: Storing) -> None:
    await storing.s3("PutPublicAccessBlock", PublicAccessBlockConfiguration=NO_BLOCK)


def test_plain_http_is_denied_to_everybody(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("key", secure=False)
        await _put_policy(
            storing, {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        )
        admin = await storing.user("admin", statement("Allow", "*"))
        for caller in (None, admin):
            for operation, more in (("GetObject", {}), ("HeadObject", {}), ("PutObject", {"Body": sent(b"x")})):
                await storing.refused("AccessDenied", operation, Key="key", secure=False, caller=caller, **more)
            await storing.refused("AccessDenied", "ListObjectsV2", secure=False, caller=caller)
            assert await storing.get("key", caller=caller) == b"content"

    in_bucket(body)


def test_the_owners_root_mends_a_policy_that_shuts_it_out(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await _put_policy(storing, {"Effect": "Deny", "Action": "s3:*"})
        admin = await storing.user("admin", statement("Allow", "*"))
        await storing.refused("AccessDenied", "HeadBucket")
        await storing.refused("AccessDenied", "DeleteBucketPolicy", caller=admin)
        assert "Deny" in (await storing.s3("GetBucketPolicy"))["Policy"]
        await storing.s3("DeleteBucketPolicy")
        await storing.s3("HeadBucket")

    in_bucket(body)


def test_the_trap_and_what_stops_it(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        trap = {"Effect": "Allow", "Action": "s3:GetObject", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
        await storing.put("key")
        await storing.refused("AccessDenied", "PutBucketPolicy", Policy=_policy(storing, trap))
        await storing.refused("AccessDenied", "GetObject", Key="key", caller=ANYBODY)
        await _open(storing)
        await _put_policy(storing, trap)
        assert (await storing.s3("GetBucketPolicyStatus"))["PolicyStatus"] == {"IsPublic": True}
        assert await storing.get("key", caller=ANYBODY) == b"content"
        await storing.refused("AccessDenied", "GetObject", Key="key", caller=ANYBODY, secure=False)
        await storing.refused("AccessDenied", "GetObject", Key="absent", caller=ANYBODY)
        await storing.put_refused("AccessDenied", "key", caller=ANYBODY)
        await storing.refused("InvalidRequest", "GetObject", Key="key", caller=ANYBODY, ResponseContentType="text/html")
        await storing.put("sealed", ServerSideEncryption="aws:kms")
        await storing.refused("AccessDenied", "GetObject", Key="sealed", caller=ANYBODY)
        await storing.s3(
            "PutPublicAccessBlock", PublicAccessBlockConfiguration={**NO_BLOCK, "RestrictPublicBuckets": True}
        )
        await storing.refused("AccessDenied", "GetObject", Key="key", caller=ANYBODY)
        assert await storing.get("key") == b"content"

    in_bucket(body)


@pytest.mark.parametrize(
    ("principal", "condition", "public"),
    [
        ("*", {}, True),
        ({"AWS": "*"}, {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}, True),
        ("*", {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, False),
        ("*", {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}, True),
        ("*", {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}, True),
        ("*", {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
        ("*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}, True),
        ({"AWS": ACCOUNT}, {}, False),
    ],
)
def test_what_public_means(
    in_bucket: InBucket[None], principal: Any, condition: dict[str, Any], *, public: bool
) -> None:
    async def body(storing: Storing) -> None:
        await _open(storing)
        allow = {"Effect": "Allow", "Action": "s3:GetObject", "Principal": principal}
        await _put_policy(storing, {**allow, **({"Condition": condition} if condition else {})})
        assert (await storing.s3("GetBucketPolicyStatus"))["PolicyStatus"] == {"IsPublic": public}

    in_bucket(body)


def test_another_account_needs_both_sides(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await make_account(storing.house, OTHER)
        stranger = Caller.root(OTHER, "AKIAOTHERROOTKEY0001")
        await storing.put("key")
        await storing.refused("AccessDenied", "GetObject", Key="key", caller=stranger)
        await _put_policy(
            storing, {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Principal": {"AWS": OTHER}}
        )
        assert await storing.get("key", caller=stranger) == b"content"
        await storing.put("theirs", caller=stranger)
        assert await storing.get("theirs") == b"content"
        await storing.refused("AccessDenied", "DeleteObject", Key="key", caller=stranger)

    in_bucket(body)


DENY_OTHERS = {
    "Effect": "Deny",
    "Action": "s3:PutObject",
    "Condition": {
        "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
        "Null": {"s3:x-amz-server-side-encryption": "false"},
    },
}
DENY_NONE = {
    "Effect": "Deny",
    "Action": "s3:PutObject",
    "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}},
}


def test_only_sse_kms_passes(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("source")
        await _put_policy(storing, DENY_OTHERS, DENY_NONE)
        source = {"CopySource": f"{storing.bucket}/source"}
        operations: list[tuple[str, Any]] = [
            ("PutObject", lambda: {"Body": sent(b"x")}),
            ("CreateMultipartUpload", dict),
            ("CopyObject", lambda: source),
        ]
        for operation, more in operations:
            await storing.refused("AccessDenied", operation, Key="key", **more())
            await storing.refused("AccessDenied", operation, Key="key", ServerSideEncryption="AES256", **more())
            await storing.refused("AccessDenied", operation, Key="key", ServerSideEncryption="aws:kms:dsse", **more())
            await storing.s3(operation, Key="key", ServerSideEncryption="aws:kms", **more())

    in_bucket(body)


def test_only_one_key_passes(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        arn = (await storing.house.kms("CreateKey"))["KeyMetadata"]["Arn"]
        only = {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": arn}}
        customer = {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}
        await _put_policy(
            storing,
            {"Effect": "Deny", "Action": "s3:PutObject", "Condition": only},
            {"Effect": "Deny", "Action": "s3:PutObject", "Condition": customer},
        )
        await storing.put_refused("AccessDenied", "key")
        await storing.put_refused("AccessDenied", "key", ServerSideEncryption="aws:kms")
        await storing.put_refused(
            "AccessDenied", "key", ServerSideEncryption="aws:kms", SSEKMSKeyId=arn, SSECustomerAlgorithm="AES256"
        )
        await storing.put("key", ServerSideEncryption="aws:kms", SSEKMSKeyId=arn)

    in_bucket(body)


SIGNED = Authentication("REST-HEADER", "AWS4-HMAC-SHA256", 5_000, "UNSIGNED-PAYLOAD")
PUT: dict[str, Any] = {"operation": "PutObject", "Key": "new"}
COPY: dict[str, Any] = {"operation": "CopyObject", "Key": "c"}
GET: dict[str, Any] = {"operation": "GetObject", "Key": "tagged"}
LIST: dict[str, Any] = {"operation": "ListObjectsV2"}

CONDITIONS: list[tuple[str, str, str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("StringEquals", "s3:prefix", "home/", LIST, {"Prefix": "home/"}),
    ("StringEquals", "s3:delimiter", "/", LIST, {"Delimiter": "/"}),
    ("NumericLessThanEquals", "s3:max-keys", "10", LIST, {"MaxKeys": 10}),
    ("StringEquals", "s3:ExistingObjectTag/Class", "open", {**GET, "Key": "untagged"}, {"Key": "tagged"}),
    ("StringEquals", "s3:RequestObjectTag/Class", "open", PUT, {"Tagging": "class=open"}),
    ("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", "class", PUT, {"Tagging": "class=x&y=z"}),
    ("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control", PUT, {"ACL": "bucket-owner-full-control"}),
    ("StringEquals", "s3:x-amz-storage-class", "STANDARD_IA", PUT, {"StorageClass": "STANDARD_IA"}),
    ("StringLike", "s3:x-amz-website-redirect-location", "/x*", PUT, {"WebsiteRedirectLocation": "/xy"}),
    ("StringEquals", "s3:if-none-match", "*", PUT, {"IfNoneMatch": "*"}),
    ("NumericGreaterThanEquals", "s3:TlsVersion", "1.2", {**GET, "secure": False}, {"secure": True}),
    ("StringEquals", "s3:signatureversion", "AWS4-HMAC-SHA256", GET, {"authentication": SIGNED}),
    ("StringEquals", "s3:authType", "REST-HEADER", GET, {"authentication": SIGNED}),
    ("NumericLessThan", "s3:signatureAge", "6000", GET, {"authentication": SIGNED}),
    ("StringEquals", "s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD", GET, {"authentication": SIGNED}),
    ("StringEquals", "s3:x-amz-server-side-encryption", "AES256", PUT, {"ServerSideEncryption": "AES256"}),
    ("StringEquals", "s3:x-amz-metadata-directive", "REPLACE", COPY, {"MetadataDirective": "REPLACE"}),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "key", "value", "without", "met"), CONDITIONS)
def test_condition_keys(
    in_bucket: InBucket[None], operator: str, key: str, value: str, without: Mapping[str, Any], met: Mapping[str, Any]
) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("tagged", Tagging="class=open")
        await storing.put("untagged")
        user = await storing.user("user", statement("Allow", "s3:*", Condition={operator: {key: value}}))
        if key == "s3:x-amz-metadata-directive":
            user = await storing.user(
                "copier",
                statement("Allow", "s3:GetObject*"),
                statement("Allow", "s3:PutObject*", Condition={operator: {key: value}}),
            )

        async def call(params: Mapping[str, Any]) -> None:
            given = dict(params)
            operation = given.pop("operation")
            if operation == "PutObject":
                given["Body"] = sent(b"x")
            if operation == "CopyObject":
                given["CopySource"] = f"{storing.bucket}/tagged"
            await storing.s3(operation, caller=user, **given)

        params = dict(without)
        operation = params.pop("operation")
        body_of = {"Body": sent(b"x")} if operation == "PutObject" else {}
        copy_of = {"CopySource": f"{storing.bucket}/tagged"} if operation == "CopyObject" else {}
        await storing.refused("AccessDenied", operation, caller=user, **params, **body_of, **copy_of)
        await call({**without, **met})

    in_bucket(body)


def test_conditions_on_locks(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        await storing.s3("PutObjectLockConfiguration", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
        deny = [
            {
                "Effect": "Deny",
                "Action": "s3:PutObjectRetention",
                "Condition": {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}},
            },
            {
                "Effect": "Deny",
                "Action": "s3:PutObjectRetention",
                "Condition": {"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}},
            },
            {
                "Effect": "Deny",
                "Action": "s3:PutObjectLegalHold",
                "Condition": {"StringEquals": {"s3:object-lock-legal-hold": "OFF"}},
            },
        ]
        await _put_policy(storing, *deny)
        now = as_datetime(int(storing.house.clock.now()))
        for days, mode, allowed in ((5, "GOVERNANCE", True), (20, "GOVERNANCE", False), (5, "COMPLIANCE", False)):
            until = now + timedelta(days=days)
            lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}
            retention = {"Retention": {"Mode": mode, "RetainUntilDate": until}}
            await storing.put("key")
            if allowed:
                await storing.put("key", **lock)
                await storing.s3("PutObjectRetention", Key="key", **retention)
            else:
                await storing.put_refused("AccessDenied", "key", **lock)
                await storing.refused("AccessDenied", "PutObjectRetention", Key="key", **retention)
        await storing.s3("PutObjectLegalHold", Key="key", LegalHold={"Status": "ON"})
        await storing.refused("AccessDenied", "PutObjectLegalHold", Key="key", LegalHold={"Status": "OFF"})

    in_bucket(body)


def test_writes_have_to_be_conditional(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        condition = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
        await _put_policy(storing, {"Effect": "Deny", "Action": "s3:PutObject", "Condition": condition})
        await storing.put_refused("AccessDenied", "key")
        await storing.put("key", IfNoneMatch="*")
        upload_id = (await storing.s3("CreateMultipartUpload", Key="parts"))["UploadId"]
        part = await storing.part("parts", upload_id, 1, b"part")
        completing: dict[str, Any] = {"Key": "parts", "UploadId": upload_id, "MultipartUpload": {"Parts": [part]}}
        await storing.refused("AccessDenied", "CompleteMultipartUpload", **completing)
        await storing.s3("CompleteMultipartUpload", IfNoneMatch="*", **completing)

    in_bucket(body)


def test_the_owner_of_what_is_asked_for(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("key")

        async def user(name: str, keys: Sequence[str], account: str) -> Caller:
            condition = {"StringEquals": dict.fromkeys(keys, account)}
            return await storing.user(name, statement("Allow", "s3:GetObject", Condition=condition))

        assert (
            await storing.get("key", caller=await user("own", ("s3:ResourceAccount", "aws:ResourceAccount"), ACCOUNT))
            == b"content"
        )
        await storing.refused(
            "AccessDenied", "GetObject", Key="key", caller=await user("other", ("s3:ResourceAccount",), OTHER)
        )

    in_bucket(body)


def test_tags_of_buckets_are_seen(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        user = await storing.user(
            "user", statement("Allow", "s3:*", Condition={"StringEquals": {"s3:BucketTag/team": "a"}})
        )
        await storing.refused("AccessDenied", "ListObjectsV2", caller=user)
        await storing.s3("PutBucketTagging", Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
        await storing.s3("ListObjectsV2", caller=user)
        tagged = {"StringEquals": {"aws:RequestTag/team": "a"}}
        making = statement("Allow", ["s3:CreateBucket", "s3:TagResource"], Condition=tagged)
        maker = await storing.user("maker", making)
        tags = {"Tags": [{"Key": "team", "Value": "a"}]}
        name = f"{storing.bucket}-made"
        await storing.refused("AccessDenied", "CreateBucket", Bucket=name, caller=maker)
        await storing.s3("CreateBucket", Bucket=name, CreateBucketConfiguration=tags, caller=maker)

    in_bucket(body)
