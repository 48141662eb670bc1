"""Permissions that are wider than they look."""

from collections.abc import Iterator

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.implication import action_covers
from strongroom.policy_check.patterns import arn_pattern, covers
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy

ESCALATIONS = {
    "iam:CreatePolicyVersion": "rewrite a policy that is attached already",
    "iam:SetDefaultPolicyVersion": "bring back an old, wider version of a policy",
    "iam:AttachUserPolicy": "attach any policy to a user",
    "iam:AttachGroupPolicy": "attach any policy to a group",
    "iam:AttachRolePolicy": "attach any policy to a role",
    "iam:PutUserPolicy": "write any policy into a user",
    "iam:PutGroupPolicy": "write any policy into a group",
    "iam:PutRolePolicy": "write any policy into a role",
    "iam:AddUserToGroup": "join any group",
    "iam:UpdateAssumeRolePolicy": "make any role trust them",
    "iam:CreateAccessKey": "make an access key of any user",
    "iam:CreateLoginProfile": "give any user a password",
    "iam:UpdateLoginProfile": "change any user's password",
    "iam:DeleteUserPermissionsBoundary": "take the boundary off any user",
    "iam:DeleteRolePermissionsBoundary": "take the boundary off any role",
    "iam:PutUserPermissionsBoundary": "change the boundary of any user",
    "iam:PutRolePermissionsBoundary": "change the boundary of any role",
}
"""Actions with which their holder gets more than the policy says. Each completes "their holder may ..."."""


def _identity(policy: CheckedPolicy) -> Iterator[CheckedStatement]:
    if policy.kind is PolicyKind.IDENTITY:
        yield from (statement for statement in policy.sound if statement.allows)


def _is_everything(statement: CheckedStatement) -> bool:
    return (
        not statement.not_action
        and statement.covers_all_resources
        and any(action.text in ("*", "*:*") for action in statement.actions)
    )


def is_broad(statement: CheckedStatement, kind: str, *, variables: bool) -> bool:
    """Return whether the Resource element means every resource of a kind (the end of an ARN, such as `role/*`)."""
    if statement.covers_all_resources or statement.not_resource:
        return True
    (whole,) = arn_pattern("*", variables=False)
    wanted = arn_pattern(f"arn:aws:iam::*:{kind}", variables=False)[-1]
    for term in statement.resources:
        pattern = arn_pattern(term.text, variables=variables)
        if pattern == (whole,) or covers(pattern[-1], wanted):
            return True
    return False


def _is_limited_by(statement: CheckedStatement, *prefixes: str) -> bool:
    return any(
        condition.key.startswith(prefixes) and not condition.met_when_absent for condition in statement.conditions
    )


def _administrator(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in _identity(policy):
        if _is_everything(statement) and not statement.conditions:
            yield Flaw(
                statement.node,
                "This allows every action on every resource: its holder is an administrator of the account.",
                "Name the actions that are needed, or attach AdministratorAccess, which says so by its name.",
            )


def _not_action(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        if statement.allows and statement.not_action:
            named = ", ".join(action.text for action in statement.actions)
            yield Flaw(
                statement.actions[0].node,
                f"Allow with NotAction allows every action of every service but {named}, also those yet to come.",
                "Name with Action what is allowed; to take something away, add a Deny.",
            )


def _not_resource(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        if statement.allows and statement.not_resource:
            yield Flaw(
                statement.resources[0].node,
                "Allow with NotResource allows every resource but those named, also those yet to come.",
                "Name with Resource what is allowed; to take something away, add a Deny.",
            )


def _pass_role(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in _identity(policy):
        named = [action for action in statement.actions if action.text.lower().startswith("iam:pass")]
        limited = _is_limited_by(statement, "iam:passedtoservice", "iam:associatedresourcearn", "aws:resourcetag/")
        if named and not limited and is_broad(statement, "role/*", variables=policy.has_variables):
            yield Flaw(
                named[0].node,
                "iam:PassRole on every role: its holder can have a service act with any role of the account, "
                "administrators' roles too.",
                "Name the roles in Resource, and the service in a condition on iam:PassedToService.",
            )


def _assume_role(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in _identity(policy):
        named = [action for action in statement.actions if action.text.lower().startswith("sts:assumerole")]
        limited = _is_limited_by(statement, "aws:resourcetag/", "iam:resourcetag/", "aws:resource")
        if named and not limited and is_broad(statement, "role/*", variables=policy.has_variables):
            yield Flaw(
                named[0].node,
                "sts:AssumeRole on every role: its holder may take every role, of whatever account, that trusts "
                "this account.",
                "Name the roles in Resource.",
            )


def _escalation(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in _identity(policy):
        if statement.not_action or _is_everything(statement):
            continue
        if _is_limited_by(statement, "iam:", "aws:resourcetag/"):
            continue
        found = [
            (action, reason)
            for action, reason in ESCALATIONS.items()
            if statement.matches_action(action)
            and is_broad(statement, _kind_of(action), variables=policy.has_variables)
        ]
        if not found:
            continue
        action, reason = found[0]
        further = f" (and {len(found) - 1} more ways)" if len(found) > 1 else ""
        node = next((one.node for one in statement.actions if action_covers(one.text, action)), statement.node)
        yield Flaw(
            node,
            f"With {action} on every resource its holder may {reason}, and so become an administrator{further}.",
            "Name the users, roles or policies in Resource, or require a condition on iam:PermissionsBoundary or "
            "iam:PolicyARN.",
        )


def _kind_of(action: str) -> str:
    for word, kind in (("Role", "role/*"), ("Group", "group/*"), ("PolicyVersion", "policy/*")):
        if word in action:
            return kind
    return "user/*"


RULES = (
    Rule("full-administrator", Level.WARNING, "Every action on every resource.", _administrator),
    Rule("allow-not-action", Level.WARNING, "An Allow with NotAction.", _not_action),
    Rule("allow-not-resource", Level.WARNING, "An Allow with NotResource.", _not_resource),
    Rule("pass-any-role", Level.WARNING, "iam:PassRole on every role.", _pass_role),
    Rule("assume-any-role", Level.WARNING, "sts:AssumeRole on every role.", _assume_role),
    Rule("privilege-escalation", Level.WARNING, "An action by which its holder becomes an administrator.", _escalation),
)
