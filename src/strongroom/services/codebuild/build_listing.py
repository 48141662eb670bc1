"""Builds described, listed and deleted. Source: AWS CodeBuild API Reference, the actions named."""

from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors, tables
from strongroom.services.codebuild.access import Project, about_project, about_projects, account_wide
from strongroom.services.codebuild.build_record import shown_build
from strongroom.services.codebuild.names import BuildName, ProjectName, read_build_name
from strongroom.services.codebuild.paging import ITEMS_PER_PAGE, next_token, position_in
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.storage.connection import Connection

NOT_FOUND, NOT_ENDED = "BUILD_NOT_FOUND", "BUILD_IN_PROGRESS"


def _own_build(call: Call, text: str) -> BuildName | None:
    named = read_build_name(text, call.account_id, call.region)
    return named if named is not None and named.project[:2] == (call.account_id, call.region) else None


def _projects_of(call: Call) -> list[ProjectName]:
    named = [_own_build(call, text) for text in call.params["ids"]]
    return [each.project for each in named if each is not None]


@operation(CODEBUILD, "BatchGetBuilds", needs=about_projects("codebuild:BatchGetBuilds", _projects_of), reads_only=True)
async def batch_get_builds(call: Call) -> Answer:
    """Describe up to a hundred builds, by id or by ARN. Source: API Reference, BatchGetBuilds."""

    def read(connection: Connection) -> Answer:
        shown, missing = [], []
        for text in dict.fromkeys(call.params["ids"]):
            named = _own_build(call, text)
            row = tables.select_build(connection, named) if named is not None else None
            if row is None:
                missing.append(text)
            else:
                shown.append(shown_build(row))
        return {"builds": shown, "buildsNotFound": missing}

    return await call.read(read)


@operation(CODEBUILD, "BatchDeleteBuilds", needs=about_projects("codebuild:BatchDeleteBuilds", _projects_of))
async def batch_delete_builds(call: Call) -> Answer:
    """Delete up to a hundred builds that have ended. Source: API Reference, BatchDeleteBuilds."""

    def write(connection: Connection) -> Answer:
        deleted, kept = [], []
        for text in dict.fromkeys(call.params["ids"]):
            named = _own_build(call, text)
            row = tables.select_build(connection, named) if named is not None else None
            if named is None or row is None:
                kept.append({"id": text, "statusCode": NOT_FOUND})
            elif tables.delete_build(connection, row.number):
                deleted.append(named.arn)
            else:
                kept.append({"id": text, "statusCode": NOT_ENDED})
        return {"buildsDeleted": deleted, "buildsNotDeleted": kept}

    return await call.write(write)


async def _list(call: Call, project: str | None) -> Answer:
    position = position_in(call)
    if position is not None and not (position.isascii() and position.isdigit() and len(position) < 19):
        raise errors.invalid_token()

    def read(connection: Connection) -> Any:
        return tables.list_builds(
            connection,
            call.account_id,
            call.region,
            project,
            None if position is None else int(position),
            ITEMS_PER_PAGE + 1,
            descending=call.params.get("sortOrder") != "ASCENDING",
        )

    rows = await call.read(read)
    page = rows[:ITEMS_PER_PAGE]
    more = next_token(call, str(page[-1].number)) if len(rows) > ITEMS_PER_PAGE else {}
    return {"ids": [f"{row.project}:{row.uuid}" for row in page]} | more


@operation(CODEBUILD, "ListBuilds", needs=account_wide("codebuild:ListBuilds"), reads_only=True)
async def list_builds(call: Call) -> Answer:
    """List the ids of builds, the newest first unless asked otherwise. Source: API Reference, ListBuilds."""
    return await _list(call, None)


@operation(
    CODEBUILD,
    "ListBuildsForProject",
    needs=about_project("codebuild:ListBuildsForProject", "projectName"),
    reads_only=True,
)
async def list_builds_for_project(call: Call) -> Answer:
    """List the ids of a project's builds. Source: API Reference, ListBuildsForProject."""
    project: Project = call.target
    project.existing()
    return await _list(call, project.named.name)
