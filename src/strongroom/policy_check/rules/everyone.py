"""Everyone as a principal: anonymous callers and all accounts of AWS."""

import json
from collections.abc import Iterator

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.condition import CheckedCondition
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.narrowing import narrows_callers
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy

ENDPOINT_POLICY = "vpce"
"""The name under which the policy of a VPC endpoint is checked: in one, everyone means whoever is in the network."""

_TRANSPORT = ("aws:securetransport", "s3:tlsversion")


def _open(policy: CheckedPolicy) -> Iterator[CheckedStatement]:
    """The statements that let in anybody."""
    for statement in policy.sound:
        if statement.allows and statement.is_for_everyone and not any(map(narrows_callers, statement.conditions)):
            yield statement


def _is_only_about_tls(statement: CheckedStatement) -> bool:
    return bool(statement.conditions) and all(condition.key in _TRANSPORT for condition in statement.conditions)


def _is_about_plain_http(condition: CheckedCondition) -> bool:
    return condition.base == "Bool" and {text.lower() for text in condition.texts} == {"false"}


def _over_tls(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is not PolicyKind.RESOURCE or policy.service == ENDPOINT_POLICY:
        return
    for statement in _open(policy):
        if _is_only_about_tls(statement):
            protocol = "plain HTTP" if any(map(_is_about_plain_http, statement.conditions)) else "HTTPS"
            yield Flaw(
                statement.node,
                "This does not force TLS: it allows everyone on earth, without credentials, as long as they use "
                f"{protocol}. An Allow never forbids anything.",
                f"Put this Deny in its place: {_tls_deny(statement)}",
            )


def _tls_deny(statement: CheckedStatement) -> str:
    """Return the statement that is meant, about the same resources."""
    service = {action.text.partition(":")[0] for action in statement.actions}
    action = f"{service.pop()}:*" if len(service) == 1 and "*" not in service else "*"
    resources = [term.text for term in statement.resources]
    if action == "s3:*":
        buckets = dict.fromkeys(text.partition("/")[0] for text in resources)
        resources = [text for bucket in buckets for text in ((bucket, f"{bucket}/*") if bucket != "*" else ("*",))]
    deny = {
        "Sid": "DenyWithoutTLS",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources[0] if len(resources) == 1 else resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({name: value for name, value in deny.items() if value != []})


def _public(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is not PolicyKind.RESOURCE or policy.service == ENDPOINT_POLICY:
        return
    for statement in _open(policy):
        if _is_only_about_tls(statement):
            continue
        conditions = ", ".join(dict.fromkeys(condition.name for condition in statement.conditions))
        although = f" Its conditions ({conditions}) do not say who." if conditions else ""
        yield Flaw(
            statement.principal_node or statement.node,
            f"This allows everyone: every account of AWS, and where signatures are optional anybody at all.{although}",
            "Name the principals, or add a condition that names whom you know, such as aws:PrincipalOrgID, "
            "aws:PrincipalArn, aws:SourceVpce or kms:CallerAccount.",
        )


def _trusted(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is not PolicyKind.TRUST:
        return
    for statement in _open(policy):
        yield Flaw(
            statement.principal_node or statement.node,
            "Anybody with any account of AWS may take this role"
            + (": an external id is no secret." if statement.conditions_on("sts:externalid") else "."),
            "Name the accounts, roles or services that need it, or add a condition on aws:PrincipalOrgID or "
            "aws:PrincipalArn.",
        )


def _denied(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is not PolicyKind.RESOURCE or policy.is_key_policy:
        return
    for statement in policy.sound:
        whole = any(action.text in ("*", f"{policy.service}:*") for action in statement.actions)
        if statement.denies and statement.is_for_everyone and whole and not statement.conditions:
            yield Flaw(
                statement.node,
                "This denies everything to everyone, its own administrators too; only the root user can take it away.",
                "Add a condition that spares your administrators, such as ArnNotLike on aws:PrincipalArn.",
            )


def _backwards(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.sound:
        for condition in statement.conditions_on("aws:securetransport"):
            if condition.base != "Bool":
                continue
            wanted = {text.lower() for text in condition.texts}
            if statement.denies and wanted == {"true"}:
                so = "This denies requests over TLS and lets plain HTTP through."
            elif statement.allows and wanted == {"false"}:
                so = "This allows requests over plain HTTP only."
            else:
                continue
            yield Flaw(condition.node, so, 'To force TLS: "Effect": "Deny" with Bool aws:SecureTransport "false".')


RULES = (
    Rule("public-over-tls", Level.ERROR, "An Allow for everyone over TLS, meant to force TLS.", _over_tls),
    Rule("public", Level.ERROR, "A resource policy that allows everyone.", _public),
    Rule("trust-everyone", Level.ERROR, "A role that anybody may take.", _trusted),
    Rule("denies-everyone", Level.WARNING, "A Deny of everything to everyone.", _denied),
    Rule("tls-backwards", Level.ERROR, "A condition on TLS the wrong way round.", _backwards),
)
