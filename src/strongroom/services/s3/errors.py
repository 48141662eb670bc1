"""S3's refusals, each in AWS's words. Source: Amazon S3 API Reference, "Error responses"; answers of AWS."""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError


def no_such_bucket(name: str) -> AwsError:
    """There is no bucket of that name."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, members={"BucketName": name})


def bucket_already_exists(name: str) -> AwsError:
    """The name belongs to somebody else's bucket."""
    return AwsError(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
        409,
        members={"BucketName": name},
    )


def bucket_already_owned(name: str) -> AwsError:
    """The account has that bucket already."""
    return AwsError(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        409,
        members={"BucketName": name},
    )


def bucket_not_empty(name: str) -> AwsError:
    """Objects, old versions or delete markers are still there."""
    return AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409, members={"BucketName": name})


def wrong_region(asked: str, right: str) -> AwsError:
    """The bucket is in another Region than the request was signed for; clients ask again there."""
    return AwsError(
        "AuthorizationHeaderMalformed",
        f"The authorization header is malformed; the region '{asked}' is wrong; expecting '{right}'",
        400,
        members={"Region": right},
        answer={"BucketRegion": right},
    )


def needs_secure_connection(whose: str) -> AwsError:
    """Keys are not used over plain HTTP; `whose` they are, as AWS says it."""
    return invalid_request(
        f"Requests specifying Server Side Encryption with {whose} keys must be made over a secure connection."
    )


def invalid_bucket_name(name: str) -> AwsError:
    """A name that no bucket can have."""
    return AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, members={"BucketName": name})


def too_many_buckets() -> AwsError:
    """The account has all the buckets that it may have."""
    return AwsError("TooManyBuckets", "You have attempted to create more buckets than allowed.", 400)


def access_denied() -> AwsError:
    """A refusal that tells no reason."""
    return AwsError("AccessDenied", "Access Denied", 403)


def no_such_key(key: str, answer: Mapping[str, Any] | None = None) -> AwsError:
    """There is no object of that key; `answer` tells of the delete marker in its place, if one is."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, members={"Key": key}, answer=answer)


def no_such_version(key: str, version_id: str) -> AwsError:
    """The object has no version with that id."""
    return AwsError(
        "NoSuchVersion", "The specified version does not exist.", 404, members={"Key": key, "VersionId": version_id}
    )


def method_not_allowed(method: str, resource_type: str, answer: Mapping[str, Any] | None = None) -> AwsError:
    """What was asked cannot be done with a delete marker; `answer` tells of it."""
    return AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        members={"Method": method, "ResourceType": resource_type},
        answer=answer,
    )


def precondition_failed(condition: str) -> AwsError:
    """A condition of the request does not hold; `condition` names its header."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        members={"Condition": condition},
    )


def wrong_customer_key() -> AwsError:
    """A key of the customer that is not the object's."""
    return AwsError(
        "AccessDenied",
        "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
        403,
    )


def lock_without_checksum() -> AwsError:
    """An object that is to be locked must come with a checksum of its bytes."""
    return invalid_request(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
    )


def object_locked() -> AwsError:
    """The version is under a lock that this request may not lift."""
    return AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)


def not_modified(answer: Mapping[str, Any]) -> AwsError:
    """The client has the object as it is; `answer` are the headers that it may renew what it has with."""
    return AwsError("NotModified", "Not Modified", 304, answer=answer)


def conditional_conflict(condition: str, key: str) -> AwsError:
    """A conditional write met another write."""
    return AwsError(
        "ConditionalRequestConflict",
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
        409,
        members={"Condition": condition, "Key": key},
    )


def invalid_range(sent: str, size: int) -> AwsError:
    """None of the asked bytes is there."""
    return AwsError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        members={"RangeRequested": sent, "ActualObjectSize": str(size)},
    )


