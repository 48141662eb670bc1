"""Services as principals: whose request is it that the service carries out?

Source: IAM User Guide, "The confused deputy problem", section "Cross-service confused deputy prevention".
"""

from collections.abc import Iterator

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.narrowing import narrows_services
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.subject import CheckedPolicy

_TAKES_PASSED_ROLES_ONLY = frozenset(
    {
        "ec2.amazonaws.com",
        "lambda.amazonaws.com",
        "edgelambda.amazonaws.com",
        "ecs-tasks.amazonaws.com",
        "pods.eks.amazonaws.com",
        "eks.amazonaws.com",
        "codebuild.amazonaws.com",
        "cloudformation.amazonaws.com",
        "spotfleet.amazonaws.com",
        "batch.amazonaws.com",
    }
)


def _open_services(policy: CheckedPolicy) -> Iterator[tuple[str, Flaw]]:
    for statement in policy.sound:
        if not statement.allows or any(map(narrows_services, statement.conditions)):
            continue
        for kind, name in statement.principals:
            if kind == "Service":
                yield (
                    name.text,
                    Flaw(
                        name.node,
                        f"{name.text} may use this on behalf of any of its customers, not only of you.",
                        "Add a condition on aws:SourceArn (whose resource) or aws:SourceAccount (whose account).",
                    ),
                )


def _resource(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is PolicyKind.RESOURCE:
        yield from (flaw for _, flaw in _open_services(policy))


def _trust(policy: CheckedPolicy) -> Iterator[Flaw]:
    """Some services only take roles that somebody with iam:PassRole in the account handed to them."""
    if policy.kind is PolicyKind.TRUST:
        yield from (flaw for name, flaw in _open_services(policy) if name not in _TAKES_PASSED_ROLES_ONLY)


RULES = (
    Rule("confused-deputy", Level.WARNING, "A service allowed on behalf of anybody.", _resource),
    Rule("confused-deputy-role", Level.SUGGESTION, "A service that may take a role on behalf of anybody.", _trust),
)
