"""Who makes a request, as policies see it."""

import enum
from dataclasses import dataclass, field

from strongroom.base.arn import root_arn


class PrincipalKind(enum.Enum):
    """The kinds of principal that policies treat differently."""

    ROOT = "root"
    USER = "user"
    ROLE_SESSION = "role session"
    FEDERATED_USER = "federated user session"
    FEDERATED = "federated identity"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Facts about a principal. Made by one of the class methods, one for each kind; cheap to keep and to share.

    `issuer_arn` is the ARN of the role (of a role session) or of the IAM user (of a federated user session). `name`
    is the name of a service (`logs.amazonaws.com`) or of an identity provider. `identifier` is what a Principal
    element must name to mean exactly this principal. `account_id` is empty where there is no account. `unique_id` is
    that of the user, `issuer_id` that of the role or user behind a session (`AROA...`); unlike its ARN, a deleted
    identity's unique id never comes back.
    """

    kind: PrincipalKind
    arn: str = ""
    account_id: str = ""
    issuer_arn: str = ""
    name: str = ""
    unique_id: str = ""
    issuer_id: str = ""
    identifier: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        identifier = self.arn
        if self.kind is PrincipalKind.SERVICE:
            identifier = service_identifier(self.name)
        elif self.kind is PrincipalKind.FEDERATED:
            identifier = federated_identifier(self.name)
        object.__setattr__(self, "identifier", identifier)

    @classmethod
    def root(cls, account_id: str, partition: str = "aws") -> "Principal":
        """The root user of an account."""
        return cls(PrincipalKind.ROOT, root_arn(account_id, partition), account_id)

    @classmethod
    def user(cls, arn: str, account_id: str, unique_id: str = "") -> "Principal":
        """An IAM user, with long-term credentials or those of GetSessionToken."""
        return cls(PrincipalKind.USER, arn, account_id, unique_id=unique_id)

    @classmethod
    def role_session(cls, arn: str, account_id: str, role_arn: str, role_id: str = "") -> "Principal":
        """A session of a role: `arn` is the `assumed-role` ARN of STS, `role_arn` the ARN of the role with its path."""
        return cls(PrincipalKind.ROLE_SESSION, arn, account_id, role_arn, issuer_id=role_id)

    @classmethod
    def federated_user(cls, arn: str, account_id: str, user_arn: str, user_id: str = "") -> "Principal":
        """A session of GetFederationToken: `arn` is its `federated-user` ARN, `user_arn` the IAM user who made it."""
        return cls(PrincipalKind.FEDERATED_USER, arn, account_id, user_arn, issuer_id=user_id)

    @classmethod
    def federated(cls, provider: str) -> "Principal":
        """Somebody an identity provider vouches for (AssumeRoleWithWebIdentity, AssumeRoleWithSAML).

        `provider` is the provider's ARN, or the domain of a provider that AWS knows (`accounts.google.com`).
        """
        return cls(PrincipalKind.FEDERATED, name=provider)

    @classmethod
    def service(cls, name: str) -> "Principal":
        """A service acting for itself (`logs.amazonaws.com`)."""
        return cls(PrincipalKind.SERVICE, name=name)

    @classmethod
    def anonymous(cls) -> "Principal":
        """A caller who did not sign."""
        return cls(PrincipalKind.ANONYMOUS)

    def __str__(self) -> str:
        return self.arn or self.name or "anonymous"


def service_identifier(name: str) -> str:
    """Return the identifier of a service principal. The prefix keeps kinds of principal with equal names apart."""
    return f"Service {name}"


def federated_identifier(provider: str) -> str:
    """Return the identifier of a principal that `provider` vouches for."""
    return f"Federated {provider}"
