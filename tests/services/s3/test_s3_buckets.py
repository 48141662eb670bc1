"""Buckets: their names, Regions and owners, and what is configured of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.kms.made_identities import make_account
from tests.services.s3.storing import InBucket, Storing, in_bucket, in_house_of_module

from strongroom.operations.callers import Caller

__all__ = ["in_bucket", "in_house_of_module"]
OTHER = "444455556666"


def test_names_that_no_bucket_has(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        for name in (
            "ab",
            "a" * 64,
            "Upper",
            "a..b",
            "192.168.0.1",
            "xn--a",
            "-a-b",
            "a-b-",
            "under_score",
            "x-s3alias",
        ):
            await storing.refused("InvalidBucketName", "CreateBucket", Bucket=name)
        for name in ("abc", "a" * 63, "1.2.3.com", "a.b-c.d"):
            assert (await storing.s3("CreateBucket", Bucket=name))["Location"] == f"/{name}"

    in_bucket(body)


@pytest.mark.parametrize(
    ("endpoint", "constraint", "code"),
    [
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("eu-west-1", None, "IllegalLocationConstraintException"),
        ("eu-west-1", "eu-central-1", "IllegalLocationConstraintException"),
    ],
)
def test_where_a_bucket_cannot_be_made(
    in_bucket: InBucket[None], endpoint: str, constraint: str | None, code: str
) -> None:
    async def body(storing: Storing) -> None:
        where = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
        await storing.refused(code, "CreateBucket", Bucket="elsewhere", region=endpoint, **where)

    in_bucket(body)


def test_a_bucket_of_another_region_says_where_it_is(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.s3(
            "CreateBucket", Bucket="in-europe", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        refusal = await storing.refused("AuthorizationHeaderMalformed", "GetBucketLocation", Bucket="in-europe")
        assert refusal.members["Region"] == "eu-west-1"
        assert (await storing.s3("GetBucketLocation", Bucket="in-europe", region="eu-west-1")) == {
            "LocationConstraint": "eu-west-1"
        }
        assert await storing.s3("GetBucketLocation") == {}

    in_bucket(body)


def test_making_a_bucket_again(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("kept")
        await storing.s3("CreateBucket")
        assert await storing.get("kept") == b"content"
        europe = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        await storing.s3("CreateBucket", Bucket="in-europe-too", **europe)
        await storing.refused("BucketAlreadyOwnedByYou", "CreateBucket", Bucket="in-europe-too", **europe)

    in_bucket(body)


def test_another_accounts_bucket_is_shut(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await make_account(storing.house, OTHER)
        stranger = Caller.root(OTHER, "AKIAOTHERROOTKEY0001")
        await storing.put("secret")
        await storing.refused("BucketAlreadyExists", "CreateBucket", caller=stranger)
        for operation in ("HeadBucket", "ListObjectsV2", "DeleteBucket", "GetBucketPolicy"):
            refusal = await storing.refused("AccessDenied", operation, caller=stranger)
            assert refusal.status == 403
        await storing.refused("AccessDenied", "GetObject", Key="secret", caller=stranger)
        await storing.refused("AccessDenied", "GetObject", Key="absent", caller=stranger)

    in_bucket(body)


def test_expected_owner(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.s3("HeadBucket", ExpectedBucketOwner=ACCOUNT)
        await storing.refused("AccessDenied", "HeadBucket", ExpectedBucketOwner=OTHER)
        await storing.refused("AccessDenied", "GetObject", Key="any", ExpectedBucketOwner=OTHER)

    in_bucket(body)


def test_only_an_empty_bucket_goes(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        version_id = (await storing.put("one"))["VersionId"]
        await storing.refused("BucketNotEmpty", "DeleteBucket")
        marker_id = (await storing.s3("DeleteObject", Key="one"))["VersionId"]
        await storing.refused("BucketNotEmpty", "DeleteBucket")
        for each in (version_id, marker_id):
            await storing.s3("DeleteObject", Key="one", VersionId=each)
        await storing.s3("DeleteBucket")
        await storing.refused("NoSuchBucket", "HeadBucket")
        await storing.refused("NoSuchBucket", "DeleteBucket")

    in_bucket(body)


def test_a_bucket_goes_with_its_unfinished_uploads(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        upload_id = (await storing.s3("CreateMultipartUpload", Key="unfinished"))["UploadId"]
        await storing.part("unfinished", upload_id, 1, b"x" * 100_000)
        assert storing.blobs()
        await storing.s3("DeleteBucket")
        assert storing.blobs() == []
        await storing.s3("CreateBucket")
        await storing.refused("NoSuchUpload", "ListParts", Key="unfinished", UploadId=upload_id)

    in_bucket(body)


def test_a_bucket_goes_with_its_bucket_keys(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("one", ServerSideEncryption="aws:kms", BucketKeyEnabled=True)
        await storing.s3("DeleteObject", Key="one")
        await storing.s3("DeleteBucket")
        await storing.s3("CreateBucket")
        await storing.put("one", ServerSideEncryption="aws:kms", BucketKeyEnabled=True)
        assert await storing.get("one") == b"content"

    in_bucket(body)


async def _names(house: OpenedHouse, **params: Any) -> list[str]:
    answer = await house.call("s3", "ListBuckets", **params)
    return [each["Name"] for each in answer["Buckets"]]


def test_listing_buckets_in_pages(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            names = sorted(f"bucket-{number:02}" for number in range(7))
            for name in names:
                await house.call("s3", "CreateBucket", Bucket=name)
            assert await _names(house) == names
            for size in (1, 2, 3, 7, 8):
                found: list[str] = []
                token: dict[str, str] = {}
                while True:
                    answer = await house.call("s3", "ListBuckets", MaxBuckets=size, **token)
                    found += [each["Name"] for each in answer["Buckets"]]
                    if "ContinuationToken" not in answer:
                        break
                    token = {"ContinuationToken": answer["ContinuationToken"]}
                assert found == names
            assert await _names(house, Prefix="bucket-06") == ["bucket-06"]
            assert await _names(house, BucketRegion="eu-west-1") == []

    asyncio.run(main())


CONFIGURATIONS: list[tuple[str, str, dict[str, Any], str, str]] = [
    (
        "BucketCors",
        "CORSConfiguration",
        {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
        "NoSuchCORSConfiguration",
        "DeleteBucketCors",
    ),
    (
        "BucketWebsite",
        "WebsiteConfiguration",
        {"IndexDocument": {"Suffix": "index.html"}},
        "NoSuchWebsiteConfiguration",
        "DeleteBucketWebsite",
    ),
    ("BucketTagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}, "NoSuchTagSet", "DeleteBucketTagging"),
]


@pytest.mark.parametrize(("name", "member", "value", "missing", "delete"), CONFIGURATIONS)
def test_configurations_come_and_go(
    in_bucket: InBucket[None], name: str, member: str, value: dict[str, Any], missing: str, delete: str
) -> None:
    async def body(storing: Storing) -> None:
        refusal = await storing.refused(missing, f"Get{name}")
        assert refusal.status == 404
        assert refusal.members["BucketName"] == storing.bucket
        await storing.s3(f"Put{name}", **{member: value})
        answer = await storing.s3(f"Get{name}")
        assert {key: answer[key] for key in value} == value
        await storing.s3(delete)
        await storing.refused(missing, f"Get{name}")

    in_bucket(body)


def test_what_every_new_bucket_has(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        block = (await storing.s3("GetPublicAccessBlock"))["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        ownership = (await storing.s3("GetBucketOwnershipControls"))["OwnershipControls"]
        assert ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        rules = (await storing.s3("GetBucketEncryption"))["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert rules[0]["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
        assert await storing.s3("GetBucketVersioning") == {}
        assert await storing.s3("GetBucketLogging") == {}
        assert await storing.s3("GetBucketRequestPayment") == {"Payer": "BucketOwner"}
        await storing.refused("NoSuchBucketPolicy", "GetBucketPolicy")
        await storing.refused("NoSuchBucketPolicy", "GetBucketPolicyStatus")
        await storing.refused("ObjectLockConfigurationNotFoundError", "GetObjectLockConfiguration")
        await storing.refused("NoSuchLifecycleConfiguration", "GetBucketLifecycleConfiguration")
        await storing.s3("DeletePublicAccessBlock")
        await storing.refused("NoSuchPublicAccessBlockConfiguration", "GetPublicAccessBlock")
        await storing.s3("DeleteBucketOwnershipControls")
        await storing.refused("OwnershipControlsNotFoundError", "GetBucketOwnershipControls")

    in_bucket(body)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "InvalidTag"),
        ([{"Key": "aws:a", "Value": "1"}], "InvalidTag"),
        ([{"Key": "a,b", "Value": "1"}], "InvalidTag"),
        ([{"Key": "a", "Value": "1,2"}], "InvalidTag"),
        ([{"Key": "a" * 129, "Value": "1"}], "InvalidTag"),
        ([{"Key": "a", "Value": "1" * 257}], "InvalidTag"),
    ],
)
def test_tags_that_a_bucket_cannot_have(in_bucket: InBucket[None], tags: list[dict[str, str]], code: str) -> None:
    async def body(storing: Storing) -> None:
        await storing.refused(code, "PutBucketTagging", Tagging={"TagSet": tags})
        await storing.refused("NoSuchTagSet", "GetBucketTagging")

    in_bucket(body)


def test_policies_that_are_none(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        for text in ("", "policy", "[]", "{}", '{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}'):
            await storing.refused("MalformedPolicy", "PutBucketPolicy", Policy=text)
        statement = '{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"%s"}'
        for resource in ("arn:aws:s3:::another/*", "*", "arn:aws:s3:::bucke/*"):
            text = '{"Version":"2012-10-17","Statement":' + statement % resource + "}"
            refusal = await storing.refused("MalformedPolicy", "PutBucketPolicy", Policy=text)
            assert refusal.message == "Policy has invalid resource"

    in_bucket(body)
