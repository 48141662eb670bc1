"""The tables of projects and builds, and every statement that touches them. Times are seconds since the epoch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.engine import Row

from strongroom.services.codebuild.names import BuildName, ProjectName
from strongroom.storage.column_types import JsonText, OrderedText, RowNumber, Timestamp
from strongroom.storage.connection import Connection
from strongroom.storage.schema import metadata

QUEUED, RUNNING, RETRYING, ENDED = "QUEUED", "RUNNING", "RETRYING", "ENDED"
"""Where a build is on its way; how it ended is its status. One that is RETRYING ended, and is to be started again."""

PROJECTS = Table(
    "codebuild_projects",
    metadata,
    Column("account_id", String(12), primary_key=True),
    Column("region", String(64), primary_key=True),
    Column("name", OrderedText, primary_key=True),
    Column("created_at", Timestamp, nullable=False),
    Column("modified_at", Timestamp, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("builds_started", Integer, nullable=False),
    Column("cache_resets", Integer, nullable=False, server_default="0"),
)
"""`settings` are the members of CreateProject, but for the name and the tags."""

BUILDS = Table(
    "codebuild_builds",
    metadata,
    Column("number", RowNumber, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("project", OrderedText, nullable=False),
    Column("uuid", String(36), nullable=False),
    Column("build_number", Integer, nullable=False),
    Column("submitted_at", Timestamp, nullable=False),
    Column("queued_until", Timestamp, nullable=False),
    Column("state", String(8), nullable=False),
    Column("status", String(16), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("initiator", Text, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("progress", JsonText, nullable=False),
    Column("token_digest", String(64)),
    Column("request_digest", String(64)),
    Column("server", String(32)),
    Column("alive_until", Timestamp),
    Column("is_to_stop", Boolean, nullable=False),
    Index("ix_codebuild_builds_uuid", "account_id", "region", "project", "uuid", unique=True),
    Index("ix_codebuild_builds_listed", "account_id", "region", "number"),
    Index("ix_codebuild_builds_state", "state", "number"),
    Index("ix_codebuild_builds_submitted_at", "submitted_at"),
    sqlite_autoincrement=True,
)
"""The order of `number` is that of the queue. `kind` is what concurrent builds are counted by; `settings` are those of
the project as the build began, with what was overridden; `progress` is what became of it. `server` runs it, and says
until when (`alive_until`, by the wall clock) it is to be believed."""


def _this(project: ProjectName) -> Any:
    return (
        (PROJECTS.c.account_id == project.account_id)
        & (PROJECTS.c.region == project.region)
        & (PROJECTS.c.name == project.name)
    )


def select_project(connection: Connection, project: ProjectName) -> Row[Any] | None:
    """Return a project, or None."""
    return connection.execute(select(PROJECTS).where(_this(project))).one_or_none()


def insert_project(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a project."""
    connection.execute(PROJECTS.insert().values(values))


def update_project(connection: Connection, project: ProjectName, values: Mapping[str, Any]) -> bool:
    """Change columns of a project; False when it is gone."""
    return connection.execute(update(PROJECTS).where(_this(project)).values(values)).rowcount == 1


def reset_cache(connection: Connection, project: ProjectName) -> bool:
    """Count one more reset of a project's cache; False when the project is gone."""
    statement = update(PROJECTS).where(_this(project)).values(cache_resets=PROJECTS.c.cache_resets + 1)
    return connection.execute(statement).rowcount == 1


def delete_project(connection: Connection, project: ProjectName) -> bool:
    """Remove a project; its builds stay. False when there is none."""
    return connection.execute(delete(PROJECTS).where(_this(project))).rowcount == 1


def count_projects(connection: Connection, account_id: str, region: str) -> int:
    """Return how many projects an account has in a Region."""
    condition = (PROJECTS.c.account_id == account_id) & (PROJECTS.c.region == region)
    return connection.execute(select(func.count()).select_from(PROJECTS).where(condition)).scalar_one()


def list_projects(connection: Connection, account_id: str, region: str) -> Sequence[Any]:
    """Return the name and the times of every project of an account in a Region, in the order of their names."""
    condition = (PROJECTS.c.account_id == account_id) & (PROJECTS.c.region == region)
    statement = select(PROJECTS.c.name, PROJECTS.c.created_at, PROJECTS.c.modified_at).where(condition)
    return connection.execute(statement.order_by(PROJECTS.c.name)).all()


def next_build_number(connection: Connection, project: ProjectName) -> int | None:
    """Count one more build of a project and return its number; None when the project is gone."""
    statement = (
        update(PROJECTS)
        .where(_this(project))
        .values(builds_started=PROJECTS.c.builds_started + 1)
        .returning(PROJECTS.c.builds_started)
    )
    number: int | None = connection.execute(statement).scalar_one_or_none()
    return number


def _of_build(build: BuildName) -> Any:
    project = build.project
    return (
        (BUILDS.c.account_id == project.account_id)
        & (BUILDS.c.region == project.region)
        & (BUILDS.c.project == project.name)
        & (BUILDS.c.uuid == build.uuid)
    )


