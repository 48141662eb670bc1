"""Where parameters are found: read from the database once, then kept until a change to that very parameter."""

from collections.abc import Sequence

from strongroom.operations.house import House
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.names import Named
from strongroom.services.ssm.parameters import Parameter, parameter_of

CACHED_PARAMETERS_MAX = 5_000
_CACHE_PREFIX = "ssm-parameter/"

Place = tuple[str, str, str]
"""Account, Region and name."""


def parameter_cache_name(account_id: str, region: str, name: str) -> str:
    """Return the name under which a change to a parameter is announced to the caches."""
    return f"{_CACHE_PREFIX}{account_id}/{region}/{name}"


class ParameterDirectory:
    """The parameters of one house, each with its current version.

    Nothing here outlives a change to the parameter, in this process or another.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._parameters: dict[Place, Parameter] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names:
            self._parameters.clear()
            self._changes_seen += 1
        for name in names:
            if name.startswith(_CACHE_PREFIX):
                account_id, region, parameter_name = name[len(_CACHE_PREFIX) :].split("/", 2)
                self._parameters.pop((account_id, region, parameter_name), None)
                self._changes_seen += 1

    def known(self, named: Named) -> Parameter | None:
        """Return the parameter that a request names, if it is at hand and nothing is to be asked about it."""
        parameter = self._parameters.get((named.account_id, named.region, named.names[0]))
        return parameter if parameter is not None and parameter.expires_at is None else None

    async def find(self, account_id: str, region: str, name: str) -> Parameter | None:
        """Return a parameter, or None. One whose time is over is gone, deleted yet or not."""
        place = (account_id, region, name)
        parameter = self._parameters.get(place)
        if parameter is None:
            changes_seen = self._changes_seen
            sealer = self._house.sealer
            row = await self._house.store.read(lambda connection: tables.select_parameter(connection, *place))
            if row is None:
                return None
            parameter = parameter_of(row, sealer)
            # What was read while a change came in may be stale: it serves this request, and is not kept.
            if changes_seen == self._changes_seen:
                if len(self._parameters) >= CACHED_PARAMETERS_MAX:
                    self._parameters.clear()
                self._parameters[place] = parameter
        if parameter.expires_at is not None and parameter.expires_at <= self._house.clock.now():
            return None
        return parameter

    async def find_named(self, named: Named) -> Parameter | None:
        """Return the parameter that a request names, or None."""
        for name in named.names:
            parameter = await self.find(named.account_id, named.region, name)
            if parameter is not None:
                return parameter
        return None


def existing(parameter: Parameter | None) -> Parameter:
    """Return a parameter that is there. Raises ParameterNotFound for None."""
    if parameter is None:
        raise errors.not_found()
    return parameter
