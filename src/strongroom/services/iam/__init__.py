"""AWS Identity and Access Management. Importing this package registers its operations."""

from strongroom.services.iam import (
    access_keys,
    account,
    attachments,
    boundaries,
    entities_for_policy,
    groups,
    inline_policies,
    instance_profiles,
    memberships,
    mfa_devices,
    policies,
    policy_versions,
    roles,
    service_linked_roles,
    simulation,
    tagging,
    users,
)
from strongroom.services.iam.service import IAM

__all__ = [
    "IAM",
    "access_keys",
    "account",
    "attachments",
    "boundaries",
    "entities_for_policy",
    "groups",
    "inline_policies",
    "instance_profiles",
    "memberships",
    "mfa_devices",
    "policies",
    "policy_versions",
    "roles",
    "service_linked_roles",
    "simulation",
    "tagging",
    "users",
]
