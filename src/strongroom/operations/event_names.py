"""What CloudTrail calls an operation, and whether its events are management events or data events.

Most are called as the API calls them and are management events; S3 is different, and the older operations of Lambda
have the date and the version of their API at the end. Source: Amazon S3 User Guide, "Amazon S3 CloudTrail events"; AWS
Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail"; AWS CloudTrail User Guide, "Logging data
events".
"""

from collections.abc import Mapping

S3_OBJECT = "AWS::S3::Object"
LAMBDA_FUNCTION = "AWS::Lambda::Function"

_OBJECT_LEVEL = frozenset(
    {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "DeleteObject",
        "DeleteObjectTagging",
        "DeleteObjects",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectLegalHold",
        "GetObjectRetention",
        "GetObjectTagging",
        "GetObjectTorrent",
        "HeadBucket",
        "HeadObject",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
        "ListParts",
        "PostObject",
        "PutObject",
        "PutObjectAcl",
        "PutObjectLegalHold",
        "PutObjectRetention",
        "PutObjectTagging",
        "RenameObject",
        "RestoreObject",
        "SelectObjectContent",
        "UpdateObjectEncryption",
        "UploadPart",
        "UploadPartCopy",
    }
)

_INVOCATIONS = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})

_VERSIONS_OF_LAMBDA: Mapping[str, tuple[str, ...]] = {
    "20150331": (
        *("CreateAlias", "CreateFunction", "DeleteAlias", "DeleteFunction", "GetAlias", "ListAliases", "ListFunctions"),
        *("ListVersionsByFunction", "PublishVersion", "UpdateAlias", "CreateEventSourceMapping"),
        *("DeleteEventSourceMapping", "GetEventSourceMapping", "ListEventSourceMappings", "UpdateEventSourceMapping"),
    ),
    "20150331v2": (
        *("AddPermission", "GetFunction", "GetFunctionConfiguration", "GetPolicy", "RemovePermission"),
        *("UpdateFunctionCode", "UpdateFunctionConfiguration"),
    ),
    "20160819": ("GetAccountSettings",),
    "20170331": ("ListTags",),
    "20170331v2": ("TagResource", "UntagResource"),
    "20171031": ("DeleteFunctionConcurrency", "PutFunctionConcurrency"),
    "20181031": (
        *("AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionPolicy", "ListLayers"),
        *("ListLayerVersions", "PublishLayerVersion", "RemoveLayerVersionPermission"),
    ),
}

_CALLED: Mapping[tuple[str, str], str] = {
    **{
        ("lambda", operation): operation + version
        for version, operations in _VERSIONS_OF_LAMBDA.items()
        for operation in operations
    },
    ("s3", "DeletePublicAccessBlock"): "DeleteBucketPublicAccessBlock",
    ("s3", "GetBucketLifecycleConfiguration"): "GetBucketLifecycle",
    ("s3", "GetBucketNotificationConfiguration"): "GetBucketNotification",
    ("s3", "GetObjectLockConfiguration"): "GetBucketObjectLockConfiguration",
    ("s3", "GetPublicAccessBlock"): "GetBucketPublicAccessBlock",
    ("s3", "ListObjectsV2"): "ListObjects",
    ("s3", "PutBucketLifecycleConfiguration"): "PutBucketLifecycle",
    ("s3", "PutBucketNotificationConfiguration"): "PutBucketNotification",
    ("s3", "PutObjectLockConfiguration"): "PutBucketObjectLockConfiguration",
    ("s3", "PutPublicAccessBlock"): "PutBucketPublicAccessBlock",
    ("s3control", "DeletePublicAccessBlock"): "DeleteAccountPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "GetAccountPublicAccessBlock",
    ("s3control", "PutPublicAccessBlock"): "PutAccountPublicAccessBlock",
}


def event_name(service: str, operation: str) -> str:
    """Return the `eventName` of an operation."""
    return _CALLED.get((service, operation), operation)


def is_management(service: str, operation: str) -> bool:
    """Whether the events of an operation are management events: all but those about objects, and invocations.

    What S3 does to objects by itself is named `S3.EXPIRE.OBJECT` and the like. CloudTrail knows nothing of
    PutLogEvents; a trail that delivers to a log group would have no end of it.
    """
    if service == "logs":
        return operation != "PutLogEvents"
    if service == "lambda":
        return operation not in _INVOCATIONS
    return service != "s3" or not (operation in _OBJECT_LEVEL or operation.startswith("S3."))
