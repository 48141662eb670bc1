"""The names that S3 gives to the root elements of its answers; the service model leaves them out.

Source: Amazon S3 API Reference, the "Response Syntax" of each operation.
"""

from collections.abc import Mapping

from strongroom.model.service import OperationModel

NAMESPACES: Mapping[str, str] = {
    "s3": "http://s3.amazonaws.com/doc/2006-03-01/",
    "s3control": "http://awss3control.amazonaws.com/doc/2018-08-20/",
}

_ROOTS: Mapping[str, str] = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsOutput",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}


def root_of(operation: OperationModel) -> str:
    """Return the name of the root element of an operation's answer."""
    known = _ROOTS.get(operation.name)
    if known is not None:
        return known
    output = operation.output
    if output is not None and output.payload:
        reference = output.members[output.payload]
        return reference.location_name or reference.target.location_name or output.payload
    return f"{operation.name}Result"
