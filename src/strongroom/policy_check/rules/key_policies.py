"""Policies of KMS keys. Source: AWS KMS Developer Guide, "Key policies in AWS KMS", "Default key policy"."""

from collections.abc import Iterator

from strongroom.policy.principal_element import account_named
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy

_PUT = "kms:PutKeyPolicy"
_POWERS = (_PUT, "kms:ScheduleKeyDeletion", "kms:CreateGrant")


def _lockout(policy: CheckedPolicy) -> Iterator[Flaw]:
    if not policy.is_key_policy or len(policy.sound) < len(policy.statements) or not policy.statements:
        return
    if not any(statement.allows and statement.matches_action(_PUT) for statement in policy.sound):
        yield Flaw(
            policy.root,
            "Nobody is allowed kms:PutKeyPolicy: this policy could never be changed again.",
            'Allow "kms:*" to the account\'s root principal, as the default key policy does.',
        )
    for statement in policy.sound:
        if _denies_everyone(statement):
            yield Flaw(
                statement.node,
                "This denies kms:PutKeyPolicy to everyone, so this policy could never be changed again.",
                "Add a condition that spares the key's administrators, or leave kms:PutKeyPolicy out.",
            )


def _denies_everyone(statement: CheckedStatement) -> bool:
    return (
        statement.denies and statement.is_for_everyone and not statement.conditions and statement.matches_action(_PUT)
    )


def _other_accounts(policy: CheckedPolicy) -> Iterator[Flaw]:
    if not policy.is_key_policy:
        return
    home = policy.account_id or _home(policy)
    for statement in policy.sound:
        powers = [action for action in _POWERS if statement.matches_action(action)]
        if not statement.allows or len(powers) < len(_POWERS):
            continue
        for kind, name in statement.principals:
            account = _account(name.text) if kind == "AWS" else ""
            if home and account and account != home:
                yield Flaw(
                    name.node,
                    f"Another account ({account}) gets every power over the key: it may change this policy and "
                    "delete the key.",
                    "Allow only its use, such as kms:Encrypt, kms:Decrypt, kms:GenerateDataKey* and kms:DescribeKey.",
                )


def _home(policy: CheckedPolicy) -> str:
    """Return the account of the first principal that may change the policy: by custom, the key's own."""
    for statement in policy.sound:
        if statement.allows and statement.matches_action(_PUT):
            for kind, name in statement.principals:
                if kind == "AWS" and (account := _account(name.text)):
                    return account
    return ""


def _account(name: str) -> str:
    parts = name.split(":")
    return account_named(name) or (parts[4] if len(parts) >= 6 else "")


RULES = (
    Rule("key-policy-lockout", Level.ERROR, "A key policy that nobody could change.", _lockout),
    Rule("key-powers-for-other-account", Level.WARNING, "Every power over a key for another account.", _other_accounts),
)