def insert_build(connection: Connection, values: Mapping[str, Any]) -> Row[Any]:
    """Insert a build and return its row."""
    return connection.execute(BUILDS.insert().values(values).returning(BUILDS)).one()


def select_build(connection: Connection, build: BuildName) -> Row[Any] | None:
    """Return a build, or None."""
    return connection.execute(select(BUILDS).where(_of_build(build))).one_or_none()


def build_numbered(connection: Connection, number: int) -> Row[Any] | None:
    """Return a build by its row's number, or None."""
    return connection.execute(select(BUILDS).where(BUILDS.c.number == number)).one_or_none()


def build_with_token(connection: Connection, project: ProjectName, token: str, since: float) -> Row[Any] | None:
    """Return a build of a project that was asked for with an idempotency token (its digest) since a time, or None."""
    condition = (
        (BUILDS.c.account_id == project.account_id)
        & (BUILDS.c.region == project.region)
        & (BUILDS.c.project == project.name)
        & (BUILDS.c.token_digest == token)
        & (BUILDS.c.submitted_at >= since)
    )
    return connection.execute(select(BUILDS).where(condition).order_by(BUILDS.c.number.desc()).limit(1)).one_or_none()


def update_build(connection: Connection, number: int, states: Collection[str], values: Mapping[str, Any]) -> bool:
    """Change columns of a build that is in one of some states; False when it is in another, or gone."""
    this = (BUILDS.c.number == number) & BUILDS.c.state.in_(states)
    return connection.execute(update(BUILDS).where(this).values(values)).rowcount == 1


def delete_build(connection: Connection, number: int) -> bool:
    """Remove a build that has ended; False when it has not, or is gone."""
    this = (BUILDS.c.number == number) & (BUILDS.c.state == ENDED)
    return connection.execute(delete(BUILDS).where(this)).rowcount == 1


def old_builds(connection: Connection, before: float, limit: int) -> Sequence[int]:
    """Return the numbers of up to `limit` builds that have ended, and were asked for before a time."""
    this = (BUILDS.c.submitted_at < before) & (BUILDS.c.state == ENDED)
    return connection.execute(select(BUILDS.c.number).where(this).limit(limit)).scalars().all()


def list_builds(
    connection: Connection,
    account_id: str,
    region: str,
    project: str | None,
    after: int | None,
    limit: int,
    *,
    descending: bool,
) -> Sequence[Any]:
    """Return up to `limit` builds of an account, or of one of its projects, in order, beginning behind `after`."""
    number = BUILDS.c.number
    condition = (BUILDS.c.account_id == account_id) & (BUILDS.c.region == region)
    if project is not None:
        condition &= BUILDS.c.project == project
    if after is not None:
        condition &= number < after if descending else number > after
    statement = select(number, BUILDS.c.project, BUILDS.c.uuid).where(condition)
    return connection.execute(statement.order_by(number.desc() if descending else number).limit(limit)).all()


def waiting_builds(connection: Connection) -> Sequence[Any]:
    """Return all builds that wait for their turn, the first one first."""
    columns = (BUILDS.c.number, BUILDS.c.account_id, BUILDS.c.region, BUILDS.c.kind, BUILDS.c.queued_until)
    return connection.execute(select(*columns).where(BUILDS.c.state == QUEUED).order_by(BUILDS.c.number)).all()


def count_builds(connection: Connection, state: str) -> dict[tuple[str, str, str], int]:
    """Return how many builds are in a state, by account, Region and kind."""
    by = (BUILDS.c.account_id, BUILDS.c.region, BUILDS.c.kind)
    statement = select(*by, func.count()).where(BUILDS.c.state == state).group_by(*by)
    return {(account, region, kind): count for account, region, kind, count in connection.execute(statement)}


def count_active(connection: Connection, project: ProjectName) -> int:
    """Return how many builds of a project have not ended."""
    condition = (
        (BUILDS.c.account_id == project.account_id)
        & (BUILDS.c.region == project.region)
        & (BUILDS.c.project == project.name)
        & BUILDS.c.state.in_((QUEUED, RUNNING))
    )
    return connection.execute(select(func.count()).select_from(BUILDS).where(condition)).scalar_one()


def running_builds(connection: Connection) -> Sequence[Row[Any]]:
    """Return all builds that run, or ran when their server ended."""
    return connection.execute(select(BUILDS).where(BUILDS.c.state == RUNNING).order_by(BUILDS.c.number)).all()


def retrying_builds(connection: Connection) -> Sequence[Row[Any]]:
    """Return all builds that ended and are to be started again."""
    return connection.execute(select(BUILDS).where(BUILDS.c.state == RETRYING).order_by(BUILDS.c.number)).all()


def note_alive(connection: Connection, numbers: Collection[int], server: str, alive_until: float) -> None:
    """Note that a server still runs some builds."""
    this = BUILDS.c.number.in_(numbers) & (BUILDS.c.server == server)
    connection.execute(update(BUILDS).where(this).values(alive_until=alive_until))


def to_stop(connection: Connection, numbers: Collection[int]) -> set[int]:
    """Return which of some builds somebody wants to stop."""
    this = BUILDS.c.number.in_(numbers) & BUILDS.c.is_to_stop
    return set(connection.execute(select(BUILDS.c.number).where(this)).scalars())