def invalid_argument(message: str, name: str, value: str | None = None) -> AwsError:
    """A header, a query parameter or a member has a value that makes no sense."""
    members: dict[str, Any] = {"ArgumentName": name}
    if value is not None:
        members["ArgumentValue"] = value
    return AwsError("InvalidArgument", message, 400, members=members)


def invalid_request(message: str) -> AwsError:
    """Members that do not go together."""
    return AwsError("InvalidRequest", message, 400)


def no_access_control_lists() -> AwsError:
    """The owner of the bucket owns every object in it, and ACLs are disabled."""
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)


def try_again() -> AwsError:
    """What was asked for changed while it was answered; asked again, it is there as it is now."""
    return AwsError("ServiceUnavailable", "Please reduce your request rate.", 503)


def invalid_version_id(version_id: str) -> AwsError:
    """What no version has as its id."""
    return invalid_argument("Invalid version id specified", "versionId", version_id[:256])


def not_implemented(what: str) -> AwsError:
    """What S3 has and Strongroom does not serve."""
    return AwsError("NotImplemented", f"Strongroom does not serve {what}.", 501)


def unserved_header(header: str) -> AwsError:
    """A header with a value that S3 itself does not serve."""
    return AwsError(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        501,
        members={"Header": header},
    )


def invalid_part_number(parts: int) -> AwsError:
    """A part number that the object does not have."""
    return AwsError(
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
        416,
        members={"ActualPartCount": str(parts)},
    )


def no_such_upload(upload_id: str) -> AwsError:
    """There is no multipart upload with that id, or not any more."""
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        404,
        members={"UploadId": upload_id},
    )


def invalid_part(upload_id: str, number: int, etag: str) -> AwsError:
    """A listed part that is not there, or is another."""
    return AwsError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
        400,
        members={"UploadId": upload_id, "PartNumber": str(number), "ETag": etag},
    )


def bad_digest(algorithm: str) -> AwsError:
    """The bytes that came are not those that the checksum was made of."""
    return AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400)


def bad_part_digest(algorithm: str, number: int) -> AwsError:
    """The checksum that a request lists with a part is not the part's."""
    return AwsError(
        "BadDigest", f"The {algorithm} you specified for part {number} did not match what we received.", 400
    )


def bad_content_md5(expected: str, calculated: str) -> AwsError:
    """The bytes that came are not those that Content-MD5 was made of; both digests are base64."""
    return AwsError(
        "BadDigest",
        "The Content-MD5 you specified did not match what we received.",
        400,
        members={"ExpectedDigest": expected, "CalculatedDigest": calculated},
    )


def invalid_digest(sent: str) -> AwsError:
    """Content-MD5 is no MD5."""
    return AwsError(
        "InvalidDigest", "The Content-MD5 you specified was invalid.", 400, members={"Content-MD5": sent[:256]}
    )


def entity_too_large(sent: int, most: int) -> AwsError:
    """More than one request may bring."""
    return AwsError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        400,
        members={"ProposedSize": str(sent), "MaxSizeAllowed": str(most)},
    )


def key_too_long(size: int, most: int) -> AwsError:
    """A key of more bytes than a key may have."""
    return AwsError(
        "KeyTooLongError", "Your key is too long", 400, members={"Size": str(size), "MaxSizeAllowed": str(most)}
    )


def malformed_policy(message: str) -> AwsError:
    """A bucket policy that does not parse, or speaks of something else than this bucket."""
    return AwsError("MalformedPolicy", message, 400)


def blocked_public_policy(caller_arn: str, bucket_arn: str) -> AwsError:
    """A public policy, where the bucket blocks public policies."""
    return AwsError(
        "AccessDenied",
        f'User: {caller_arn} is not authorized to perform: s3:PutBucketPolicy on resource: "{bucket_arn}" because '
        "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        403,
    )


def malformed_xml() -> AwsError:
    """XML that is not what its schema says."""
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        400,
    )


def not_configured(code: str, message: str, bucket: str) -> AwsError:
    """A configuration that the bucket does not have."""
    return AwsError(code, message, 404, members={"BucketName": bucket})
