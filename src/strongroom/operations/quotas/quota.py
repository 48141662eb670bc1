"""Quotas as data: what services declare, under the codes by which AWS's Service Quotas knows them.

Source: Service Quotas API Reference, "ServiceQuota".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from strongroom.storage.connection import Connection

if TYPE_CHECKING:
    from strongroom.operations.call import Call

VALUE_MAX = 10_000_000_000.0
ID_CHARACTERS_MAX = 64


class ResourceUse(NamedTuple):
    """How much of a resource quota an account uses in a Region."""

    account_id: str
    region: str
    used: float


Measure = Callable[[Connection], Iterable[ResourceUse]]


@dataclass(frozen=True, eq=False)
class Quota:
    """A quota of a service: `code` and `name` are AWS's, `default` is its value unless a Region has another.

    `in_service_quotas` says that Service Quotas shows it, `adjustable` that an increase can be requested there. An
    operator may set any quota.
    """

    service_code: str
    code: str
    name: str
    default: float
    by_region: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    description: str = field(default="", kw_only=True)
    adjustable: bool = field(default=True, kw_only=True)
    in_service_quotas: bool = field(default=True, kw_only=True)

    @cached_property
    def id(self) -> str:
        """What tells it from every other quota: `kms/L-6E3AF000`."""
        return f"{self.service_code}/{self.code}"

    def default_in(self, region: str) -> float:
        """Return its value in a Region where nothing was changed."""
        return self.by_region.get(region, self.default)


@dataclass(frozen=True, eq=False)
class RequestQuota(Quota):
    """A rate in requests a second. `metric` is what AWS's usage metric calls it (`CryptographicOperationsRsa`)."""

    metric: str = field(default="", kw_only=True)

    @cached_property
    def once(self) -> "tuple[Charge, ...]":
        """What one request costs that counts once, against this quota alone."""
        return (Charge(self),)


@dataclass(frozen=True, eq=False)
class ResourceQuota(Quota):
    """A number of resources. `measure` reads how many there are; when it is a number for each of something (aliases for
    each key), it reads the greatest of an account's in a Region.
    """

    measure: Measure | None = field(default=None, kw_only=True)


class Charge(NamedTuple):
    """What a call costs: `requests` tokens of a request quota.

    The account that calls and the Region that it calls pay, unless the charge names others. `scope` tells apart what
    has a bucket of its own within them (the id of a custom key store).
    """

    quota: RequestQuota
    requests: int = 1
    account_id: str | None = None
    region: str | None = None
    scope: str = ""


Charges = Sequence[Charge]
Charging = Callable[["Call"], Charges]
"""Works out what a call costs, once its `needs` have resolved `call.target`."""

QUOTAS: dict[str, Quota] = {}
SERVICE_NAMES: dict[str, str] = {}


def declare(service_name: str, quotas: Iterable[Quota]) -> None:
    """Register quotas of one service; `service_name` is what Service Quotas calls it.

    Raises ValueError for one that is there already, or whose id is too long for the buckets' memory.
    """
    for quota in quotas:
        if quota.id in QUOTAS:
            raise ValueError(f"the quota {quota.id} is declared twice")
        if len(quota.id) > ID_CHARACTERS_MAX or not quota.id.isascii():
            raise ValueError(f"the id of the quota {quota.id} is not ASCII of at most {ID_CHARACTERS_MAX} characters")
        QUOTAS[quota.id] = quota
        SERVICE_NAMES[quota.service_code] = service_name


def find_quota(service_code: str, code: str) -> Quota | None:
    """Return the quota of a service by its code, or None."""
    return QUOTAS.get(f"{service_code}/{code}")


def quotas_named(text: str) -> list[Quota]:
    """Return the quotas that an operator may mean: by code, by service and code, or by name, in any case."""
    wanted = text.lower()
    return [quota for quota in QUOTAS.values() if wanted in (quota.code.lower(), quota.id.lower(), quota.name.lower())]
