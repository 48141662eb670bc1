"""What becomes of a condition when the request does not have its key.

The facts: a plain operator is not met by an absent key, a negated one (StringNotEquals) is; `ForAllValues:` and
`IfExists` are met. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from collections.abc import Iterator

from strongroom.policy_check.condition import CheckedCondition
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy
from strongroom.policy_check.vocabulary.condition_keys import ALWAYS_PRESENT

_SECURITY_KEYS = frozenset(
    {
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:principalorgid",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:multifactorauthpresent",
        "aws:multifactorauthage",
        "kms:viaservice",
        "kms:calleraccount",
        "sts:externalid",
    }
)
_SECURITY_PREFIXES = ("aws:principaltag/", "kms:encryptioncontext:")
_MFA = ("aws:multifactorauthpresent", "aws:multifactorauthage")
_ENCRYPTION_HEADERS = (
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
)
_MOSTLY_PRESENT = ALWAYS_PRESENT | {"aws:sourceip", "aws:principalarn", "aws:principalaccount", "aws:userid"}


def _is_guarded(statement: CheckedStatement, condition: CheckedCondition) -> bool:
    """Whether another condition of the statement requires the key."""
    return any(other is not condition and other.requires_key for other in statement.conditions_on(condition.key))


def _for_all_values(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions:
            is_all = condition.set_prefix == "ForAllValues:"
            if statement.allows and is_all and not _is_guarded(statement, condition):
                yield Flaw(
                    condition.node,
                    f"ForAllValues is met by a request without {condition.name} too, so this allows it.",
                    f'Add "Null": {{"{condition.name}": "false"}}, or use ForAnyValue.',
                )


def _if_exists(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions:
            matters = condition.key in _SECURITY_KEYS or condition.key.startswith(_SECURITY_PREFIXES)
            if statement.allows and condition.if_exists and matters and not _is_guarded(statement, condition):
                yield Flaw(
                    condition.node,
                    f"{condition.operator} is met by a request without {condition.name}: this allows such requests.",
                    f"Use {condition.operator.removesuffix('IfExists')}, or a Deny with its opposite.",
                )


def _negated(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions:
            if not statement.allows or not condition.negated or condition.set_prefix or condition.if_exists:
                continue
            if condition.key in _MOSTLY_PRESENT or _is_guarded(statement, condition):
                continue
            yield Flaw(
                condition.node,
                f"{condition.operator} is met by a request without {condition.name}: this allows such requests.",
                f'Add "Null": {{"{condition.name}": "false"}}, or move the negation into a Deny.',
            )


def _deny_misses(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions if statement.denies else ():
            if condition.is_null or condition.met_when_absent or condition.negated:
                continue
            if condition.key in _MFA and _is_about_no_mfa(condition):
                yield Flaw(
                    condition.node,
                    "Requests signed with a long-term access key do not have this key, so they escape the Deny, "
                    "with MFA or without.",
                    f"Write {condition.operator}IfExists.",
                )
            elif condition.key in _ENCRYPTION_HEADERS and not _absence_is_denied(policy, condition.key):
                yield Flaw(
                    condition.node,
                    f"A request without the header does not have {condition.name}, so it escapes the Deny; the "
                    "bucket's default encryption then decides.",
                    "Deny what is not the one you want (StringNotEquals), which an absent header meets as well.",
                )


def _is_about_no_mfa(condition: CheckedCondition) -> bool:
    return condition.base.startswith("NumericGreater") or "false" in {text.lower() for text in condition.texts}


def _absence_is_denied(policy: CheckedPolicy, key: str) -> bool:
    """Whether a Deny of its own takes care of requests without the key."""
    return any(
        statement.denies and any(condition.met_when_absent for condition in statement.conditions_on(key))
        for statement in policy.sound
    )


def _spared(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions if statement.denies else ():
            if condition.key not in _ENCRYPTION_HEADERS or not condition.negated:
                continue
            if _is_guarded(statement, condition) and not _absence_is_only_denied(policy, condition.key):
                yield Flaw(
                    condition.node,
                    "A request without the header is not denied: the bucket's default encryption decides.",
                    f'If it should be denied, add a Deny with "Null": {{"{condition.name}": "true"}}.',
                )


def _absence_is_only_denied(policy: CheckedPolicy, key: str) -> bool:
    return any(
        statement.denies
        and any(condition.met_when_absent for condition in statement.conditions_on(key))
        and not any(condition.requires_key for condition in statement.conditions_on(key))
        for statement in policy.sound
    )


def _absent_header(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions if statement.denies else ():
            if condition.key != _ENCRYPTION_HEADERS[0] or not condition.negated or condition.set_prefix:
                continue
            alone = len(statement.conditions_on(condition.key)) == 1
            separate = any(
                other.denies and any(one.is_null and one.met_when_absent for one in other.conditions_on(condition.key))
                for other in policy.sound
            )
            if alone and not separate:
                yield Flaw(
                    condition.node,
                    f"{condition.operator} is met by an absent header too: uploads that leave encryption to the "
                    "bucket's default are denied.",
                    f'If they should pass, add "Null": {{"{condition.name}": "false"}}.',
                )


def _without_effect(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions:
            if condition.if_exists and condition.negated and not condition.set_prefix:
                yield Flaw(
                    condition.node,
                    f"An absent key meets {condition.operator.removesuffix('IfExists')} anyway: IfExists adds nothing.",
                    f"Write {condition.operator.removesuffix('IfExists')}.",
                )


RULES = (
    Rule("for-all-values-allow", Level.WARNING, "ForAllValues in an Allow, met by an absent key.", _for_all_values),
    Rule("if-exists-allow", Level.WARNING, "IfExists on a key that an Allow relies on.", _if_exists),
    Rule("negated-allow", Level.WARNING, "A negated operator in an Allow, met by an absent key.", _negated),
    Rule("deny-misses-absent-key", Level.WARNING, "A Deny that requests without the key escape.", _deny_misses),
    Rule("deny-spares-absent-header", Level.SUGGESTION, "A Deny that spares uploads without the header.", _spared),
    Rule("deny-hits-absent-header", Level.SUGGESTION, "A Deny that hits uploads without the header.", _absent_header),
    Rule(
        "needless-if-exists", Level.SUGGESTION, "IfExists with an operator that an absent key meets.", _without_effect
    ),
)
