"""Report groups: made, changed, deleted and described. Source: AWS CodeBuild API Reference, the actions named."""

from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.quotas import REPORT_GROUPS
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.access import (
    ReportGroup,
    about_group,
    about_groups,
    about_new_group,
    own_group,
)
from strongroom.services.codebuild.reports.export_config import read_export_config
from strongroom.services.codebuild.reports.names import ReportGroupName
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.services.codebuild.tags import read_tags, shown_tags
from strongroom.storage.connection import Connection


def shown_group(named: ReportGroupName, row: Any) -> dict[str, Any]:
    """Return a report group as answers describe it."""
    return {
        "arn": named.arn,
        "name": named.name,
        "type": row.type,
        "exportConfig": row.export_config,
        "created": as_datetime(row.created_at),
        "lastModified": as_datetime(row.modified_at),
        "tags": shown_tags(row.tags),
        "status": "ACTIVE",
    }


@operation(CODEBUILD, "CreateReportGroup", needs=about_new_group("codebuild:CreateReportGroup"))
async def create_report_group(call: Call) -> Answer:
    """Make a report group. Source: API Reference, CreateReportGroup."""
    named = call.target.named
    values = {
        "account_id": named.account_id,
        "region": named.region,
        "name": named.name,
        "type": call.params["type"],
        "created_at": call.now,
        "modified_at": call.now,
        "export_config": read_export_config(call.params["exportConfig"]),
        "tags": read_tags(call.params.get("tags")),
    }
    most = call.house.quotas.most(REPORT_GROUPS, call.account_id, call.region)

    def write(connection: Connection) -> Answer:
        if tables.select_group(connection, named) is not None:
            raise errors.report_group_exists(named.arn)
        if tables.count_groups(connection, named.account_id, named.region) >= most:
            raise errors.limit_exceeded(f"Cannot have more than {most} report groups")
        tables.insert_group(connection, values)
        return {"reportGroup": shown_group(named, tables.select_group(connection, named))}

    return await call.write(write)


@operation(CODEBUILD, "UpdateReportGroup", needs=about_group("codebuild:UpdateReportGroup", "arn"))
async def update_report_group(call: Call) -> Answer:
    """Change where a report group's files go, or its tags. Source: API Reference, UpdateReportGroup."""
    group: ReportGroup = call.target
    group.existing()
    values: dict[str, Any] = {"modified_at": call.now}
    if call.params.get("exportConfig") is not None:
        values["export_config"] = read_export_config(call.params["exportConfig"])
    if call.params.get("tags") is not None:
        values["tags"] = read_tags(call.params["tags"])

    def write(connection: Connection) -> Answer:
        if not tables.update_group(connection, group.named, values):
            raise errors.no_such_report_group(group.named.arn)
        return {"reportGroup": shown_group(group.named, tables.select_group(connection, group.named))}

    return await call.write(write)


@operation(CODEBUILD, "DeleteReportGroup", needs=about_group("codebuild:DeleteReportGroup", "arn"))
async def delete_report_group(call: Call) -> Answer:
    """Delete a report group, there or not, with its reports if asked to. Source: API Reference, DeleteReportGroup."""
    group: ReportGroup = call.target

    def write(connection: Connection) -> Answer:
        if not call.params.get("deleteReports") and tables.has_reports(connection, group.named, call.now):
            raise errors.invalid_input(f"Report group has reports, which must be deleted first: {group.named.arn}")
        tables.delete_reports_of(connection, group.named)
        tables.delete_group(connection, group.named)
        return {}

    return await call.write(write)


def _named_groups(call: Call) -> list[ReportGroupName]:
    named = [own_group(call, arn) for arn in call.params["reportGroupArns"]]
    return [each for each in named if each is not None]


@operation(
    CODEBUILD,
    "BatchGetReportGroups",
    needs=about_groups("codebuild:BatchGetReportGroups", _named_groups),
    reads_only=True,
)
async def batch_get_report_groups(call: Call) -> Answer:
    """Describe up to a hundred report groups. Source: API Reference, BatchGetReportGroups."""

    def read(connection: Connection) -> Answer:
        shown, missing = [], []
        for arn in dict.fromkeys(call.params["reportGroupArns"]):
            named = own_group(call, arn)
            row = tables.select_group(connection, named) if named is not None else None
            if named is None or row is None:
                missing.append(arn)
            else:
                shown.append(shown_group(named, row))
        return {"reportGroups": shown, "reportGroupsNotFound": missing}

    return await call.read(read)
