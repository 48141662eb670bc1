"""Report groups and reports listed. Source: AWS CodeBuild API Reference, the actions named."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.access import account_wide
from strongroom.services.codebuild.paging import ITEMS_PER_PAGE, next_token, position_in
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.access import ReportGroup, about_group
from strongroom.services.codebuild.reports.names import ReportGroupName, ReportName
from strongroom.services.codebuild.service import CODEBUILD

_ORDERS = {
    "NAME": lambda row: (row.name,),
    "CREATED_TIME": lambda row: (row.created_at, row.name),
    "LAST_MODIFIED_TIME": lambda row: (row.modified_at, row.name),
}


def items_per_page(call: Call) -> int:
    """Return how many items an answer may have."""
    return int(call.params.get("maxResults") or ITEMS_PER_PAGE)


@operation(CODEBUILD, "ListReportGroups", needs=account_wide("codebuild:ListReportGroups"), reads_only=True)
async def list_report_groups(call: Call) -> Answer:
    """List the ARNs of report groups. Source: API Reference, ListReportGroups."""
    rows = await call.read(lambda connection: tables.list_groups(connection, call.account_id, call.region))
    order = _ORDERS[call.params.get("sortBy") or "NAME"]
    names = [row.name for row in sorted(rows, key=order, reverse=call.params.get("sortOrder") == "DESCENDING")]
    after, most = position_in(call), items_per_page(call)
    # The page begins behind the name that the last one ended with; one that was deleted since ends the listing.
    begin = names.index(after) + 1 if after in names else 0 if after is None else len(names)
    page = names[begin : begin + most]
    arns = [ReportGroupName(call.account_id, call.region, name).arn for name in page]
    return {"reportGroups": arns} | (next_token(call, page[-1]) if begin + most < len(names) else {})


async def _list_reports(call: Call, group: str | None) -> Answer:
    position, most = position_in(call), items_per_page(call)
    if position is not None and not (position.isascii() and position.isdigit() and len(position) < 19):
        raise errors.invalid_token()
    rows = await call.read(
        lambda connection: tables.list_reports(
            connection,
            call.account_id,
            call.region,
            call.now,
            group=group,
            status=(call.params.get("filter") or {}).get("status"),
            after=None if position is None else int(position),
            limit=most + 1,
            descending=call.params.get("sortOrder") != "ASCENDING",
        )
    )
    page = rows[:most]
    arns = [ReportName(ReportGroupName(call.account_id, call.region, row.report_group), row.uuid).arn for row in page]
    return {"reports": arns} | (next_token(call, str(page[-1].number)) if len(rows) > most else {})


@operation(CODEBUILD, "ListReports", needs=account_wide("codebuild:ListReports"), reads_only=True)
async def list_reports(call: Call) -> Answer:
    """List the ARNs of reports, the newest first unless asked otherwise. Source: API Reference, ListReports."""
    return await _list_reports(call, None)


@operation(
    CODEBUILD,
    "ListReportsForReportGroup",
    needs=about_group("codebuild:ListReportsForReportGroup", "reportGroupArn"),
    reads_only=True,
)
async def list_reports_for_report_group(call: Call) -> Answer:
    """List the ARNs of a report group's reports. Source: API Reference, ListReportsForReportGroup."""
    group: ReportGroup = call.target
    group.existing()
    return await _list_reports(call, group.named.name)


@operation(CODEBUILD, "ListSharedReportGroups", needs=account_wide("codebuild:ListSharedReportGroups"), reads_only=True)
async def list_shared_report_groups(call: Call) -> Answer:
    """List the report groups that others share with the account: none are. Source: ListSharedReportGroups."""
    _refuse_token(call)
    return {"reportGroups": []}


@operation(CODEBUILD, "ListSharedProjects", needs=account_wide("codebuild:ListSharedProjects"), reads_only=True)
async def list_shared_projects(call: Call) -> Answer:
    """List the projects that others share with the account: none are. Source: ListSharedProjects."""
    _refuse_token(call)
    return {"projects": []}


def _refuse_token(call: Call) -> None:
    if call.params.get("nextToken"):
        raise errors.invalid_token()
