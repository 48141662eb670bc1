"""The tables of report groups and reports, and every statement that touches them. Times are seconds since the epoch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Index, String, Table, Text, delete, func, select, update
from sqlalchemy.engine import Row

from strongroom.services.codebuild.reports.names import ReportGroupName, ReportName
from strongroom.storage.column_types import JsonText, OrderedText, RowNumber, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata
from strongroom.storage.sealed_column import Sealed

GENERATING, SUCCEEDED, FAILED, INCOMPLETE = "GENERATING", "SUCCEEDED", "FAILED", "INCOMPLETE"

RESULTS_PLACE = "codebuild_reports/{account_id}/{region}/{report_group}/{uuid}"

REPORT_GROUPS = Table(
    "codebuild_report_groups",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("type", String(16), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("modified_at", Timestamp, nullable=False),
    Column("export_config", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
)

REPORTS = Table(
    "codebuild_reports",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("report_group", OrderedText, nullable=False),
    Column("uuid", String(36), nullable=False),
    Column("type", String(16), nullable=False),
    Column("build_arn", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("status", String(16), nullable=False),
    Column("export_config", JsonText, nullable=False),
    Column("is_truncated", Boolean, nullable=False),
    Column("summary", JsonText),
    Column("sealed_results", Sealed(RESULTS_PLACE)),
    Index("ix_codebuild_reports_uuid", "account_id", "region", "report_group", "uuid", unique=True),
    Index("ix_codebuild_reports_listed", "account_id", "region", "number"),
    Index("ix_codebuild_reports_group", "account_id", "region", "report_group", "number"),
    Index("ix_codebuild_reports_expires_at", "expires_at"),
    Index("ix_codebuild_reports_build", "build_arn"),
    sqlite_autoincrement=True,
)
"""`summary` are the numbers of all results, `sealed_results` the results themselves, as many as are kept."""

_DESCRIBED = [column for column in REPORTS.c if column.name != "sealed_results"]


def _this(group: ReportGroupName) -> Any:
    columns = REPORT_GROUPS.c
    return (columns.account_id == group.account_id) & (columns.region == group.region) & (columns.name == group.name)


def select_group(connection: Connection, group: ReportGroupName) -> Row[Any] | None:
    """Return a report group, or None."""
    return connection.execute(select(REPORT_GROUPS).where(_this(group))).one_or_none()


def insert_group(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a report group."""
    connection.execute(REPORT_GROUPS.insert().values(values))


def update_group(connection: Connection, group: ReportGroupName, values: Mapping[str, Any]) -> bool:
    """Change columns of a report group; False when it is gone."""
    return connection.execute(update(REPORT_GROUPS).where(_this(group)).values(values)).rowcount == 1


def delete_group(connection: Connection, group: ReportGroupName) -> bool:
    """Remove a report group, without its reports. False when there is none."""
    return connection.execute(delete(REPORT_GROUPS).where(_this(group))).rowcount == 1


def count_groups(connection: Connection, account_id: str, region: str) -> int:
    """Return how many report groups an account has in a Region."""
    condition = (REPORT_GROUPS.c.account_id == account_id) & (REPORT_GROUPS.c.region == region)
    return connection.execute(select(func.count()).select_from(REPORT_GROUPS).where(condition)).scalar_one()


def list_groups(connection: Connection, account_id: str, region: str) -> Sequence[Any]:
    """Return the name and the times of every report group of an account in a Region, in the order of their names."""
    columns = REPORT_GROUPS.c
    condition = (columns.account_id == account_id) & (columns.region == region)
    statement = select(columns.name, columns.created_at, columns.modified_at).where(condition)
    return connection.execute(statement.order_by(columns.name)).all()


def _of_group(group: ReportGroupName) -> Any:
    columns = REPORTS.c
    return (
        (columns.account_id == group.account_id)
        & (columns.region == group.region)
        & (columns.report_group == group.name)
    )


