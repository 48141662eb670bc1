"""Where the guard finds the grants that fit a request, without a look at the database once they are known.

Grants are kept by key and grantee, and for each grantee by operation and by what their constraints demand, so that a
request is compared with the few grants that could fit it. A grant never changes: when one is made or deleted, only that
one is read anew, by the next request that asks.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.policy.policies import NamedPolicy
from strongroom.services.kms.grants import tables
from strongroom.services.kms.grants.grant import WITH_CONTEXT, Grant
from strongroom.services.kms.grants.grant_principals import ids_of_caller
from strongroom.services.kms.keys import Key

CACHED_GRANTEES_MAX = 50_000
CACHED_GRANTS_MAX = 200_000
GRANTS_PER_READ = 250
_PREFIX = "kms-grants/"


class Grantee(NamedTuple):
    """A key, and the id of somebody who may have grants of it."""

    region: str
    key_id: str
    principal_id: str


def grant_cache_name(grantee: Grantee, grant_id: str) -> str:
    """Return the name under which a grant's making or deletion is announced to the caches."""
    return _PREFIX + "/".join((*grantee, grant_id))


Place = tuple[str, str | None, tuple[str, str] | None]
"""Operation, source ARN and one pair of the encryption context, each as far as it is demanded."""


class GrantsOfGrantee:
    """All grants of one key to one grantee."""

    __slots__ = ("_grants", "_places", "is_loaded", "loading", "stale")

    def __init__(self) -> None:
        self._grants: dict[str, tuple[Place, ...]] = {}
        self._places: dict[Place, dict[str, Grant]] = {}
        self.is_loaded = False
        self.loading = asyncio.Lock()
        self.stale: set[str] = set()

    def __len__(self) -> int:
        return len(self._grants)

    def add(self, grant: Grant) -> None:
        """Add a grant, unless it is there."""
        if grant.grant_id in self._grants:
            return
        places = tuple(self._place(grant, operation) for operation in grant.operations)
        self._grants[grant.grant_id] = places
        for place in places:
            self._places.setdefault(place, {})[grant.grant_id] = grant

    def discard(self, grant_id: str) -> None:
        """Remove a grant, if it is there."""
        for place in self._grants.pop(grant_id, ()):
            there = self._places[place]
            del there[grant_id]
            if not there:
                del self._places[place]

    def _place(self, grant: Grant, operation: str) -> Place:
        source_arn = grant.constraints.source_arn
        pairs = grant.constraints.pairs if operation in WITH_CONTEXT else {}
        places: list[Place] = [(operation, source_arn, pair) for pair in pairs.items()]
        # Of several pairs that are demanded, the one that fewest other grants stand under tells most.
        return min(places, key=lambda place: len(self._places.get(place, ())), default=(operation, source_arn, None))

    def could_fit(self, operation: str, context: Mapping[str, str], source_arn: str | None) -> Iterator[Grant]:
        """Yield the grants that allow `operation`, those whose constraints plainly ask for something else left out."""
        for source in (None,) if source_arn is None else (None, source_arn):
            for pair in (None, *context.items()):
                yield from self._places.get((operation, source, pair), {}).values()


class GrantDirectory:
    """The grants of one house, as far as they were asked for."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: dict[Grantee, GrantsOfGrantee] = {}
        self._grants_read = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names:
            self._known.clear()
        for name in names:
            if name.startswith(_PREFIX):
                region, key_id, principal_id, grant_id = name[len(_PREFIX) :].split("/", 3)
                known = self._known.get(Grantee(region, key_id, principal_id))
                if known is not None:
                    known.stale.add(grant_id)

    async def fitting(
        self,
        call: Call,
        key: Key,
        operation: str,
        context: Mapping[str, str] | None,
        also: Callable[[Grant], bool] | None = None,
    ) -> tuple[NamedPolicy, ...]:
        """Return, for each name that the caller goes by, one of the key's grants that allow this request, if any does.

        Grants to the same principal for the same operation allow the same once they fit: one of them speaks for all.
        `also` is what else a grant has to be.
        """
        demanded = context or {}
        source_arn = call.source.arn if call.source is not None else None
        found: list[NamedPolicy] = []
        for principal_id in ids_of_caller(call.caller):
            grants = await self._grants_of(Grantee(key.region, key.key_id, principal_id))
            for grant in grants.could_fit(operation, demanded, source_arn):
                if grant.constraints.admit(operation, demanded, source_arn) and (also is None or also(grant)):
                    found.append(grant.policy)
                    break
        return tuple(found)

    async def _grants_of(self, grantee: Grantee) -> GrantsOfGrantee:
        known = self._known.get(grantee)
        if known is None:
            if len(self._known) >= CACHED_GRANTEES_MAX or self._grants_read >= CACHED_GRANTS_MAX:
                self._known.clear()
                self._grants_read = 0
            # From here on it is told of changes, so that nothing is missed while it is read.
            known = self._known[grantee] = GrantsOfGrantee()
        # While one request finds out what changed, nothing is marked any more: whoever comes then has to wait for it.
        if known.stale or not known.is_loaded or known.loading.locked():
            async with known.loading:
                if not known.is_loaded:
                    await self._load(grantee, known)
                if known.stale:
                    await self._refresh(grantee, known)
        return known

    async def _load(self, grantee: Grantee, known: GrantsOfGrantee) -> None:
        after = ""
        while True:
            # A page at a time: a read keeps everybody else waiting.
            rows = await self._page(grantee, after)
            self._add(known, (Grant.of(row) for row in rows))
            if len(rows) < GRANTS_PER_READ:
                break
            after = rows[-1].grant_id
            await asyncio.sleep(0)
        known.is_loaded = True

    async def _page(self, grantee: Grantee, after: str) -> Sequence[Any]:
        region, key_id, grantee_id = grantee
        return await self._house.store.read(
            lambda connection: tables.list_grants(
                connection, region, key_id, after, GRANTS_PER_READ, grantee_id=grantee_id
            )
        )

    async def _refresh(self, grantee: Grantee, known: GrantsOfGrantee) -> None:
        while known.stale:
            changed = tuple(known.stale)[:GRANTS_PER_READ]
            known.stale.difference_update(changed)
            try:
                rows = await self._named(grantee, changed)
            except BaseException:
                known.stale.update(changed)
                raise
            for grant_id in changed:
                known.discard(grant_id)
            self._add(known, (Grant.of(row) for row in rows))

    async def _named(self, grantee: Grantee, grant_ids: tuple[str, ...]) -> Sequence[Any]:
        region, key_id, _ = grantee
        return await self._house.store.read(
            lambda connection: tables.select_grants(connection, region, key_id, grant_ids)
        )

    def _add(self, known: GrantsOfGrantee, grants: Iterable[Grant]) -> None:
        before = len(known)
        for grant in grants:
            known.add(grant)
        self._grants_read += len(known) - before
