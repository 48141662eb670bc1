"""Trails: made, changed, described, tagged and deleted; and what of them is refused, in AWS's words."""

from typing import Any

from tests.identities_made import Identities, allow
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.cloudtrail.trailing import (
    BUCKET,
    TRAIL_ARN,
    bucket_policy,
    key_policy,
    make_bucket,
    make_trail,
    status,
)
from tests.services.refusals import refused


async def trail(house: OpenedHouse, operation: str, *, region: str = "us-east-1", **params: Any) -> dict[str, Any]:
    return await house.call("cloudtrail", operation, region=region, **params)


def test_the_life_of_a_trail(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_bucket(house)
        tags = [{"Key": "team", "Value": "audit"}]
        made = await trail(house, "CreateTrail", Name="management", S3BucketName=BUCKET, TagsList=tags)
        assert made == {
            "Name": "management",
            "S3BucketName": BUCKET,
            "IncludeGlobalServiceEvents": True,
            "IsMultiRegionTrail": False,
            "TrailARN": TRAIL_ARN,
            "LogFileValidationEnabled": False,
            "IsOrganizationTrail": False,
        }
        described = made | {"HomeRegion": "us-east-1", "HasCustomEventSelectors": False, "HasInsightSelectors": False}
        assert (await trail(house, "GetTrail", Name=TRAIL_ARN, region="eu-west-1"))["Trail"] == described
        assert (await trail(house, "DescribeTrails"))["trailList"] == [described]
        assert (await trail(house, "DescribeTrails", trailNameList=["absent"]))["trailList"] == []
        assert (await trail(house, "DescribeTrails", region="eu-west-1"))["trailList"] == []
        listed = {"TrailARN": TRAIL_ARN, "Name": "management", "HomeRegion": "us-east-1"}
        assert (await trail(house, "ListTrails", region="eu-west-1"))["Trails"] == [listed]
        assert (await status(house))["IsLogging"] is False
        await trail(house, "StartLogging", Name="management")
        told = await status(house)
        assert told["IsLogging"] is True
        assert told["StartLoggingTime"]
        assert told["TimeLoggingStopped"] == ""
        await trail(house, "StopLogging", Name=TRAIL_ARN)
        assert (await status(house))["StopLoggingTime"]
        changed = await trail(
            house, "UpdateTrail", Name="management", IsMultiRegionTrail=True, EnableLogFileValidation=True
        )
        assert changed == made | {"IsMultiRegionTrail": True, "LogFileValidationEnabled": True}
        (shadow,) = (await trail(house, "DescribeTrails", region="eu-west-1"))["trailList"]
        assert shadow["HomeRegion"] == "us-east-1"
        alone = await trail(house, "DescribeTrails", region="eu-west-1", includeShadowTrails=False)
        assert alone["trailList"] == []
        await trail(house, "DeleteTrail", Name="management")
        with refused("TrailNotFoundException", f"Unknown trail: {TRAIL_ARN} for the user: {ACCOUNT}"):
            await trail(house, "GetTrail", Name="management")

    in_house(body)


def test_names(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for name in (
            "ab",
            "a" * 129,
            "-abc",
            "abc-",
            "a b c",
            "a..b",
            "192.168.5.4",
            "a\x00bc",
            "abc\n",
            "äbc",
        ):
            with refused("InvalidTrailNameException"):
                await trail(house, "CreateTrail", Name=name, S3BucketName=BUCKET)
        arn = TRAIL_ARN.replace("cloudtrail", "kms", 1)
        for given in (
            "arn:x",
            arn,
            TRAIL_ARN.replace("trail/", "channel/"),
            TRAIL_ARN.replace(ACCOUNT, "x"),
            TRAIL_ARN.replace("us-", "\x00"),
        ):
            with refused("CloudTrailARNInvalidException"):
                await trail(house, "GetTrail", Name=given)

    in_house(body)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"S3BucketName": "absent-bucket"}, "S3BucketDoesNotExistException"),
    ({"S3BucketName": "Not A Bucket"}, "InvalidS3BucketNameException"),
    ({"S3BucketName": "closed-bucket"}, "InsufficientS3BucketPolicyException"),
    ({"S3KeyPrefix": "elsewhere"}, "InsufficientS3BucketPolicyException"),
    ({"S3KeyPrefix": "x" * 201}, "InvalidS3PrefixException"),
    ({"KmsKeyId": "11111111-2222-3333-4444-555555555555"}, "KmsKeyNotFoundException"),
    ({"KmsKeyId": "alias/absent"}, "KmsKeyNotFoundException"),
    ({"KmsKeyId": "nothing"}, "InvalidKmsKeyIdException"),
    ({"KmsKeyId": "alias/closed"}, "InsufficientEncryptionPolicyException"),
    ({"KmsKeyId": "alias/of-another-trail"}, "InsufficientEncryptionPolicyException"),
    ({"KmsKeyId": "alias/disabled"}, "KmsKeyDisabledException"),
    ({"IncludeGlobalServiceEvents": False, "IsMultiRegionTrail": True}, "InvalidParameterCombinationException"),
    ({"SnsTopicName": "topic"}, "UnsupportedOperationException"),
    ({"IsOrganizationTrail": True}, "UnsupportedOperationException"),
    ({"CloudWatchLogsLogGroupArn": "x"}, "InvalidCloudWatchLogsRoleArnException"),
    ({"CloudWatchLogsRoleArn": "x"}, "InvalidCloudWatchLogsLogGroupArnException"),
    ({"TagsList": [{"Key": "aws:x"}]}, "InvalidTagParameterException"),
    ({"TagsList": [{"Key": str(n)} for n in range(51)]}, "TagsLimitExceededException"),
]


