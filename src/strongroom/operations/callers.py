"""Who calls: an identity that a signature has proved, with what policies and the audit trail need to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from strongroom.base.arn import root_arn
from strongroom.identities.sessions import Session
from strongroom.operations.trail import Identity
from strongroom.policy.policies import NamedPolicy, PolicySet
from strongroom.policy.principal import Principal

NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A proven identity, with the policies that speak for it or limit it.

    `principal` is who it is to the policy engine, `identity` who it is in the audit trail (`identity.type` is such as
    `Root` or `IAMUser`, `identity.principal_id` what `aws:userid` and `GetCallerIdentity` answer). `session_policies`
    is None when no session policies were passed. `tags` are those of the user or role, and over them the session's.
    `asked` are its `policies` as the engine asks them; `sources` names them, the boundary and the session policies.
    Whatever of this changes makes a new `Caller`: decisions are remembered by it.
    """

    principal: Principal
    identity: Identity
    policies: tuple[NamedPolicy, ...] = ()
    boundary: NamedPolicy | None = None
    session_policies: tuple[NamedPolicy, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    session: Session | None = None
    organization_id: str | None = None
    asked: PolicySet = field(init=False, repr=False)
    sources: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "asked", PolicySet(self.policies))
        boundary = () if self.boundary is None else (self.boundary,)
        every = self.policies + boundary + (self.session_policies or ())
        object.__setattr__(self, "sources", tuple(policy.source for policy in every))

    @property
    def account_id(self) -> str:
        """The account that the caller belongs to; empty for a service and for somebody who did not sign."""
        return self.identity.account_id

    @property
    def arn(self) -> str:
        """The caller's ARN."""
        return self.identity.arn

    @property
    def user_id(self) -> str:
        """The caller's unique id: the account's for its root user, `AROA...:name` for a role session."""
        return self.identity.principal_id

    @classmethod
    def root(
        cls, account_id: str, access_key_id: str, partition: str = "aws", organization_id: str | None = None
    ) -> "Caller":
        """The root user of an account, by one of its access keys."""
        arn = root_arn(account_id, partition)
        return cls(
            Principal.root(account_id, partition),
            Identity("Root", account_id, arn, account_id, access_key_id),
            organization_id=organization_id,
        )

    @classmethod
    def service(cls, name: str, account_id: str) -> "Caller":
        """A service acting for itself (`logs.amazonaws.com`), on something of an account."""
        return cls(Principal.service(name), Identity("AWSService", "", "", account_id, ""))

    @classmethod
    def anonymous(cls) -> "Caller":
        """Somebody who did not sign."""
        return cls(Principal.anonymous(), Identity("Anonymous", "ANONYMOUS_PRINCIPAL", "", "", ""))


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may sign: its secret, and who it stands for.

    `session_token` has to come with a temporary one, empty for a long-term one. It is good until `expires_at`, in
    seconds since the epoch by the clock of the house.
    """

    secret_access_key: str
    caller: Caller
    session_token: str = ""
    expires_at: float = float("inf")

    def __repr__(self) -> str:
        return f"Credential(access_key_id={self.caller.identity.access_key_id!r})"
