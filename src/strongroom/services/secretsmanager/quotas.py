"""Secrets Manager's quotas, with the names and default values that AWS has.

Source: AWS Secrets Manager User Guide, "AWS Secrets Manager quotas". AWS tells their codes nowhere but in its console:
these are readable ones of our own.
"""

from strongroom.operations.quotas.quota import RequestQuota, ResourceQuota, declare
from strongroom.services.secretsmanager import tables

_SERVICE = "secretsmanager"

_RATES: tuple[tuple[float, tuple[str, ...]], ...] = (
    (
        50,
        (
            "DeleteResourcePolicy",
            "GetResourcePolicy",
            "ListResourcePolicies",
            "PutResourcePolicy",
            "ValidateResourcePolicy",
        ),
    ),
    (
        50,
        (
            "PutSecretValue",
            "RemoveRegionsFromReplication",
            "ReplicateSecretToRegions",
            "StopReplicationToReplica",
            "UpdateSecret",
            "UpdateSecretVersionStage",
        ),
    ),
    (50, ("RestoreSecret",)),
    (50, ("RotateSecret", "CancelRotateSecret")),
    (50, ("TagResource", "UntagResource")),
    (100, ("BatchGetSecretValue",)),
    (50, ("CreateSecret",)),
    (50, ("DeleteSecret",)),
    (40_000, ("DescribeSecret",)),
    (50, ("GetRandomPassword",)),
    (10_000, ("GetSecretValue",)),
    (50, ("ListSecretVersionIds",)),
    (100, ("ListSecrets",)),
)
"""Requests a second, and the operations that share them."""


def _request_quota(rate: float, operations: tuple[str, ...]) -> RequestQuota:
    first = operations[0]
    told = f"{', '.join(operations[:-1])} and {operations[-1]}" if len(operations) > 1 else first
    return RequestQuota(
        _SERVICE,
        f"{first}-rate",
        f"{'Combined rate' if len(operations) > 1 else 'Rate'} of {told} API requests",
        rate,
        description=f"{told} requests, in a second{', together' if len(operations) > 1 else ''}.",
        adjustable=False,
    )


_OWN: dict[str, RequestQuota] = {}
for _rate, _operations in _RATES:
    _OWN |= dict.fromkeys(_operations, _request_quota(_rate, _operations))

SECRETS_QUOTA = ResourceQuota(
    _SERVICE,
    "Secrets",
    "Secrets",
    500_000,
    description="Secrets in a Region, those that are marked for deletion among them.",
    adjustable=False,
    measure=tables.secrets_of_accounts,
)
VERSIONS_QUOTA = ResourceQuota(
    _SERVICE,
    "VersionsPerSecret",
    "Versions per secret",
    100,
    description="Versions of one secret. Those without a staging label that are older than a day make room.",
    adjustable=False,
    measure=tables.most_versions_of_a_secret,
)
LABELS_QUOTA = ResourceQuota(
    _SERVICE,
    "StagingLabels",
    "Staging labels attached across all versions of a secret",
    20,
    description="Staging labels of one secret, on all of its versions together.",
    adjustable=False,
)
POLICY_LENGTH_QUOTA = ResourceQuota(
    _SERVICE,
    "ResourcePolicyLength",
    "Resource-based policy length",
    20_480,
    description="Characters of a resource policy.",
    adjustable=False,
)
VALUE_BYTES_QUOTA = ResourceQuota(
    _SERVICE,
    "SecretValueSize",
    "Secret value size",
    65_536,
    description="Bytes of a secret value.",
    adjustable=False,
)

declare(
    "AWS Secrets Manager",
    [
        *dict.fromkeys(_OWN.values()),
        *(SECRETS_QUOTA, VERSIONS_QUOTA, LABELS_QUOTA, POLICY_LENGTH_QUOTA, VALUE_BYTES_QUOTA),
    ],
)


def own_quota(operation: str) -> RequestQuota:
    """Return what an operation counts against. Raises LookupError for an operation without one."""
    return _OWN[operation]
