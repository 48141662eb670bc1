"""The length of a document, against the quotas of what it is attached to.

Source: IAM User Guide, "IAM and AWS STS quotas"; the API references of PutKeyPolicy and PutResourcePolicy; Amazon S3
User Guide, "Bucket policies".
"""

from collections.abc import Iterator

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.subject import CheckedPolicy

MANAGED_POLICY_CHARACTERS_MAX = 6_144
ROLE_INLINE_POLICY_CHARACTERS_MAX = 10_240
TRUST_POLICY_DEFAULT_CHARACTERS_MAX = 2_048
TRUST_POLICY_CHARACTERS_MAX = 8_192
RESOURCE_POLICY_BYTES_MAX = {"kms": 32_768, "s3": 20_480, "secretsmanager": 20_480, "lambda": 20_480, "logs": 5_120}


def _characters(policy: CheckedPolicy) -> int:
    """IAM does not count white space."""
    return sum(not sign.isspace() for sign in policy.source.text)


def _too_large(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is PolicyKind.RESOURCE:
        limit = RESOURCE_POLICY_BYTES_MAX.get(policy.service)
        size, unit = len(policy.source.text.encode()), "bytes"
    else:
        is_trust = policy.kind is PolicyKind.TRUST
        limit = TRUST_POLICY_CHARACTERS_MAX if is_trust else ROLE_INLINE_POLICY_CHARACTERS_MAX
        size, unit = _characters(policy), "characters (without white space)"
    if limit is not None and size > limit:
        yield Flaw(
            policy.root,
            f"The policy has {size:,} {unit}; at most {limit:,} are accepted.",
            "Split it, or say the same with fewer words: wildcards, conditions on tags.",
        )


def _over_default(policy: CheckedPolicy) -> Iterator[Flaw]:
    size = _characters(policy)
    if policy.kind is PolicyKind.TRUST and TRUST_POLICY_DEFAULT_CHARACTERS_MAX < size <= TRUST_POLICY_CHARACTERS_MAX:
        limit, what = TRUST_POLICY_DEFAULT_CHARACTERS_MAX, "the default quota of a trust policy"
    elif policy.kind is PolicyKind.IDENTITY and (
        MANAGED_POLICY_CHARACTERS_MAX < size <= ROLE_INLINE_POLICY_CHARACTERS_MAX
    ):
        limit, what = MANAGED_POLICY_CHARACTERS_MAX, "the limit of a managed policy"
    else:
        return
    yield Flaw(
        policy.root,
        f"The policy has {size:,} characters without white space, over {what}, {limit:,}.",
        "Split it; only a role's inline policies may be that long, or a quota has to be raised first.",
    )


RULES = (
    Rule("too-large", Level.ERROR, "The policy is longer than what it is attached to may have.", _too_large),
    Rule(
        "over-default-quota",
        Level.WARNING,
        "The policy is longer than a managed or trust policy may be.",
        _over_default,
    ),
)
