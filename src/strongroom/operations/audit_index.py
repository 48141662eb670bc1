"""The index of the audit trail: in which batches events of an account are found by name, user, resource and so on.

What is looked for is hashed with a sealed key, so that the index tells nobody what it knows. It is written behind the
trail, for spans of a thousand records or so: no call waits for it, and a span costs a few rows for what its records
have in common. What is not in the index yet is read through. Only management events are in it, as in CloudTrail's event
history.
"""

import asyncio
import hashlib
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from strongroom.operations import tables
from strongroom.operations.audit_reader import AuditReader, Outline
from strongroom.operations.event_names import event_name, is_management
from strongroom.operations.house import House
from strongroom.operations.periodic import STEP_SECONDS, Turn, periodic
from strongroom.operations.tables import AuditSpan
from strongroom.operations.trail import Identity, Resource, is_denial
from strongroom.storage.connection import Connection

SPAN_RECORDS = 1_000
SPAN_AGE_SECONDS = 300.0
"""A span is indexed when it has that many records, or when it is that old."""

BATCHES_PER_READ = 300
BATCHES_PER_STEP = 50
KEY_BYTES = 32

_READER = "index"
_TERM_BITS = 63


class Sought(NamedTuple):
    """What is looked for: events of an account in a Region, all of them or those that have an attribute's value."""

    account_id: str
    region: str
    attribute: str = ""
    value: str = ""


def username_of(identity: Identity) -> str | None:
    """Return who an event is listed under: a user's name, `root`, the name of a role session."""
    if identity.type == "Root":
        return "root"
    if identity.username is not None:
        return identity.username if identity.type != "AWSService" else None
    return identity.principal_id.partition(":")[2] or None


def resource_name(resource: Resource) -> str:
    """Return what CloudTrail's event history calls a resource: of IAM and S3 the name, of others the ARN."""
    if resource.type.startswith(("AWS::S3::", "AWS::IAM::")):
        named = resource.arn.split(":", 5)[-1]
        return named.rpartition("/")[2] if resource.type.startswith("AWS::IAM::") else named
    return resource.arn


_TESTS: Mapping[str, Callable[[Outline, str], bool]] = {
    "": lambda outline, value: True,
    "AccessKeyId": lambda outline, value: outline.identity.access_key_id == value,
    "EventName": lambda outline, value: event_name(outline.service, outline.operation) == value,
    "EventSource": lambda outline, value: outline.event_source == value,
    "ReadOnly": lambda outline, value: outline.reads_only == (value == "true"),
    "ResourceName": lambda outline, value: any(value in (each.arn, resource_name(each)) for each in outline.resources),
    "ResourceType": lambda outline, value: any(each.type == value for each in outline.resources),
    "Username": lambda outline, value: username_of(outline.identity) == value,
}


def matches(outline: Outline, sought: Sought) -> bool:
    """Whether an event is one of those that are looked for."""
    if outline.region != sought.region or not is_management(outline.service, outline.operation):
        return False
    if outline.identity.account_id != sought.account_id:
        owners = {resource.account_id for resource in outline.resources}
        if sought.account_id not in owners or is_denial(outline.error_code):
            return False
    return _TESTS[sought.attribute](outline, sought.value)


class _Found:
    """What the events of one account in one Region have, gathered from the outlines of a span."""

    __slots__ = ("callers", "operations", "resources")

    def __init__(self) -> None:
        self.operations: set[tuple[str, str, str, bool]] = set()
        self.callers: set[tuple[str, str | None]] = set()
        self.resources: set[Resource] = set()

    def add(self, outline: Outline) -> None:
        """Take in an event: a microsecond, as most have in common with others what they have."""
        identity = outline.identity
        self.operations.add((outline.service, outline.event_source, outline.operation, outline.reads_only))
        self.callers.add((identity.access_key_id, username_of(identity)))
        self.resources.update(outline.resources)

    def attributes(self) -> set[tuple[str, str]]:
        """Return what the events are found by."""
        found = {("", "")}
        for service, source, operation, reads_only in self.operations:
            found.add(("EventName", event_name(service, operation)))
            found.add(("EventSource", source))
            found.add(("ReadOnly", "true" if reads_only else "false"))
        for access_key_id, username in self.callers:
            found.add(("AccessKeyId", access_key_id))
            if username is not None:
                found.add(("Username", username))
        for resource in self.resources:
            found.add(("ResourceType", resource.type))
            found.add(("ResourceName", resource.arn))
            found.add(("ResourceName", resource_name(resource)))
        return found


