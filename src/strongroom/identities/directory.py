"""Where the guard finds identities: a user or role with every policy that speaks for it, kept until a change.

A change to anything of an account's IAM makes all that is kept of that account stale (`account_cache_name`), so that
whatever was revoked is revoked at the next request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.identities import aws_managed, tables
from strongroom.identities.compiled import compiled
from strongroom.identities.identifiers import ROLE, USER, identity_arn
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

CACHED_IDENTITIES_MAX = 10_000
_CACHE_PREFIX = "iam/"


def account_cache_name(account_id: str) -> str:
    """Return the name under which every change to an account's IAM is announced to the caches."""
    return _CACHE_PREFIX + account_id


def changed_accounts(names: Sequence[str]) -> set[str] | None:
    """Return the accounts whose IAM an announcement is about: all of them (None) or some, maybe none."""
    if not names:
        return None
    return {name[len(_CACHE_PREFIX) :] for name in names if name.startswith(_CACHE_PREFIX)}


@dataclass(frozen=True, slots=True, eq=False)
class KnownIdentity:
    """A user or role as it was when it was read, with its policies compiled.

    `policies` are its own and, for a user, those of its groups. `trust` and `max_session_seconds` are of roles.
    """

    kind: str
    unique_id: str
    account_id: str
    name: str
    path: str
    arn: str
    created_at: float
    tags: Mapping[str, str]
    policies: tuple[NamedPolicy, ...]
    boundary: NamedPolicy | None
    trust: NamedPolicy | None
    max_session_seconds: int


class Directory:
    """The users and roles of every account of one store. `partition` is what their ARNs begin with (`aws`)."""

    def __init__(self, store: Store, partition: str) -> None:
        self._store = store
        self.partition = partition
        self._identities: dict[str, KnownIdentity] = {}
        self.changes_seen = 0
        store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        accounts = changed_accounts(names)
        if accounts is None:
            self._identities.clear()
        elif accounts:
            stale = [key for key, known in self._identities.items() if known.account_id in accounts]
            for key in stale:
                del self._identities[key]
        else:
            return
        self.changes_seen += 1

    async def find(self, unique_id: str) -> KnownIdentity | None:
        """Return a user or role by its unique id, or None."""
        known = self._identities.get(unique_id)
        if known is not None:
            return known
        changes_seen = self.changes_seen
        known = await self._store.read(lambda connection: self.load(connection, unique_id))
        # What was read while a change came in may be stale: it serves this request, and is not kept.
        if known is not None and changes_seen == self.changes_seen:
            if len(self._identities) >= CACHED_IDENTITIES_MAX:
                self._identities.clear()
            self._identities[unique_id] = known
        return known

    async def find_named(self, account_id: str, kind: str, name: str) -> KnownIdentity | None:
        """Return a user or role by its name, or None."""
        row = await self._store.read(
            lambda connection: tables.select_identity_named(connection, account_id, kind, name)
        )
        return await self.find(row.unique_id) if row is not None and row.name == name else None

    async def find_by_arn(self, arn: str) -> KnownIdentity | None:
        """Return the user or role with this ARN, path and all, or None."""
        parts = parse_arn(arn)
        if parts is None or parts.service != "iam" or "/" not in parts.resource:
            return None
        kind, name = parts.resource.split("/", 1)[0], parts.resource.rsplit("/", 1)[1]
        if kind not in (USER, ROLE):
            return None
        known = await self.find_named(parts.account_id, kind, name)
        return known if known is not None and known.arn == arn else None

    def load(self, connection: Connection, unique_id: str) -> KnownIdentity | None:
        """Read a user or role with its policies, past the cache. Groups are nobody who could call: None."""
        row = tables.select_identity(connection, unique_id)
        if row is None or row.kind not in (USER, ROLE):
            return None
        arn = identity_arn(self.partition, row.account_id, row.kind, row.path, row.name)
        policies = self._policies_of(connection, row, arn)
        if row.kind == USER:
            for group in tables.groups_of(connection, unique_id):
                group_arn = identity_arn(self.partition, group.account_id, group.kind, group.path, group.name)
                policies += self._policies_of(connection, group, group_arn)
        trust = None
        if row.kind == ROLE:
            trust = NamedPolicy(f"trust policy of {arn}", compiled(row.trust_policy or "", PolicyKind.TRUST))
        return KnownIdentity(
            kind=row.kind,
            unique_id=unique_id,
            account_id=row.account_id,
            name=row.name,
            path=row.path,
            arn=arn,
            created_at=row.created_at,
            tags=row.tags,
            policies=tuple(policies),
            boundary=managed_policy(connection, row.boundary_arn) if row.boundary_arn else None,
            trust=trust,
            max_session_seconds=row.max_session_seconds or 3600,
        )

    def _policies_of(self, connection: Connection, row: Any, arn: str) -> list[NamedPolicy]:
        inline = [
            NamedPolicy(f"inline policy {each.name} of {arn}", compiled(each.document))
            for each in tables.inline_policies(connection, row.unique_id)
        ]
        attached = tables.attached_policy_arns(connection, row.unique_id)
        return inline + [managed_policy(connection, policy_arn) for policy_arn in attached]

    async def managed_policy(self, policy_arn: str) -> NamedPolicy:
        """Return the version in force of a managed policy, as `managed_policy` does."""
        return await self._store.read(lambda connection: managed_policy(connection, policy_arn))


def managed_policy(connection: Connection, policy_arn: str) -> NamedPolicy:
    """Return the version in force of a customer managed or AWS managed policy.

    One that is attached and cannot be found denies everything, as every stored policy that cannot be read.
    """
    aws_policy = aws_managed.find(policy_arn)
    text = aws_policy.document if aws_policy is not None else tables.default_document(connection, policy_arn)
    return NamedPolicy(policy_arn, compiled(text or ""))