def _of_report(report: ReportName) -> Any:
    return _of_group(report.group) & (REPORTS.c.uuid == report.uuid)


def insert_report(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a report."""
    connection.execute(REPORTS.insert().values(values))


def select_report(connection: Connection, report: ReportName, now: float) -> Row[Any] | None:
    """Return a report without its results, or None; one that has expired is none."""
    statement = select(*_DESCRIBED).where(_of_report(report) & (REPORTS.c.expires_at > now))
    return connection.execute(statement).one_or_none()


def select_results(connection: Connection, report: ReportName, now: float) -> Row[Any] | None:
    """Return a report with its results, or None; one that has expired is none."""
    return connection.execute(select(REPORTS).where(_of_report(report) & (REPORTS.c.expires_at > now))).one_or_none()


def update_generating(connection: Connection, report: ReportName, values: Mapping[str, Any]) -> bool:
    """Change columns of a report that is still being made; False when it is not, or gone."""
    this = _of_report(report) & (REPORTS.c.status == GENERATING)
    return connection.execute(update(REPORTS).where(this).values(values)).rowcount == 1


def abandon_reports(connection: Connection, build_arn: str) -> None:
    """Note that the reports that a build was making will never be whole: the build has ended."""
    this = (REPORTS.c.build_arn == build_arn) & (REPORTS.c.status == GENERATING)
    connection.execute(update(REPORTS).where(this).values(status=INCOMPLETE))


def delete_report(connection: Connection, report: ReportName) -> bool:
    """Remove a report. False when there is none."""
    return connection.execute(delete(REPORTS).where(_of_report(report))).rowcount == 1


def delete_reports_of(connection: Connection, group: ReportGroupName) -> None:
    """Remove all reports of a report group."""
    connection.execute(delete(REPORTS).where(_of_group(group)))


def has_reports(connection: Connection, group: ReportGroupName, now: float) -> bool:
    """Return whether a report group has reports that have not expired."""
    statement = select(REPORTS.c.number).where(_of_group(group) & (REPORTS.c.expires_at > now)).limit(1)
    return connection.execute(statement).one_or_none() is not None


def list_reports(
    connection: Connection,
    account_id: str,
    region: str,
    now: float,
    *,
    group: str | None,
    status: str | None,
    after: int | None,
    limit: int,
    descending: bool,
) -> Sequence[Any]:
    """Return up to `limit` reports of an account, or of one of its groups, in order, beginning behind `after`."""
    columns, number = REPORTS.c, REPORTS.c.number
    condition = (columns.account_id == account_id) & (columns.region == region) & (columns.expires_at > now)
    if group is not None:
        condition &= columns.report_group == group
    if status is not None:
        condition &= columns.status == status
    if after is not None:
        condition &= number < after if descending else number > after
    statement = select(number, columns.report_group, columns.uuid).where(condition)
    return connection.execute(statement.order_by(number.desc() if descending else number).limit(limit)).all()


def newest_summaries(connection: Connection, group: ReportGroupName, now: float, limit: int) -> Sequence[Any]:
    """Return the newest reports of a group that have a summary, the newest one first."""
    columns = REPORTS.c
    condition = _of_group(group) & (columns.expires_at > now) & columns.status.in_((SUCCEEDED, FAILED))
    statement = select(columns.uuid, columns.summary).where(condition).order_by(columns.number.desc()).limit(limit)
    return connection.execute(statement).all()


def expired_reports(connection: Connection, now: float, limit: int) -> Collection[int]:
    """Return the numbers of up to `limit` reports that have expired."""
    statement = select(REPORTS.c.number).where(REPORTS.c.expires_at <= now).order_by(REPORTS.c.expires_at)
    return connection.execute(statement.limit(limit)).scalars().all()


def delete_numbered(connection: Connection, numbers: Collection[int]) -> None:
    """Remove reports by their numbers."""
    connection.execute(delete(REPORTS).where(REPORTS.c.number.in_(numbers)))
