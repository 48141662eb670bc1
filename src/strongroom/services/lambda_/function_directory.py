"""Where functions are found: by account, Region and name; read from the database once, then kept until a change."""

from collections.abc import Sequence
from typing import Any

from strongroom.identities.compiled import compiled
from strongroom.operations.house import House
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.function import Alias, Function, FunctionPolicy
from strongroom.services.lambda_.function_name import LATEST, function_arn, is_number, qualified
from strongroom.services.lambda_.function_version import Code, FunctionVersion, SealedVariables, UsedLayer
from strongroom.services.lambda_.layers.tables import layers_used_by
from strongroom.storage.connection import Connection

CACHED_FUNCTIONS_MAX = 1_000
VERSION_NUMBER_MAX = 2**31 - 1
_PREFIX = "functions/"

Place = tuple[str, str, str]
"""Account, Region and name."""


def cache_name(account_id: str, region: str, name: str) -> str:
    """Return the name under which a change to a function is announced to the caches."""
    return f"{_PREFIX}{account_id}/{region}/{name}"


class FunctionDirectory:
    """The functions of one house. Nothing here outlives a change to the function, in this process or another."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._functions: dict[Place, Function] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        named = [name for name in names if name.startswith(_PREFIX)]
        if names and not named:
            return
        self._changes_seen += 1
        if not names:
            self._functions.clear()
        for each in named:
            account_id, region, name = each[len(_PREFIX) :].split("/", 2)
            self._functions.pop((account_id, region, name), None)

    async def find(self, account_id: str, region: str, name: str) -> Function | None:
        """Return a function, or None."""
        place = (account_id, region, name)
        function = self._functions.get(place)
        if function is None:
            changes_seen = self._changes_seen
            function = await self._house.store.read(lambda connection: load(connection, *place))
            # What was read may be stale when a change came in meanwhile: it serves this call, and is not kept.
            if function is not None and changes_seen == self._changes_seen:
                if len(self._functions) >= CACHED_FUNCTIONS_MAX:
                    self._functions.clear()
                self._functions[place] = function
        return function

    async def version(self, function: Function, number: int) -> FunctionVersion | None:
        """Return a version of a function by its number, 0 for `$LATEST`, or None."""
        if number == tables.LATEST_NUMBER:
            return function.latest
        found = function.versions.get(number)
        if found is None and number <= VERSION_NUMBER_MAX:
            changes_seen = self._changes_seen
            found = await self._house.store.read(lambda connection: load_version(connection, function, number))
            if found is not None and changes_seen == self._changes_seen:
                function.versions[number] = found
        return found

    async def behind(self, function: Function, qualifier: str) -> FunctionVersion | None:
        """Return the version that a qualifier names (empty: `$LATEST`), or None. An alias with weights chooses."""
        if not qualifier or qualifier == LATEST:
            return function.latest
        if is_number(qualifier):
            # The number 0 is how `$LATEST` is stored, and no name for it.
            number = int(qualifier) if len(qualifier) < 11 else 0
            return await self.version(function, number) if number else None
        alias = function.aliases.get(qualifier)
        return await self.version(function, alias.choose()) if alias is not None else None


async def resolve(house: House, account_id: str, region: str, name: str, qualifier: str) -> FunctionVersion:
    """Return the version that a name and a qualifier (empty, `$LATEST`, number or alias) lead to.

    An alias with weights leads to one of its versions by chance. Raises ResourceNotFoundException.
    """
    directory = house.part(FunctionDirectory)
    function = await directory.find(account_id, region, name)
    found = await directory.behind(function, qualifier) if function is not None else None
    if found is None:
        raise errors.no_such_function(qualified(function_arn(account_id, region, name), qualifier))
    return found


def load(connection: Connection, account_id: str, region: str, name: str) -> Function | None:
    """Return a function as the database has it now, or None."""
    row = tables.select_function(connection, account_id, region, name)
    latest = tables.select_version(connection, row.arn, tables.LATEST_NUMBER) if row is not None else None
    if row is None or latest is None:
        return None
    return Function(
        arn=row.arn,
        account_id=row.account_id,
        region=row.region,
        name=row.name,
        created_at=row.created_at,
        last_number=row.last_number,
        reserved_concurrency=row.reserved_concurrency,
        recursive_loop=row.recursive_loop or "Terminate",
        tags=row.tags or {},
        latest=version_of(connection, row, latest),
        aliases={each.name: alias_of(each) for each in tables.aliases_of(connection, row.arn)},
        policies={each.qualifier: _policy_of(row.arn, each) for each in tables.policies_of(connection, row.arn)},
        event_invoke_configs={
            each.qualifier: {**each.settings, "LastModified": each.modified_at}
            for each in tables.event_invoke_configs_of(connection, row.arn)
        },
    )


def load_version(connection: Connection, function: Function, number: int) -> FunctionVersion | None:
    """Return a version of a function as the database has it now, or None."""
    row = tables.select_version(connection, function.arn, number)
    return version_of(connection, function, row) if row is not None else None


def version_of(connection: Connection, function: Any, row: Any) -> FunctionVersion:
    """Return the version of a row; `function` is the function, or its row."""
    sealed = None
    if row.variables is not None:
        sealed = SealedVariables(row.variables, row.variables_key, row.variables_key_arn)
    layers = (
        UsedLayer(f"{each.layer_arn}:{each.layer_number}", code_of(each))
        for each in layers_used_by(connection, row.arn, row.number)
    )
    return FunctionVersion(
        account_id=function.account_id,
        region=function.region,
        name=function.name,
        function_arn=function.arn,
        number=row.number,
        revision_id=row.revision_id,
        modified_at=row.modified_at,
        settings=row.settings,
        code=code_of(row),
        layers=tuple(layers),
        variables=sealed,
    )


def code_of(row: Any) -> Code:
    """Return the archive of a row."""
    return Code(row.code_id, row.sha256, row.size, row.unzipped_size, row.kms_key_arn)


def alias_of(row: Any) -> Alias:
    """Return the alias of a row."""
    return Alias(row.name, row.number, row.description, row.weights or {}, row.revision_id)


def _policy_of(arn: str, row: Any) -> FunctionPolicy:
    source = f"resource policy of {qualified(arn, row.qualifier)}"
    return FunctionPolicy(row.policy, NamedPolicy(source, compiled(row.policy, PolicyKind.RESOURCE)))