def test_what_is_refused(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_bucket(house)
        await house.call("s3", "CreateBucket", Bucket="closed-bucket")
        other = TRAIL_ARN.replace("management", "other")
        for alias, policy in {"closed": None, "of-another-trail": key_policy(other), "disabled": key_policy()}.items():
            key_id = (await house.kms("CreateKey", **({"Policy": policy} if policy else {})))["KeyMetadata"]["KeyId"]
            await house.kms("CreateAlias", AliasName=f"alias/{alias}", TargetKeyId=key_id)
            if alias == "disabled":
                await house.kms("DisableKey", KeyId=key_id)
        for params, code in REFUSED:
            with refused(code):
                await trail(house, "CreateTrail", **{"Name": "management", "S3BucketName": BUCKET} | params)
        assert (await trail(house, "ListTrails"))["Trails"] == []
        await trail(house, "CreateTrail", Name="management", S3BucketName=BUCKET)
        for params, code in REFUSED:
            if "TagsList" not in params:
                with refused(code):
                    await trail(house, "UpdateTrail", **{"Name": "management"} | params)

    in_house(body)


def test_limits_and_twins(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_bucket(house)
        policy = bucket_policy(source=TRAIL_ARN.replace("management", "*")).replace("StringEquals", "StringLike")
        await house.call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=policy)
        for number in range(5):
            await trail(house, "CreateTrail", Name=f"trail-{number}", S3BucketName=BUCKET)
        with refused("TrailAlreadyExistsException", f"Trail trail-1 already exists for customer: {ACCOUNT}"):
            await trail(house, "CreateTrail", Name="trail-1", S3BucketName=BUCKET)
        with refused("MaximumNumberOfTrailsExceededException", f"User: {ACCOUNT} already has 5 trails in us-east-1."):
            await trail(house, "CreateTrail", Name="trail-5", S3BucketName=BUCKET)

    in_house(body)


def test_the_home_region(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house, IsMultiRegionTrail=True)
        for operation in ("UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"):
            with refused("InvalidHomeRegionException"):
                await trail(house, operation, Name=TRAIL_ARN, region="eu-west-1")
        with refused("InvalidHomeRegionException"):
            await trail(house, "PutEventSelectors", TrailName=TRAIL_ARN, EventSelectors=[{}], region="eu-west-1")
        with refused("TrailNotFoundException"):
            await trail(house, "StartLogging", Name="management", region="eu-west-1")

    in_house(body)


def test_tags(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}, {"Key": "c"}]
        await trail(house, "AddTags", ResourceId=TRAIL_ARN, TagsList=tags)
        await trail(house, "RemoveTags", ResourceId=TRAIL_ARN, TagsList=[{"Key": "b"}, {"Key": "absent"}])
        (listed,) = (await trail(house, "ListTags", ResourceIdList=[TRAIL_ARN]))["ResourceTagList"]
        assert listed == {"ResourceId": TRAIL_ARN, "TagsList": [{"Key": "a", "Value": "1"}, {"Key": "c", "Value": ""}]}
        for given, code in (
            ("management", "CloudTrailARNInvalidException"),
            (TRAIL_ARN.replace("management", "absent"), "ResourceNotFoundException"),
        ):
            with refused(code):
                await trail(house, "AddTags", ResourceId=given, TagsList=tags)
            with refused(code):
                await trail(house, "ListTags", ResourceIdList=[given])
        with refused("TagsLimitExceededException"):
            many = [{"Key": f"k{number}"} for number in range(49)]
            await trail(house, "AddTags", ResourceId=TRAIL_ARN, TagsList=many)

    in_house(body)


def test_what_is_not_served_says_so(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        with refused("UnsupportedOperationException", "Strongroom does not serve CloudTrail Insights."):
            await trail(house, "PutInsightSelectors", TrailName="management", InsightSelectors=[])
        with refused("UnsupportedOperationException", "Strongroom does not serve cloudtrail:CreateEventDataStore yet."):
            await trail(house, "CreateEventDataStore", Name="lake")

    in_house(body)


def test_permissions(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        await trail(house, "AddTags", ResourceId=TRAIL_ARN, TagsList=[{"Key": "team", "Value": "audit"}])
        made = Identities(house.house)
        one = allow("cloudtrail:GetTrail", TRAIL_ARN)
        by_tag = allow("cloudtrail:StartLogging", Condition={"StringEquals": {"aws:ResourceTag/team": "audit"}})
        user = await made.user("anna", one, by_tag)
        caller = (await house.house.principals.find(user.access_key_id)).caller  # type: ignore[union-attr]
        await house.call("cloudtrail", "GetTrail", caller=caller, Name="management")
        await house.call("cloudtrail", "StartLogging", caller=caller, Name="management")
        for operation in ("StopLogging", "DeleteTrail", "GetTrailStatus", "UpdateTrail"):
            with refused("AccessDeniedException"):
                await house.call("cloudtrail", operation, caller=caller, Name="management")
        # Who may not ask is not told whether it is there.
        with refused("AccessDeniedException"):
            await house.call("cloudtrail", "GetTrail", caller=caller, Name="absent")
        with refused("AccessDeniedException"):
            await house.call("cloudtrail", "LookupEvents", caller=caller)
        elsewhere = TRAIL_ARN.replace(ACCOUNT, "444455556666")
        with refused("AccessDeniedException"):
            await trail(house, "GetTrail", Name=elsewhere)

    in_house(body)
