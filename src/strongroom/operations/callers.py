"""Who calls: an identity that a signature has proved, with what policies and the audit trail need to know of it."""

from dataclasses import dataclass

from strongroom.base.arn import root_arn
from strongroom.operations.trail import Identity
from strongroom.policy.principal import Principal


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A proven identity.

    `principal` is who it is to the policy engine, `identity` who it is in the audit trail (`identity.type` is such as
    `Root` or `IAMUser`, `identity.principal_id` what `aws:userid` and `GetCallerIdentity` answer).
    """

    principal: Principal
    identity: Identity

    @property
    def account_id(self) -> str:
        """The account that the caller belongs to."""
        return self.identity.account_id

    @property
    def arn(self) -> str:
        """The caller's ARN."""
        return self.identity.arn

    @property
    def user_id(self) -> str:
        """The caller's unique id: the account's for its root user."""
        return self.identity.principal_id

    @classmethod
    def root(cls, account_id: str, access_key_id: str, partition: str = "aws") -> "Caller":
        """The root user of an account, by one of its access keys."""
        arn = root_arn(account_id, partition)
        return cls(Principal.root(account_id, partition), Identity("Root", account_id, arn, account_id, access_key_id))


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may sign: its secret, and who it stands for."""

    secret_access_key: str
    caller: Caller

    def __repr__(self) -> str:
        return f"Credential(access_key_id={self.caller.identity.access_key_id!r})"
