"""Log groups and streams as calls meet them, kept until a change to them is announced.

PutLogEvents looks up three things: the group, the stream, and, for a service that puts events, the resource policies.
None of them touches the database as long as nobody changed them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.operations.house import House
from strongroom.operations.trail import Resource
from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.policies import NamedPolicy
from strongroom.services.logs import errors, tables
from strongroom.services.logs.filters.tables import SUBSCRIPTION, select_filters
from strongroom.storage.connection import Connection

CACHED_GROUPS_MAX = 10_000
CACHED_STREAMS_MAX = 100_000
NAME_CHARACTERS_MAX = 512
_PREFIX = "log-group:"


class Place(NamedTuple):
    """Where a log group is, or would be."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The group's ARN, without `:*` at its end."""
        return f"arn:{partition_of(self.region)}:logs:{self.region}:{self.account_id}:{_PREFIX}{self.name}"

    @property
    def cache_name(self) -> str:
        """What changes to the group and its streams are announced by."""
        return f"logs/{self.account_id}/{self.region}/{self.name}"

    @property
    def audited(self) -> Resource:
        """How the audit trail lists it."""
        return Resource(self.arn, self.account_id, "AWS::Logs::LogGroup")


@dataclass(frozen=True, slots=True)
class Group:
    """A log group. Times are milliseconds since the epoch; `key_arn` is the KMS key of events to come."""

    number: int
    place: Place
    created_at: int
    group_class: str
    retention_days: int | None
    key_arn: str | None
    is_protected: bool
    tags: Mapping[str, str]
    policy: Mapping[str, Any] | None
    subscriptions: tuple[str, ...] = ()
    """Names of its subscription filters, for a group that GroupDirectory found."""

    @property
    def arn(self) -> str:
        """The group's ARN, without `:*` at its end."""
        return self.place.arn

    def oldest_kept(self, now: float) -> int:
        """Return the time (milliseconds) before which events have expired at `now` (seconds); 0 when none ever do."""
        return 0 if self.retention_days is None else int(now * 1000) - self.retention_days * 86_400_000


def as_group(row: Any) -> Group:
    """Return the log group of a row."""
    return Group(
        row.number,
        Place(row.account_id, row.region, row.name),
        row.created_at,
        row.group_class,
        row.retention_days,
        row.key_arn,
        row.is_protected,
        row.tags,
        row.policy,
    )


def place_of(account_id: str, region: str, identifier: str) -> Place:
    """Return the place that a name or an ARN of a log group stands for, with or without `:*` at its end.

    Raises InvalidParameterException for an ARN of something else, or of another Region.
    """
    name = identifier
    if identifier.startswith("arn:"):
        arn = parse_arn(identifier)
        if arn is None or arn.service != "logs" or not arn.resource.startswith(_PREFIX) or arn.region != region:
            raise errors.invalid_parameter("The specified log group identifier is not valid.")
        account_id, name = arn.account_id, arn.resource[len(_PREFIX) :].removesuffix(":*")
    if len(name) > NAME_CHARACTERS_MAX:
        raise errors.name_too_long()
    return Place(account_id, region, name)


def _load(connection: Connection, place: Place) -> Group | None:
    row = tables.select_group(connection, *place)
    if row is None:
        return None
    subscriptions = select_filters(connection, row.number, SUBSCRIPTION)
    return replace(as_group(row), subscriptions=tuple(each.name for each in subscriptions))


class GroupDirectory:
    """The log groups, streams and resource policies of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._groups: dict[Place, Group] = {}
        self._streams: dict[tuple[int, str], int] = {}
        self._policies: dict[tuple[str, str], NamedPolicy | None] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if names and not any(name.startswith("logs/") for name in names):
            return
        self._changes_seen += 1
        for name in names:
            if name.startswith("logs/"):
                _, account_id, region, group = name.split("/", 3)
                self._policies.pop((account_id, region), None)
                found = self._groups.pop(Place(account_id, region, group), None)
                if found is not None:
                    self._forget_streams(found.number)
        if not names:
            self._groups.clear()
            self._streams.clear()
            self._policies.clear()

    def _forget_streams(self, group_number: int) -> None:
        for place in [place for place in self._streams if place[0] == group_number]:
            del self._streams[place]

    async def find(self, place: Place) -> Group | None:
        """Return a log group, or None."""
        group = self._groups.get(place)
        if group is not None:
            return group
        seen = self._changes_seen
        group = await self._house.store.read(lambda connection: _load(connection, place))
        if group is None:
            return None
        # What was read may be stale when a change came in meanwhile: it serves this call, and is not kept.
        if seen == self._changes_seen:
            if len(self._groups) >= CACHED_GROUPS_MAX:
                self._groups.clear()
                self._streams.clear()
            self._groups[place] = group
        return group

    async def find_stream(self, group: Group, name: str) -> int | None:
        """Return the number of a log stream, or None."""
        number = self._streams.get((group.number, name))
        if number is not None:
            return number
        if "\0" in name:
            return None
        seen = self._changes_seen
        row = await self._house.store.read(lambda connection: tables.select_stream(connection, group.number, name))
        if row is None:
            return None
        if seen == self._changes_seen:
            if len(self._streams) >= CACHED_STREAMS_MAX:
                self._streams.clear()
            self._streams[group.number, name] = row.number
        return int(row.number)

    async def policy_for_services(self, place: Place, group: Group | None) -> NamedPolicy | None:
        """Return what resource policies say of a log group, all of them in one; None when there are none."""
        account_wide = await self._account_policy(place.account_id, place.region)
        if group is None or group.policy is None:
            return account_wide
        own = parse(group.policy["document"], PolicyKind.RESOURCE)
        if account_wide is None:
            return NamedPolicy(f"resource policy of {group.arn}", own)
        statements = (*account_wide.document.statements, *own.statements)
        return NamedPolicy(account_wide.source, Document(PolicyKind.RESOURCE, own.version, "", statements))

    async def _account_policy(self, account_id: str, region: str) -> NamedPolicy | None:
        if (account_id, region) in self._policies:
            return self._policies[account_id, region]
        seen = self._changes_seen

        def read(connection: Connection) -> Sequence[Any]:
            return tables.select_policies(connection, account_id, region)

        rows = await self._house.store.read(read)
        documents = [parse(row.document, PolicyKind.RESOURCE) for row in rows]
        policy = None
        if documents:
            statements = [statement for document in documents for statement in document.statements]
            joined = Document(PolicyKind.RESOURCE, documents[0].version, "", statements)
            policy = NamedPolicy(f"resource policies of CloudWatch Logs in account {account_id}", joined)
        if seen == self._changes_seen:
            self._policies[account_id, region] = policy
        return policy
