"""Configurations that Amazon S3 does not take are refused in its words, and what was there before stays."""

from typing import Any

import pytest
from tests.services.s3.storing import InBucket, Storing, in_bucket, in_house_of_module

__all__ = ["in_bucket", "in_house_of_module"]

CORS: dict[str, Any] = {"AllowedOrigins": ["https://example.com"], "AllowedMethods": ["GET"]}


def cors(**members: Any) -> dict[str, Any]:
    return {"CORSConfiguration": {"CORSRules": [{**CORS, **members}]}}


def website(**members: Any) -> dict[str, Any]:
    return {"WebsiteConfiguration": members}


def redirect(**members: Any) -> dict[str, Any]:
    return website(IndexDocument={"Suffix": "index.html"}, RoutingRules=[{"Redirect": members}])


REFUSED = [
    ("Cors", {"CORSConfiguration": {"CORSRules": []}}, "MalformedXML", "not well-formed"),
    ("Cors", {"CORSConfiguration": {"CORSRules": [CORS] * 101}}, "MalformedXML", "not well-formed"),
    ("Cors", cors(AllowedMethods=[]), "MalformedXML", "not well-formed"),
    ("Cors", cors(AllowedOrigins=[]), "MalformedXML", "not well-formed"),
    ("Cors", cors(AllowedOrigins=[""]), "MalformedXML", "not well-formed"),
    ("Cors", cors(ID="x" * 256), "MalformedXML", "not well-formed"),
    ("Cors", cors(MaxAgeSeconds=-1), "MalformedXML", "not well-formed"),
    ("Cors", cors(AllowedMethods=["GET", "*"]), "InvalidRequest", "Unsupported method is *"),
    ("Cors", cors(AllowedMethods=["get"]), "InvalidRequest", "Unsupported method is get"),
    (
        "Cors",
        cors(AllowedOrigins=["*example*.com"]),
        "InvalidRequest",
        'AllowedOrigin "*example*.com" can not have more than one wildcard.',
    ),
    ("Cors", cors(AllowedHeaders=["x-*-*"]), "InvalidRequest", 'AllowedHeader "x-*-*" can not'),
    ("Cors", cors(ExposeHeaders=["x-amz-*"]), "InvalidRequest", "do not support wildcard for ExposeHeader"),
    ("Cors", cors(ExposeHeaders=["a header"]), "InvalidRequest", "contains invalid character"),
    ("Website", website(), "InvalidArgument", "IndexDocument Suffix must be provided"),
    ("Website", website(IndexDocument={"Suffix": "a/b"}), "InvalidArgument", "Suffix is not well formed"),
    ("Website", website(IndexDocument={"Suffix": ""}), "InvalidArgument", "Suffix is not well formed"),
    (
        "Website",
        website(IndexDocument={"Suffix": "i"}, RedirectAllRequestsTo={"HostName": "example.com"}),
        "InvalidArgument",
        "RedirectAllRequestsTo cannot be provided",
    ),
    (
        "Website",
        website(IndexDocument={"Suffix": "i"}, ErrorDocument={"Key": ""}),
        "InvalidArgument",
        "ErrorDocument Key is not well formed",
    ),
    ("Website", redirect(ReplaceKeyWith="a", ReplaceKeyPrefixWith="b"), "InvalidRequest", "but not both"),
    ("Website", redirect(HttpRedirectCode="200"), "InvalidRequest", "HTTP redirect code (200) is not valid"),
    ("Website", redirect(), "MalformedXML", "not well-formed"),
    ("AccelerateConfiguration", {"AccelerateConfiguration": {"Status": "On"}}, "MalformedXML", "not well-formed"),
    ("RequestPayment", {"RequestPaymentConfiguration": {"Payer": "Me"}}, "MalformedXML", "not well-formed"),
    ("OwnershipControls", {"OwnershipControls": {"Rules": []}}, "MalformedXML", "not well-formed"),
    (
        "OwnershipControls",
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "Nobody"}]}},
        "MalformedXML",
        "not well-formed",
    ),
]


