"""ListProjects: the names of an account's projects, in one of three orders."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.access import account_wide
from strongroom.services.codebuild.paging import ITEMS_PER_PAGE, next_token, position_in
from strongroom.services.codebuild.service import CODEBUILD

_ORDERS = {
    "NAME": lambda row: (row.name,),
    "CREATED_TIME": lambda row: (row.created_at, row.name),
    "LAST_MODIFIED_TIME": lambda row: (row.modified_at, row.name),
}


@operation(CODEBUILD, "ListProjects", needs=account_wide("codebuild:ListProjects"), reads_only=True)
async def list_projects(call: Call) -> Answer:
    """List the names of projects, a hundred a page. Source: API Reference, ListProjects."""
    rows = await call.read(lambda connection: tables.list_projects(connection, call.account_id, call.region))
    order = _ORDERS[call.params.get("sortBy") or "NAME"]
    names = [row.name for row in sorted(rows, key=order, reverse=call.params.get("sortOrder") == "DESCENDING")]
    after = position_in(call)
    # The page begins behind the name that the last one ended with; one that was deleted since ends the listing.
    begin = names.index(after) + 1 if after in names else 0 if after is None else len(names)
    page = names[begin : begin + ITEMS_PER_PAGE]
    more = begin + ITEMS_PER_PAGE < len(names)
    return {"projects": page} | (next_token(call, page[-1]) if more else {})
