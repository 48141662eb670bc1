"""ListFunctions and GetAccountSettings. Source: AWS Lambda API Reference, of the same names; recorded answers."""

from typing import Any, NamedTuple

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import account_wide
from strongroom.services.lambda_.concurrency import UNRESERVED_MIN
from strongroom.services.lambda_.function_directory import version_of
from strongroom.services.lambda_.function_name import function_arn
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.paging import page_size, paged, position
from strongroom.services.lambda_.quotas import CONCURRENCY_QUOTA, GIGABYTE, STORAGE_QUOTA, own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.versions import listed
from strongroom.services.lambda_.zip_archives import UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX
from strongroom.storage.connection import Connection


class _Owner(NamedTuple):
    account_id: str
    region: str
    name: str
    arn: str


@operation(
    LAMBDA,
    "ListFunctions",
    needs=account_wide("lambda:ListFunctions"),
    quota=own_quota("ListFunctions"),
    reads_only=True,
)
async def list_functions(call: Call) -> Answer:
    """List the functions of the account in the Region, with FunctionVersion ALL every version of each, by name.

    MasterRegion asks for replicas of functions at the edge: there are none.
    """
    every_version = call.params.get("FunctionVersion") == "ALL"
    if call.params.get("MasterRegion"):
        if not every_version:
            raise errors.invalid_parameter("FunctionVersion must be set to ALL if MasterRegion is specified.")
        return {"Functions": []}
    after = _place(position(call))
    account_id, region = call.account_id, call.region

    def read(connection: Connection) -> list[FunctionVersion]:
        most = page_size(call) + 1
        rows = tables.list_functions(connection, account_id, region, after, most, every_version=every_version)
        return [_version(connection, account_id, region, row) for row in rows]

    def place(version: FunctionVersion) -> str:
        return f"{version.name}:{version.number}"

    versions, next_page = paged(call, await call.read(read), place)
    shown = [
        await listed(call, version, version.qualified_arn if every_version else version.function_arn)
        for version in versions
    ]
    return {"Functions": shown, **next_page}


def _version(connection: Connection, account_id: str, region: str, row: Any) -> FunctionVersion:
    owner = _Owner(account_id, region, row.name, function_arn(account_id, region, row.name))
    return version_of(connection, owner, row)


def _place(begin: str | None) -> tuple[str, int]:
    if begin is None:
        return "", -1
    name, _, number = begin.rpartition(":")
    return name, int(number) if number.isdecimal() and len(number) < 10 else -1


@operation(
    LAMBDA,
    "GetAccountSettings",
    needs=account_wide("lambda:GetAccountSettings"),
    quota=own_quota("GetAccountSettings"),
    reads_only=True,
)
async def get_account_settings(call: Call) -> Answer:
    """Return the account's limits in the Region, and what it uses of them."""
    account_id, region = call.account_id, call.region
    quotas = call.house.quotas
    concurrency = int(quotas.most(CONCURRENCY_QUOTA, account_id, region))

    def read(connection: Connection) -> tuple[int, int, int]:
        return (
            tables.stored_bytes(connection, account_id, region),
            tables.count_functions(connection, account_id, region),
            tables.reserved_concurrency(connection, account_id, region, besides=""),
        )

    used, functions, reserved = await call.read(read)
    return {
        "AccountLimit": {
            "TotalCodeSize": int(quotas.most(STORAGE_QUOTA, account_id, region) * GIGABYTE),
            "CodeSizeUnzipped": UNZIPPED_BYTES_MAX,
            "CodeSizeZipped": ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": concurrency,
            "UnreservedConcurrentExecutions": max(concurrency - reserved, min(UNRESERVED_MIN, concurrency)),
        },
        "AccountUsage": {"TotalCodeSize": used, "FunctionCount": functions},
    }
