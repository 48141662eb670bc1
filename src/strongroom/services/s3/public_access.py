"""What makes a bucket policy public, and the settings that block public access.

Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", section "The meaning of 'public'".
"""

from collections.abc import Mapping
from typing import Any

from strongroom.policy.document import Document
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.statement import Effect, Statement

BLOCK_ACCESS_SETTING = "PublicAccessBlock"

BLOCKED: Mapping[str, bool] = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
"""The settings of a new bucket. Source: Amazon S3 User Guide (the default since April 2023)."""

_FIXING_KEYS = frozenset(
    {
        "aws:sourcearn",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:sourceaccount",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:userid",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "aws:sourceip",
    }
)
"""The condition keys that hold an Allow for everybody to a fixed group, as long as their values have no wildcard."""

_FIXING_OPERATORS = frozenset(
    {
        "stringequals",
        "stringequalsignorecase",
        "stringlike",
        "arnequals",
        "arnlike",
        "ipaddress",
    }
)


def is_public(document: Document) -> bool:
    """Whether a bucket policy allows anything to everybody."""
    return any(_is_public(statement) for statement in document.statements if statement.effect is Effect.ALLOW)


def _is_public(statement: Statement) -> bool:
    principals = statement.principals
    # All but some is everybody too.
    if principals is None or not (principals.everyone or principals.negated):
        return False
    return not any(
        condition.key.lower() in _FIXING_KEYS
        and condition.operator.lower().removeprefix("foranyvalue:") in _FIXING_OPERATORS
        and all(_is_fixed(condition.key.lower(), value) for value in condition.values)
        for condition in statement.conditions
    )


def _is_fixed(key: str, value: str) -> bool:
    if key == "aws:sourceip":
        # A range so large that it is nearly everybody is no restriction.
        _, _, bits = value.partition("/")
        shortest = 32 if ":" in value else 8
        return not bits or (bits.isdecimal() and int(bits) >= shortest)
    return "*" not in value and "?" not in value and "${" not in value


def settings_of(bucket_settings: Mapping[str, Any]) -> Mapping[str, bool]:
    """Return the public access block of a bucket; every setting is off when it has none."""
    stored: Mapping[str, bool] = bucket_settings.get(BLOCK_ACCESS_SETTING) or {}
    return {name: stored.get(name, False) for name in BLOCKED}


def in_force(bucket_settings: Mapping[str, Any], account_block: Mapping[str, bool] | None) -> Mapping[str, bool]:
    """Return what is blocked of a bucket: what it blocks itself, and what its account blocks for all of them."""
    own = settings_of(bucket_settings)
    return own if account_block is None else {name: own[name] or account_block.get(name, False) for name in own}


def restricted(policy: NamedPolicy) -> NamedPolicy:
    """Return what is left of a public policy for callers of other accounts where public buckets are restricted."""
    document = policy.document
    denying = [statement for statement in document.statements if statement.effect is Effect.DENY]
    return NamedPolicy(policy.source, Document(document.kind, document.version, document.id, denying))