class Gathered:
    """What is found in a span, by account and Region."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Found] = defaultdict(_Found)
        self._seen: set[tuple[object, ...]] = set()

    def add(self, outline: Outline) -> None:
        """Take in an event, if it is a management event."""
        identity, account_id, region = outline.identity, outline.identity.account_id, outline.region
        denied = is_denial(outline.error_code)
        who = (account_id, identity.access_key_id, identity.username, identity.principal_id)
        seen = (outline.service, outline.operation, region, outline.reads_only, denied, outline.resources, who)
        if seen in self._seen:
            return
        self._seen.add(seen)
        if not is_management(outline.service, outline.operation):
            return
        self._found[account_id, region].add(outline)
        for resource in outline.resources:
            if resource.account_id != account_id and not denied:
                self._found[resource.account_id, region].add(outline)

    def sought(self) -> Iterator[Sought]:
        """Yield every search that finds something here."""
        for (account_id, region), found in self._found.items():
            for attribute, value in found.attributes():
                yield Sought(account_id, region, attribute, value)


class AuditIndex:
    """The index of one house's trail."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._reader = house.part(AuditReader)
        self._key = b""

    async def _learn_key(self) -> None:
        if self._key:
            return
        place = tables.AUDIT_INDEX_KEY_PLACE.format(number=1)
        sealed = await self._house.store.read(tables.select_audit_index_key)
        if sealed is None:
            fresh = self._house.sealer.seal(secrets.token_bytes(KEY_BYTES), place)
            sealed = await self._house.store.write(lambda connection: tables.insert_audit_index_key(connection, fresh))
        self._key = self._house.sealer.open(sealed, place)

    def _term(self, sought: Sought) -> int:
        # No part of it but the last can hold the character that separates them.
        text = "\x00".join(sought).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, key=self._key, digest_size=8).digest()) >> (64 - _TERM_BITS)

    async def position(self) -> int:
        """Return up to which batch the trail is in the index."""
        return await self._house.store.read(lambda connection: tables.select_audit_position(connection, _READER))

    async def spans(self, sought: Sought, since: int, until: int) -> AsyncIterator[list[AuditSpan]]:
        """Yield the spans that hold what is looked for between two times (milliseconds), the newest first.

        They come some hundred at once, as far as the trail is indexed.
        """
        await self._learn_key()
        term = self._term(sought)
        before: int | None = None
        while True:
            select = partial(tables.select_audit_spans, term=term, since=since, until=until, before=before)
            spans = await self._house.store.read(select)
            yield spans
            if len(spans) < tables.SPANS_PER_READ:
                return
            before = spans[-1].last_batch

    async def catch_up(self, seconds: float = float("inf")) -> None:
        """Index what there is to index, for so long at most; others get their turn in between."""
        ends_at = time.monotonic() + seconds
        while await self.advance() and time.monotonic() < ends_at:  # noqa: ASYNC110 (nothing is waited for)
            await asyncio.sleep(0)

    async def advance(self) -> bool:
        """Index one span, if there is one to index. Returns whether there was."""
        await self._learn_key()
        position = await self.position()
        span = self._next_span(await self._reader.settled_after(position, BATCHES_PER_READ))
        if span is None:
            return False
        gathered = Gathered()
        first, turn = span.first_batch, Turn()
        while first <= span.last_batch:
            batches = await self._reader.open(first, span.last_batch, BATCHES_PER_STEP)
            for batch in batches:
                for outline in batch.outlines():
                    gathered.add(outline)
                await turn.let_others()
            first = batches[-1].number + 1 if batches else span.last_batch + 1
        terms = set()
        for sought in gathered.sought():
            terms.add(self._term(sought))
            await turn.let_others()

        def write(connection: Connection) -> None:
            # Another server may have been faster.
            if tables.select_audit_position(connection, _READER) == position:
                tables.insert_audit_terms(connection, sorted(terms), span)
                tables.replace_audit_position(connection, _READER, span.last_batch)

        await self._house.store.write(write)
        return True

    def _next_span(self, batches: list[tuple[AuditSpan, int]]) -> AuditSpan | None:
        """Return the run of batches that is to be indexed next, or None when there is too little of it yet."""
        records = 0
        for count, (_, size) in enumerate(batches, 1):
            records += size
            if records >= SPAN_RECORDS or count == BATCHES_PER_READ:
                return _joined([span for span, _ in batches[:count]])
        if batches and batches[0][0].last_at <= (self._house.clock.now() - SPAN_AGE_SECONDS) * 1000:
            return _joined([span for span, _ in batches])
        return None


def _joined(spans: list[AuditSpan]) -> AuditSpan:
    return AuditSpan(
        spans[0].first_batch,
        spans[-1].last_batch,
        min(span.first_at for span in spans),
        max(span.last_at for span in spans),
    )


@periodic("audit/index")
async def index_audit_trail(house: House) -> None:
    """Bring the index up to the trail, as far as one round goes: a trail of years takes more than one."""
    await house.part(AuditIndex).catch_up(STEP_SECONDS)