@pytest.mark.parametrize(("name", "params", "code", "words"), REFUSED)
def test_refused(in_bucket: InBucket[None], name: str, params: dict[str, Any], code: str, words: str) -> None:
    async def body(storing: Storing) -> None:
        refusal = await storing.refused(code, f"PutBucket{name}", **params)
        assert words in refusal.message

    in_bucket(body)


def test_a_refused_configuration_leaves_the_one_before(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.s3("PutBucketCors", **cors(AllowedHeaders=["x-*"], ExposeHeaders=["ETag"], MaxAgeSeconds=0))
        await storing.refused("InvalidRequest", "PutBucketCors", **cors(AllowedMethods=["PATCH"]))
        (rule,) = (await storing.s3("GetBucketCors"))["CORSRules"]
        assert rule["AllowedHeaders"] == ["x-*"]
        everything = {"RedirectAllRequestsTo": {"HostName": "example.com"}}
        await storing.s3("PutBucketWebsite", WebsiteConfiguration=everything)
        await storing.refused("InvalidArgument", "PutBucketWebsite", WebsiteConfiguration={})
        assert await storing.s3("GetBucketWebsite") == everything

    in_bucket(body)


def test_access_logs_go_to_a_bucket_that_is_there_and_ones_own(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        def logged_to(name: str, **members: Any) -> dict[str, Any]:
            return {
                "BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": name, "TargetPrefix": "logs/", **members}}
            }

        refusal = await storing.refused("InvalidTargetBucketForLogging", "PutBucketLogging", **logged_to("nowhere"))
        assert refusal.message == "The target bucket for logging does not exist"
        await storing.s3("CreateBucket", Bucket="the-logs")
        await storing.s3("PutBucketLogging", **logged_to("the-logs"))
        assert (await storing.s3("GetBucketLogging"))["LoggingEnabled"]["TargetBucket"] == "the-logs"
        grant = {"Grantee": {"Type": "Group", "URI": "http://example.com"}, "Permission": "READ"}
        await storing.refused(
            "AccessControlListNotSupported", "PutBucketLogging", **logged_to("the-logs", TargetGrants=[grant])
        )
        await storing.house.call(
            "s3",
            "CreateBucket",
            region="eu-west-1",
            Bucket="far-away",
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
        await storing.refused("CrossLocationLoggingProhibitted", "PutBucketLogging", **logged_to("far-away"))
        await storing.s3("PutBucketLogging", BucketLoggingStatus={})
        assert await storing.s3("GetBucketLogging") == {}

    in_bucket(body)


def test_acceleration_needs_a_name_without_periods(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.s3("CreateBucket", Bucket="a.name")
        enabled = {"AccelerateConfiguration": {"Status": "Enabled"}}
        refusal = await storing.refused(
            "InvalidRequest", "PutBucketAccelerateConfiguration", Bucket="a.name", **enabled
        )
        assert "periods" in refusal.message
        await storing.s3("PutBucketAccelerateConfiguration", **enabled)
        assert await storing.s3("GetBucketAccelerateConfiguration") == {"Status": "Enabled"}

    in_bucket(body)


def test_how_small_is_too_small_for_a_transition_is_kept(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
        rules = {"LifecycleConfiguration": {"Rules": [rule]}}
        put, get = "PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration"
        minimum = "TransitionDefaultMinimumObjectSize"
        assert await storing.s3(put, **rules) == {minimum: "all_storage_classes_128K"}
        assert (await storing.s3(get))[minimum] == "all_storage_classes_128K"
        await storing.s3(put, **rules, **{minimum: "varies_by_storage_class"})
        await storing.refused("InvalidRequest", put, **rules, **{minimum: "none"})
        assert (await storing.s3(get))[minimum] == "varies_by_storage_class"

    in_bucket(body)
