"""CloudTrail as a service: its name in the audit trail, its refusals, its quotas."""

from strongroom.operations.quotas.quota import RequestQuota, declare
from strongroom.operations.registry import Service, serve
from strongroom.services.cloudtrail import errors

CLOUDTRAIL = serve(Service("cloudtrail", "cloudtrail.amazonaws.com", denied=errors.denied, throttled=errors.throttled))
PRINCIPAL = "cloudtrail.amazonaws.com"
"""Who delivers log files, to the policies of buckets and keys."""

LOOKUP_QUOTA = RequestQuota(
    "cloudtrail",
    "LookupEvents-rate",
    "LookupEvents request rate",
    2,
    description="LookupEvents requests, in a second.",
    adjustable=False,
)
"""Source: AWS CloudTrail User Guide, "Quotas in AWS CloudTrail"."""

declare("AWS CloudTrail", (LOOKUP_QUOTA,))
