"""Which resources an identity policy may speak of, and what AWS says about the others.

An ARN that nothing can have would match nothing, and a Deny that names it would deny nothing: it is refused when the
policy is put. Whether there is such a resource is not asked. Source: answers of AWS; IAM User Guide, "IAM JSON policy
elements: Resource"; Service Authorization Reference (which resources of IAM and Amazon S3 there are).
"""

import re

from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import compile_wildcards

_ARN_PARTS = 6
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_UNPARSABLE = "The policy failed legacy parsing"
_SERVICE = re.compile(r"[A-Za-z0-9_.-]+")
_KINDS_OF_IAM = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
"""As AWS's message lists them."""


def resource_complaint(resource: str) -> str | None:
    """Return what is wrong with a resource of an identity policy, in AWS's words, or None."""
    if resource == "*":
        return None
    parts = resource.split(":", _ARN_PARTS - 1)
    if parts[0] != "arn" or len(parts) == 1:
        return f'Resource {resource} must be in ARN format or "*".'
    if not _may_be_partition(parts[1]):
        whole = ":".join(parts + ["*"] * (_ARN_PARTS - len(parts)))
        return f'Partition "{parts[1]}" is not valid for resource "{whole}".'
    service = parts[2] if len(parts) > 2 else "*"
    if not service:
        return _UNPARSABLE
    if not _SERVICE.fullmatch(service):
        return "Resource vendor must be fully qualified and cannot contain regexes."
    if len(parts) < _ARN_PARTS:
        return _UNPARSABLE
    _, _, _, region, account, rest = parts
    if service == "iam":
        return _complaint_of_iam(resource, region, rest)
    if service == "s3" and region and not account:
        # Buckets and objects have neither; access points, jobs and the like have both.
        return f"Resource {resource} can not contain region information."
    return None


def _may_be_partition(pattern: str) -> bool:
    matches = compile_wildcards(tokenize(pattern, variables=False))
    return any(map(matches, _PARTITIONS))


def _complaint_of_iam(resource: str, region: str, rest: str) -> str | None:
    if region:
        return f"IAM resource {resource} cannot contain region information."
    # The message is older than delegation requests, and than the root user as a resource.
    if rest == "root" or rest.startswith((*_KINDS_OF_IAM, "delegation-request/")):
        return None
    if set(rest.partition("/")[0]) & set("*?$"):
        return None
    return f'IAM resource path must either be "*" or start with {", ".join(_KINDS_OF_IAM)}.'
