"""One call of one operation, from the door to its audit record."""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from strongroom.base.context import Origin
from strongroom.operations.callers import NO_TAGS, Caller
from strongroom.operations.registry import Answer, Operation
from strongroom.operations.trail import Reason, Resource
from strongroom.storage.connection import Connection

if TYPE_CHECKING:
    from strongroom.operations.authorize import Requirement
    from strongroom.operations.house import House

T = TypeVar("T")
_numbers = count(1)


class SourceResource(NamedTuple):
    """The resource that a service acts for (`aws:SourceArn`), the account that owns it, and that one's organization.

    `session_keys` are condition keys, in lower case, that a session has which the service begins for the resource.
    """

    arn: str
    account_id: str
    organization_id: str | None = None
    session_keys: Mapping[str, str] = NO_TAGS


class Call:
    """What a handler is given.

    `params` are plain values, validated against the service model. `target` is what the operation's `needs` resolved.
    `region` is the Region that the signature is scoped to. `called_via` names the services that call on the caller's
    behalf, the first one first, none for a direct call. `source` is the resource that a service acts for, when it acts
    for itself. `made` are resources that did not exist before, for the audit trail; `number` tells the calls apart that
    are made on behalf of one request, and is 0 for a direct one; `additional` is what the audit trail tells besides.
    """

    __slots__ = (
        "additional",
        "called_via",
        "caller",
        "house",
        "made",
        "number",
        "operation",
        "origin",
        "params",
        "reason",
        "recorded",
        "region",
        "requirements",
        "source",
        "target",
    )

    def __init__(
        self,
        house: "House",
        operation: Operation,
        params: dict[str, Any],
        caller: Caller,
        origin: Origin,
        region: str,
        called_via: tuple[str, ...] = (),
        source: SourceResource | None = None,
    ) -> None:
        self.house = house
        self.operation = operation
        self.params = params
        self.caller = caller
        self.origin = origin
        self.region = region
        self.called_via = called_via
        self.source = source
        self.target: Any = None
        self.made: tuple[Resource, ...] = ()
        self.number = next(_numbers) if called_via else 0
        self.additional: dict[str, Any] | None = None
        self.requirements: tuple[Requirement, ...] = ()
        self.reason: Reason | None = None
        self.recorded = False

    @property
    def via(self) -> str | None:
        """The service that calls on the caller's behalf (`s3`), None for a direct call."""
        return self.called_via[-1] if self.called_via else None

    @property
    def account_id(self) -> str:
        """The account that the caller belongs to."""
        return self.caller.account_id

    @property
    def serving_region(self) -> str:
        """The Region that the call is answered from: the request's, unless the service has one Region only."""
        return self.operation.service.home_region or self.region

    @property
    def now(self) -> float:
        """The time of the house, in seconds since the epoch."""
        return self.house.clock.now()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` on a consistent view of the database."""
        return await self.house.store.read(query)

    async def write(self, change: Callable[[Connection], T], *, invalidates: Iterable[str] = ()) -> T:
        """Run `change` in one durable transaction, together with this call's audit record.

        `change` may run more than once and must only touch the database. What it returns is given back, and is recorded
        as the answer when it is one (a dict). `invalidates` names the cache entries that the change makes stale.
        """

        def change_and_record(connection: Connection) -> T:
            result = change(connection)
            self.house.audit.insert(connection, self, result if isinstance(result, dict) else None)
            return result

        result = await self.house.store.write(change_and_record, invalidates=invalidates)
        self.recorded = True
        return result

    async def invoke(self, service: str, name: str, params: dict[str, Any], *, region: str | None = None) -> Answer:
        """Call another service's operation on the caller's behalf; authorisation, quota and audit hold for it too.

        `region` is another Region than the call's own, for what the service keeps there as well.
        """
        from strongroom.operations.perform import perform

        return await perform(
            self.house,
            service,
            name,
            params,
            caller=self.caller,
            origin=self.origin,
            region=region or self.region,
            called_via=(*self.called_via, self.operation.service.name),
            source=self.source,
        )
