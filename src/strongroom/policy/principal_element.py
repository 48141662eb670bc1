"""The Principal and NotPrincipal elements: whom a statement of a resource policy is about.

Source: IAM User Guide, "AWS JSON policy elements: Principal" and "... NotPrincipal".
"""

import re
from collections.abc import Mapping
from typing import Final

from strongroom.base.arn import Arn, parse_arn
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.principal import Principal, PrincipalKind, federated_identifier, service_identifier

# How much an Allow gives a principal; each grant includes the ones below it.
NO_GRANT: Final = 0
TO_ACCOUNT: Final = 1  # The account may pass it on, by identity policies.
TO_ISSUER: Final = 2  # The role or user behind a session: the session's boundary and session policies still limit it.
TO_PRINCIPAL: Final = 3  # The very principal, or everyone.

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"A(IDA|ROA)[A-Z0-9]{12,124}")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+")
_IDENTITY_TYPES = {"iam": ("user/", "role/"), "sts": ("assumed-role/", "federated-user/")}
_PROVIDER_TYPES = ("saml-provider/", "oidc-provider/")


class PrincipalElement:
    """Compiled principals of one statement. Immutable.

    `entries` are the element's words as (type, value) pairs, such as ("AWS", "123456789012"), for services that have to
    check that the principals exist; everyone is ("AWS", "*"). An AWS principal may be a unique id (`AROA...`), which
    means that one user, or the role of sessions.
    """

    __slots__ = ("accounts", "entries", "everyone", "identifiers", "negated")

    def __init__(self, entries: tuple[tuple[str, str], ...], *, negated: bool) -> None:
        self.entries = entries
        self.negated = negated
        self.everyone = ("AWS", "*") in entries
        accounts: set[str] = set()
        identifiers: set[str] = set()
        for kind, value in entries:
            if kind == "Service":
                identifiers.add(service_identifier(value))
            elif kind == "Federated":
                identifiers.add(federated_identifier(value))
            elif account_id := account_named(value):
                accounts.add(account_id)
            else:
                identifiers.add(value)
        self.accounts = frozenset(accounts)
        self.identifiers = frozenset(identifiers)

    def grant(self, principal: Principal) -> int:
        """Return how much an Allow with this element gives `principal`: one of the grants above.

        Somebody whom an identity provider vouches for has to be named by the provider: "everyone" in a trust policy
        means AWS principals, and a provider must not become trusted by accident.
        """
        if self.everyone:
            return NO_GRANT if principal.kind is PrincipalKind.FEDERATED else TO_PRINCIPAL
        identifiers = self.identifiers
        if principal.identifier in identifiers or principal.unique_id in identifiers:
            return TO_PRINCIPAL
        if principal.issuer_arn in identifiers or principal.issuer_id in identifiers:
            return TO_ISSUER
        if principal.account_id in self.accounts:
            return TO_PRINCIPAL if principal.kind is PrincipalKind.ROOT else TO_ACCOUNT
        return NO_GRANT

    def is_denied(self, principal: Principal, *, has_boundary: bool) -> bool:
        """Return whether a Deny with this element is about `principal`.

        NotPrincipal spares only those of whom the element names every link: the account, the role or user behind a
        session (the root user is named by its account), and the principal itself. It spares nobody who has a
        permissions boundary. Both as the page "NotPrincipal" warns.
        """
        if not self.negated:
            return self.everyone or self.grant(principal) != NO_GRANT
        if self.everyone:
            return False
        return has_boundary or not self._names_every_link(principal)

    def _names_every_link(self, principal: Principal) -> bool:
        if principal.account_id and principal.account_id not in self.accounts:
            return False
        identifiers = self.identifiers
        issuer_named = (
            principal.issuer_arn in identifiers
            or principal.issuer_id in identifiers
            or account_named(principal.issuer_arn) in self.accounts
        )
        if principal.issuer_arn and not issuer_named:
            return False
        if principal.kind is PrincipalKind.ROOT:
            return True
        return principal.identifier in identifiers or principal.unique_id in identifiers


def account_named(value: str) -> str | None:
    """Return the account that an AWS principal stands for as a whole (`123456789012` or its root ARN), or None."""
    if _ACCOUNT_ID.fullmatch(value):
        return value
    arn = parse_arn(value)
    if arn is not None and arn.service == "iam" and arn.resource == "root":
        return arn.account_id
    return None


def parse_principal(value: object, *, negated: bool) -> PrincipalElement:
    """Compile the value of a Principal or NotPrincipal element. Raises PolicySyntaxError."""
    if value == "*":
        return PrincipalElement((("AWS", "*"),), negated=negated)
    if not isinstance(value, Mapping) or not value:
        raise PolicySyntaxError('Principal has to be "*" or an object with at least one principal')
    entries: list[tuple[str, str]] = []
    for kind, named in value.items():
        if kind not in ("AWS", "Service", "Federated"):
            raise PolicySyntaxError(f"unsupported principal type {kind!r}")
        names = named if isinstance(named, list) else [named]
        if not names:
            raise PolicySyntaxError(f"the list of {kind} principals is empty")
        for name in names:
            if type(name) is not str or not _is_principal(kind, name):
                raise PolicySyntaxError(f"invalid principal: {kind} {name!r}")
            entries.append((kind, name))
    return PrincipalElement(tuple(entries), negated=negated)


def _is_principal(kind: str, name: str) -> bool:
    arn = parse_arn(name)
    if kind == "Service":
        return _DOMAIN.fullmatch(name) is not None
    if kind == "Federated":
        return _DOMAIN.fullmatch(name) is not None or (arn is not None and _is_of(arn, "iam", _PROVIDER_TYPES))
    if name == "*" or _ACCOUNT_ID.fullmatch(name) or _UNIQUE_ID.fullmatch(name):
        return True
    if arn is None:
        return False
    if arn.service == "iam" and arn.resource == "root":
        return _is_of(arn, "iam", ("",))
    return _is_of(arn, arn.service, _IDENTITY_TYPES.get(arn.service, ()))


def _is_of(arn: Arn, service: str, types: tuple[str, ...]) -> bool:
    """Whether `arn` names one thing of one of the types: a principal never has wildcards, nor an empty name."""
    return (
        arn.service == service
        and arn.partition.startswith("aws")
        and not arn.region
        and _ACCOUNT_ID.fullmatch(arn.account_id) is not None
        and arn.resource.startswith(types)
        and not arn.resource.endswith("/")
        and not set(arn.resource) & set("*?$ ")
    )
