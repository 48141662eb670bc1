"""Trust policies of roles: other accounts and identity providers.

Source: IAM User Guide, "Create a role for a third-party identity provider", "Configure a role for a GitHub OIDC
identity provider", "Access to AWS accounts owned by third parties".
"""

from collections.abc import Iterator

from strongroom.policy.principal_element import account_named
from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.condition import CheckedCondition, Term
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.narrowing import narrows_callers
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy

_SHARED_ISSUERS = (
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "app.terraform.io",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "accounts.google.com",
)
"""Providers that vouch for everybody's users and jobs, not for those of one organisation."""

_WITHOUT_AUDIENCE = ("www.amazon.com", "graph.facebook.com")


def _federated(policy: CheckedPolicy) -> Iterator[tuple[CheckedStatement, Term]]:
    if policy.kind is PolicyKind.TRUST:
        for statement in policy.sound:
            for kind, name in statement.principals:
                if kind == "Federated" and statement.allows:
                    yield statement, name


def _issuer(name: str) -> str:
    """Return the prefix of the provider's condition keys."""
    if ":saml-provider/" in name:
        return "saml"
    return name.partition(":oidc-provider/")[2] or name


def _is_required(condition: CheckedCondition, keys: tuple[str, ...]) -> bool:
    positive = not condition.negated and not condition.is_null and not condition.met_when_absent
    return condition.key in keys and positive and all(_says_something(text) for text in condition.texts)


def _says_something(text: str) -> bool:
    """A pattern with a fixed part behind its first colon; `repo:*` names nobody."""
    fixed = text.partition("*")[0].partition("?")[0]
    return bool(fixed) and (fixed == text or bool(fixed.partition(":")[2].strip(":/") or ":" not in fixed))


def _audience(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement, name in _federated(policy):
        issuer = _issuer(name.text).lower()
        keys = tuple(f"{issuer}:{claim}" for claim in ("aud", "sub", "oaud", "app_id", "iss", "azp"))
        if not any(_is_required(condition, keys) for condition in statement.conditions):
            claim = "app_id" if issuer in _WITHOUT_AUDIENCE else "aud"
            yield Flaw(
                name.node,
                f"Whoever has any token of {_issuer(name.text)}, made for whatever application, may take this role.",
                f"Add a condition StringEquals on {issuer}:{claim}"
                + (" (https://signin.aws.amazon.com/saml)." if issuer == "saml" else ", and one on the subject."),
            )


def _subject(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement, name in _federated(policy):
        issuer = _issuer(name.text).lower()
        keys = (f"{issuer}:sub", f"{issuer}:oaud", f"{issuer}:email")
        if not issuer.startswith(_SHARED_ISSUERS):
            continue
        if not any(_is_required(condition, keys) for condition in statement.conditions):
            yield Flaw(
                name.node,
                f"{issuer} vouches for everybody's users and jobs, and no condition says whose may take this role.",
                f"Add a condition on {issuer}:sub that names yours.",
            )


def _external_id(policy: CheckedPolicy) -> Iterator[Flaw]:
    if policy.kind is not PolicyKind.TRUST:
        return
    for statement in policy.sound:
        known = any(
            condition.key == "sts:externalid" or narrows_callers(condition) for condition in statement.conditions
        )
        if not statement.allows or known or not statement.matches_action("sts:AssumeRole"):
            continue
        for kind, name in statement.principals:
            account = account_named(name.text) if kind == "AWS" else None
            if account and account != policy.account_id:
                yield Flaw(
                    name.node,
                    f"Everybody to whom account {account} gives sts:AssumeRole may take this role; if it is another "
                    "company's, it could be tricked into doing so for its other customers.",
                    "For a third party add a condition StringEquals on sts:ExternalId; otherwise name the role that "
                    "needs it.",
                )


RULES = (
    Rule("federation-without-audience", Level.ERROR, "A provider's tokens accepted for any application.", _audience),
    Rule("federation-without-subject", Level.ERROR, "A shared provider trusted whoever its user is.", _subject),
    Rule("missing-external-id", Level.SUGGESTION, "Another account trusted without an external id.", _external_id),
)
