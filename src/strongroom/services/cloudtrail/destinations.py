"""Where a trail delivers to, tried before it is set: bucket, key, log group.

Source: AWS CloudTrail API Reference, CreateTrail, its errors.
"""

import re
from collections.abc import Mapping
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.cloudtrail import errors
from strongroom.services.cloudtrail.own_calls import OwnCalls, logs_are_served
from strongroom.services.cloudtrail.trails import TrailName

PREFIX_CHARACTERS_MAX = 200
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/=+@:,-]*")
_KEY_DENIED = ("AccessDeniedException", "AccessDenied")


def require_valid_bucket(name: str) -> None:
    """Raise InvalidS3BucketNameException for what no bucket is called."""
    if _BUCKET_NAME.fullmatch(name) is None:
        raise errors.invalid_bucket_name(name)


def require_valid_prefix(prefix: str) -> None:
    """Raise InvalidS3PrefixException for what keys do not begin with."""
    if len(prefix) > PREFIX_CHARACTERS_MAX or _PREFIX.fullmatch(prefix) is None or prefix.startswith("/"):
        raise errors.invalid_prefix(prefix)


def folder_of(settings: Mapping[str, Any], account_id: str, kind: str = "CloudTrail") -> str:
    """Return the folder of an account's log files, or of its digests (`CloudTrail-Digest`), in a trail's bucket."""
    prefix = settings.get("S3KeyPrefix")
    return (f"{prefix}/" if prefix else "") + f"AWSLogs/{account_id}/{kind}/"


async def check_storage(house: House, key: TrailName, settings: dict[str, Any]) -> None:
    """Try whether log files can be stored; put the key's ARN in place of another name in `settings`.

    The folder of the log files is made in the bucket. Raises AwsError.
    """
    bucket: str = settings["S3BucketName"]
    calls = OwnCalls(house, key)
    try:
        await calls.find_bucket(bucket)
    except AwsError as error:
        raise _bucket_refusal(error, bucket) from None
    kms_key: str | None = settings.get("KmsKeyId")
    if kms_key is not None:
        settings["KmsKeyId"] = await _checked_key(calls, bucket, kms_key)
    try:
        await calls.put_object(bucket, folder_of(settings, key.account_id), b"", settings.get("KmsKeyId"))
    except AwsError as error:
        raise _bucket_refusal(error, bucket) from None


def _bucket_refusal(error: AwsError, bucket: str) -> AwsError:
    if error.code == "NoSuchBucket":
        return errors.no_such_bucket(bucket)
    if error.code.startswith("KMS."):
        return errors.kms_error(error.message)
    return errors.insufficient_bucket_policy(bucket)


async def _checked_key(calls: OwnCalls, bucket: str, kms_key: str) -> str:
    try:
        return await calls.use_key(kms_key, await calls.bucket_region(bucket))
    except AwsError as error:
        if error.code in _KEY_DENIED:
            raise errors.insufficient_key_policy(bucket, kms_key) from None
        if error.code == "NotFoundException":
            is_invalid = error.message.startswith("Invalid")
            raise (errors.invalid_key_id(kms_key) if is_invalid else errors.no_such_key(kms_key)) from None
        if error.code == "DisabledException":
            raise errors.key_disabled(kms_key) from None
        raise errors.kms_error(error.message) from None


def log_group_name(arn: str) -> str:
    """Return the name of a log group from its ARN. Raises InvalidCloudWatchLogsLogGroupArnException."""
    parsed = parse_arn(arn)
    kind, _, name = parsed.resource.partition(":") if parsed is not None else ("", "", "")
    if parsed is None or parsed.service != "logs" or kind != "log-group" or not name.removesuffix(":*"):
        raise errors.invalid_log_group("CloudTrail cannot validate the specified log group ARN.")
    return name.removesuffix(":*")


def log_stream_name(key: TrailName) -> str:
    """Return the log stream that a trail's events go to."""
    return f"{key.account_id}_CloudTrail_{key.region}"


async def check_log_group(house: House, key: TrailName, settings: Mapping[str, Any]) -> None:
    """Try whether events can be delivered to the log group; make its log stream. Raises AwsError."""
    arn, role_arn = settings.get("CloudWatchLogsLogGroupArn"), settings.get("CloudWatchLogsRoleArn")
    if arn is None and role_arn is None:
        return
    if arn is None:
        raise errors.invalid_log_group("You must specify a log group ARN with a role ARN.")
    if role_arn is None:
        raise errors.invalid_logs_role("You must specify a role ARN with a log group ARN.")
    group = log_group_name(arn)
    parsed = parse_arn(arn)
    if parsed is None or (parsed.region, parsed.account_id) != (key.region, key.account_id):
        raise errors.invalid_log_group("The log group must be in the trail's home Region and account.")
    if not logs_are_served():
        raise errors.logs_unavailable()
    calls = OwnCalls(house, key)
    try:
        caller = await calls.assume(role_arn)
    except AwsError:
        raise errors.invalid_logs_role("Cannot assume the role: check its trust policy.") from None
    stream = {"logGroupName": group, "logStreamName": log_stream_name(key)}
    try:
        await calls.call_logs(caller, "CreateLogStream", stream)
    except AwsError as error:
        if error.code == "ResourceAlreadyExistsException":
            return
        if error.code == "ResourceNotFoundException":
            raise errors.invalid_log_group("The specified log group does not exist.") from None
        raise errors.invalid_logs_role("Access denied. Check the permissions for your role.") from None
