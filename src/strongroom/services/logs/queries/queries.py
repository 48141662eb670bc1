"""Starting, stopping and showing queries. Source: Amazon CloudWatch Logs API Reference, StartQuery and its kin."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import account_wide, on_group
from strongroom.services.logs.groups.directory import Group, GroupDirectory, Place, place_of
from strongroom.services.logs.insights import Query, QueryError, parse_query
from strongroom.services.logs.paging import Page
from strongroom.services.logs.queries import tables
from strongroom.services.logs.queries.results import opened_results
from strongroom.services.logs.queries.runs import QUERIES_MAX, Job, QueryRuns, statistics_of
from strongroom.services.logs.service import LOGS
from strongroom.services.logs.tables import select_query_key
from strongroom.storage.connection import Connection

GROUPS_MAX = 50
ROWS_PER_PAGE = 10_000
CWLI = "CWLI"


def _places(call: Call) -> list[Place]:
    """Return the log groups that StartQuery names, in one of three ways."""
    params = call.params
    given = [params.get(member) for member in ("logGroupName", "logGroupNames", "logGroupIdentifiers")]
    named = [each for each in given if each is not None]
    if len(named) != 1:
        raise errors.invalid_parameter(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
        )
    identifiers = [named[0]] if isinstance(named[0], str) else named[0]
    if not 0 < len(identifiers) <= GROUPS_MAX:
        raise errors.invalid_parameter(f"A query is of 1 to {GROUPS_MAX} log groups.")
    return [place_of(call.account_id, call.region, each) for each in identifiers]


async def _needs_of_start(call: Call) -> Sequence[Requirement]:
    requirements, groups = [], []
    for place in dict.fromkeys(_places(call)):
        group = await call.house.part(GroupDirectory).find(place)
        groups.append(group)
        requirements.append(await on_group(call, place, "logs:StartQuery", group=group))
    call.target = groups
    return requirements


def _parsed(call: Call) -> Query:
    if (call.params.get("queryLanguage") or CWLI) != CWLI:
        raise errors.unsupported(f"Strongroom does not serve queries in {call.params['queryLanguage']} yet.")
    try:
        return parse_query(call.params["queryString"])
    except QueryError as problem:
        location = {"startCharOffset": problem.start, "endCharOffset": problem.end}
        members = {"queryCompileError": {"location": location, "message": problem.message}}
        raise AwsError("MalformedQueryException", problem.message, members=members) from None


@operation(LOGS, "StartQuery", needs=_needs_of_start)
async def start_query(call: Call) -> Answer:
    """Begin a query. Source: API Reference, StartQuery."""
    params, groups = call.params, [group for group in call.target if group is not None]
    if len(groups) < len(call.target):
        raise errors.no_such_group()
    if params["endTime"] < params["startTime"]:
        raise errors.invalid_parameter("End time should not be before start time.")
    query, runs = _parsed(call), call.house.part(QueryRuns)
    if runs.count(call.account_id, call.region) >= QUERIES_MAX:
        raise errors.limit_exceeded("Account maximum query concurrency limit reached.")
    first, last = params["startTime"] * 1000, params["endTime"] * 1000 + 999
    row = await _new_row(call, groups, first, last)

    def write(connection: Connection) -> Answer:
        row["key_arn"] = select_query_key(connection, call.account_id, call.region)
        tables.insert_query(connection, row)
        return {"queryId": row["query_id"]}

    answer = await call.write(write)
    runs.start(row, Job(query, groups, first, last, params.get("limit")))
    return answer


async def _new_row(call: Call, groups: Sequence[Group], first: int, last: int) -> dict[str, Any]:
    names = [group.place.name for group in groups]
    sources = " ".join(f'"{name}"' for name in names)
    row: dict[str, Any] = {
        "query_id": str(uuid.uuid4()),
        "account_id": call.account_id,
        "region": call.region,
        "created_at": int(call.now * 1000),
        "status": "Running",
        "group_name": names[0],
        "group_names": names,
        "requester": call.caller.arn,
        "statistics": {},
    }
    text = f"SOURCE {sources} START={first} END={last} | {call.params['queryString']}"
    row["sealed_text"] = call.house.sealer.seal(text.encode(), tables.TEXT_PLACE.format(**row))
    return row


async def _of_query(call: Call) -> Sequence[Requirement]:
    """Name what GetQueryResults needs: the action on each of the log groups that the query is of."""
    query_id: str = call.params["queryId"]
    row = None
    if "\0" not in query_id:
        row = await call.read(
            lambda connection: tables.select_query(connection, call.account_id, call.region, query_id)
        )
    call.target = row
    if row is None:
        return await account_wide("logs:GetQueryResults")(call)
    places = [Place(call.account_id, call.region, name) for name in row.group_names]
    return [await on_group(call, place, "logs:GetQueryResults") for place in places]


@operation(LOGS, "GetQueryResults", needs=_of_query, reads_only=True)
async def get_query_results(call: Call) -> Answer:
    """Return the status of a query, and what it found once it is complete. Source: API Reference, GetQueryResults."""
    row = call.target
    if row is None:
        raise errors.not_found(f"Query with id: {call.params['queryId']} not found.")
    answer: Answer = {"queryLanguage": CWLI, "results": [], "status": row.status, "statistics": row.statistics}
    if row.key_arn is not None:
        answer["encryptionKey"] = row.key_arn
    progress = call.house.part(QueryRuns).progress(row.query_id)
    if row.status == "Running" and progress is not None:
        answer["statistics"] = statistics_of(progress, 0, len(row.group_names))
    if row.results is None:
        return answer
    page = Page(call, ROWS_PER_PAGE, "maxItems")
    begin, rows = page.number_after(), await opened_results(call.house, row, call.origin)
    answer["results"] = [
        [{"field": name, "value": value} for name, value in each] for each in rows[begin : begin + page.limit]
    ]
    answer["statistics"] = {**row.statistics, "resultCount": float(len(rows))}
    if begin + page.limit < len(rows):
        answer["nextToken"] = page.token(begin + page.limit)
    return answer


@operation(LOGS, "StopQuery", needs=account_wide("logs:StopQuery"))
async def stop_query(call: Call) -> Answer:
    """End a query that runs. Source: API Reference, StopQuery."""
    query_id: str = call.params["queryId"]

    def write(connection: Connection) -> Answer:
        row = None if "\0" in query_id else tables.select_query(connection, call.account_id, call.region, query_id)
        if row is None:
            raise errors.not_found(f"Query with id: {query_id} not found.")
        if not tables.finish_query(connection, query_id, {"status": "Cancelled"}):
            raise errors.invalid_parameter(f"Query with ID {query_id} has already ended with status: {row.status}")
        return {"success": True}

    answer = await call.write(write)
    call.house.part(QueryRuns).stop(query_id)
    return answer


@operation(LOGS, "DescribeQueries", needs=account_wide("logs:DescribeQueries"), reads_only=True)
async def describe_queries(call: Call) -> Answer:
    """List queries, the newest first. Source: API Reference, DescribeQueries."""
    params = call.params
    page = Page(call, 1_000, "maxResults")
    before = _place_before(page)
    if (params.get("queryLanguage") or CWLI) != CWLI:
        return {"queries": []}

    def read(connection: Connection) -> Sequence[Any]:
        return tables.list_queries(
            connection,
            call.account_id,
            call.region,
            before,
            page.limit + 1,
            status=params.get("status"),
            group_name=params.get("logGroupName"),
        )

    def show(row: Any) -> Mapping[str, Any]:
        text = call.house.sealer.open(row.sealed_text, tables.TEXT_PLACE.format(**row._mapping)).decode()
        shown = {
            "queryLanguage": CWLI,
            "queryId": row.query_id,
            "queryString": text,
            "status": row.status,
            "createTime": row.created_at,
            "logGroupName": row.group_name,
            "queryDuration": row.duration_ms,
            "bytesScanned": row.statistics.get("bytesScanned"),
        }
        return {name: value for name, value in shown.items() if value is not None}

    return page.answer("queries", await call.read(read), show, lambda row: [row.created_at, row.query_id])


def _place_before(page: Page) -> tuple[int, str] | None:
    if page.after is None:
        return None
    if not isinstance(page.after, list) or len(page.after) != 2:
        raise errors.invalid_token()
    at, query_id = page.after
    if type(at) is not int or not 0 <= at < 1 << 63 or not isinstance(query_id, str) or "\0" in query_id:
        raise errors.invalid_token()
    return at, query_id
