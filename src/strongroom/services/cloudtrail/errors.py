"""What CloudTrail refuses, in AWS's words. Source: AWS CloudTrail API Reference, the errors of each action."""

from strongroom.base.errors import AwsError

NAME_CHARACTERS = (
    "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and "
    "underscores (_)."
)


def denied(message: str) -> AwsError:
    """The caller may not do this."""
    return AwsError("AccessDeniedException", message)


def throttled() -> AwsError:
    """A request over its quota."""
    return AwsError("ThrottlingException", "Rate exceeded")


def unsupported(message: str) -> AwsError:
    """Something that Strongroom does not do."""
    return AwsError("UnsupportedOperationException", message)


def invalid_trail_name(message: str) -> AwsError:
    """What is no name of a trail."""
    return AwsError("InvalidTrailNameException", message)


def invalid_trail_arn(arn: str) -> AwsError:
    """What is no ARN of a trail."""
    return AwsError("CloudTrailARNInvalidException", f"The trail ARN {arn} is not valid.")


def trail_not_found(arn: str, account_id: str) -> AwsError:
    """There is no such trail."""
    return AwsError("TrailNotFoundException", f"Unknown trail: {arn} for the user: {account_id}")


def trail_exists(name: str, account_id: str) -> AwsError:
    """A trail of that name is there."""
    return AwsError("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {account_id}")


def too_many_trails(account_id: str, region: str, trails_max: int) -> AwsError:
    """The account has all the trails that it may have."""
    return AwsError(
        "MaximumNumberOfTrailsExceededException", f"User: {account_id} already has {trails_max} trails in {region}."
    )


def wrong_home_region(arn: str) -> AwsError:
    """A trail is changed in the Region that it was made in."""
    return AwsError("InvalidHomeRegionException", f"The trail {arn} can be changed in its home Region only.")


def invalid_parameter(message: str) -> AwsError:
    """A parameter has a value that it cannot have."""
    return AwsError("InvalidParameterException", message)


def invalid_combination(message: str) -> AwsError:
    """Parameters that do not go together."""
    return AwsError("InvalidParameterCombinationException", message)


def invalid_bucket_name(name: str) -> AwsError:
    """A name that no bucket can have."""
    return AwsError("InvalidS3BucketNameException", f"Bucket name {name} is not valid.")


def invalid_prefix(prefix: str) -> AwsError:
    """A prefix that keys of log files cannot have."""
    return AwsError("InvalidS3PrefixException", f"S3 key prefix {prefix} is not valid.")


def no_such_bucket(name: str) -> AwsError:
    """The bucket is not there."""
    return AwsError("S3BucketDoesNotExistException", f"S3 bucket {name} does not exist!")


def insufficient_bucket_policy(name: str) -> AwsError:
    """The bucket does not let CloudTrail in."""
    return AwsError("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {name}")


def insufficient_key_policy(bucket: str, key: str) -> AwsError:
    """The key does not let CloudTrail use it."""
    return AwsError(
        "InsufficientEncryptionPolicyException",
        f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}.",
    )


def invalid_key_id(key: str) -> AwsError:
    """What names no KMS key."""
    return AwsError("InvalidKmsKeyIdException", f"The KMS key ID {key} is not valid.")


def no_such_key(key: str) -> AwsError:
    """The KMS key is not there."""
    return AwsError(
        "KmsKeyNotFoundException", f"KMS key {key} was not found, or is not in the Region of the S3 bucket."
    )


def key_disabled(key: str) -> AwsError:
    """The KMS key is disabled."""
    return AwsError("KmsKeyDisabledException", f"KMS key {key} is disabled.")


def kms_error(message: str) -> AwsError:
    """KMS refuses for another reason."""
    return AwsError("KmsException", message)


def invalid_log_group(message: str) -> AwsError:
    """The log group does not serve."""
    return AwsError("InvalidCloudWatchLogsLogGroupArnException", message)


def invalid_logs_role(message: str) -> AwsError:
    """The role does not serve."""
    return AwsError("InvalidCloudWatchLogsRoleArnException", message)


def logs_unavailable() -> AwsError:
    """There is no CloudWatch Logs to deliver to."""
    return AwsError(
        "CloudWatchLogsDeliveryUnavailableException", "Cannot set a CloudWatch Logs delivery for this region."
    )


def invalid_selectors(message: str) -> AwsError:
    """Event selectors that select nothing, or nothing that can be selected."""
    return AwsError("InvalidEventSelectorsException", message)


def invalid_lookup_attributes(message: str) -> AwsError:
    """What events cannot be looked up by."""
    return AwsError("InvalidLookupAttributesException", message)


def invalid_time_range() -> AwsError:
    """A time range that ends before it begins."""
    return AwsError("InvalidTimeRangeException", "The start time must be before the end time.")


def invalid_next_token() -> AwsError:
    """A token that LookupEvents did not give out, or gave out for other parameters."""
    return AwsError("InvalidNextTokenException", "Invalid NextToken.")


def invalid_token() -> AwsError:
    """A token of another listing that this operation did not give out."""
    return AwsError("InvalidTokenException", "Reserved for future use. The token is not valid.")


def no_such_resource(arn: str) -> AwsError:
    """What tags are asked of is not there."""
    return AwsError("ResourceNotFoundException", f"The resource {arn} was not found.")


def unsupported_resource_type(arn: str) -> AwsError:
    """Only trails have tags here."""
    return AwsError("ResourceTypeNotSupportedException", f"The resource type of {arn} is not supported.")


def invalid_tag(message: str) -> AwsError:
    """A tag that cannot be."""
    return AwsError("InvalidTagParameterException", message)


def too_many_tags() -> AwsError:
    """More than 50 tags."""
    return AwsError("TagsLimitExceededException", "The number of tags per trail has exceeded the permitted amount: 50.")


def no_insights(name: str) -> AwsError:
    """The trail logs no insights."""
    return AwsError("InsightNotEnabledException", f"Trail {name} does not have Insights enabled.")
