"""Projects: made, changed, deleted and described. Source: AWS CodeBuild API Reference, the actions named."""

from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors, tables
from strongroom.services.codebuild.access import (
    Project,
    about_project,
    about_projects,
    find_project,
    on_project,
    passing_role,
    project_name,
    role_arn_of,
)
from strongroom.services.codebuild.build_images import must_be_allowed
from strongroom.services.codebuild.cache_settings import cache_scope
from strongroom.services.codebuild.names import ProjectName, read_project_name
from strongroom.services.codebuild.project_settings import MEMBERS, completed
from strongroom.services.codebuild.quotas import PROJECTS
from strongroom.services.codebuild.running.caches.local_caches import LocalCaches
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.services.codebuild.service_role import ServiceRole
from strongroom.services.codebuild.tags import read_tags, shown_tags
from strongroom.services.codebuild.vpc_config import check_network
from strongroom.storage.connection import Connection


def shown_project(named: ProjectName, row: Any) -> dict[str, Any]:
    """Return a project as answers describe it."""
    return {
        "name": named.name,
        "arn": named.arn,
        **row.settings,
        "tags": shown_tags(row.tags),
        "created": as_datetime(row.created_at),
        "lastModified": as_datetime(row.modified_at),
        "badge": {"badgeEnabled": False},
        "projectVisibility": "PRIVATE",
    }


def _refuse_badge(call: Call) -> None:
    if call.params.get("badgeEnabled"):
        raise errors.not_served("badgeEnabled", "there are no build badges.")


async def _needs_of_writing(call: Call, action: str) -> Sequence[Requirement]:
    named = project_name(call, call.params["name"])
    project = call.target = await find_project(call, named)
    requirements = [on_project(project, action, call.params)]
    if call.params.get("serviceRole"):
        requirements.append(passing_role(call, role_arn_of(call, call.params["serviceRole"]), named))
    return requirements


async def _needs_of_creation(call: Call) -> Sequence[Requirement]:
    return await _needs_of_writing(call, "codebuild:CreateProject")


async def _needs_of_update(call: Call) -> Sequence[Requirement]:
    return await _needs_of_writing(call, "codebuild:UpdateProject")


async def _with_role(call: Call, sent: dict[str, Any], named: ProjectName) -> dict[str, Any]:
    """Return settings with the ARN of the service role. Raises InvalidInputException for one that is not CodeBuild's.

    That CodeBuild may assume the role is seen by assuming it, as AWS does.
    """
    role_arn = role_arn_of(call, sent["serviceRole"])
    await ServiceRole(call.house, named, role_arn, "AWSCodeBuild").check()
    return sent | {"serviceRole": role_arn}


@operation(CODEBUILD, "CreateProject", needs=_needs_of_creation)
async def create_project(call: Call) -> Answer:
    """Make a project. Source: API Reference, CreateProject."""
    project: Project = call.target
    named = project.named
    _refuse_badge(call)
    settings = completed(call.params, named)
    must_be_allowed(call.house.configuration, settings)
    tags = read_tags(call.params.get("tags"))
    settings = await _with_role(call, settings, named)
    await check_network(call.house, named, settings, settings["serviceRole"])
    now = call.now
    values = {
        "account_id": named.account_id,
        "region": named.region,
        "name": named.name,
        "created_at": now,
        "modified_at": now,
        "settings": settings,
        "tags": tags,
        "builds_started": 0,
    }

    def write(connection: Connection) -> Answer:
        if tables.select_project(connection, named) is not None:
            raise errors.project_exists(named.arn)
        most = call.house.quotas.most(PROJECTS, call.account_id, call.region)
        if tables.count_projects(connection, named.account_id, named.region) >= most:
            raise errors.limit_exceeded(f"Cannot have more than {most} projects")
        tables.insert_project(connection, values)
        return {"project": shown_project(named, tables.select_project(connection, named))}

    return await call.write(write)


@operation(CODEBUILD, "UpdateProject", needs=_needs_of_update)
async def update_project(call: Call) -> Answer:
    """Change the members of a project that the request has; the others stay. Source: API Reference, UpdateProject."""
    project: Project = call.target
    named, row = project.named, project.existing()
    _refuse_badge(call)
    sent = {name: call.params[name] for name in MEMBERS if call.params.get(name) is not None}
    tags = read_tags(call.params["tags"]) if call.params.get("tags") is not None else None
    if sent.get("concurrentBuildLimit") == -1:
        # What takes the limit off. Source: API Reference, UpdateProject.
        sent["concurrentBuildLimit"] = None
    role = await _with_role(call, {"serviceRole": sent["serviceRole"]}, named) if sent.get("serviceRole") else {}
    settings = completed(row.settings | sent, named) | role
    if "environment" in sent:
        must_be_allowed(call.house.configuration, settings)
    if sent.get("vpcConfig") or role:
        await check_network(call.house, named, settings, settings["serviceRole"])

    def write(connection: Connection) -> Answer:
        current = tables.select_project(connection, named)
        if current is None:
            raise errors.no_such_project(named.arn)
        values = {
            "settings": completed(current.settings | sent, named) | role,
            "tags": current.tags if tags is None else tags,
            "modified_at": call.now,
        }
        tables.update_project(connection, named, values)
        return {"project": shown_project(named, tables.select_project(connection, named))}

    return await call.write(write)


@operation(CODEBUILD, "DeleteProject", needs=about_project("codebuild:DeleteProject", "name"))
async def delete_project(call: Call) -> Answer:
    """Delete a project, there or not; its builds stay. Source: API Reference, DeleteProject."""
    project: Project = call.target

    def write(connection: Connection) -> Answer:
        tables.delete_project(connection, project.named)
        return {}

    answer = await call.write(write)
    if project.row is not None:
        call.house.part(LocalCaches).forget(cache_scope(project.named, project.row))
    return answer


def _named_projects(call: Call) -> list[ProjectName]:
    named = [read_project_name(text, call.account_id, call.region) for text in call.params["names"]]
    return [each for each in named if each is not None and each[:2] == (call.account_id, call.region)]


@operation(
    CODEBUILD,
    "BatchGetProjects",
    needs=about_projects("codebuild:BatchGetProjects", _named_projects),
    reads_only=True,
)
async def batch_get_projects(call: Call) -> Answer:
    """Describe up to a hundred projects, by name or by ARN. Source: API Reference, BatchGetProjects."""
    projects: list[Project] = call.target
    rows = {project.named: project.row for project in projects}
    shown, missing = [], []
    for text in dict.fromkeys(call.params["names"]):
        named = read_project_name(text, call.account_id, call.region)
        row = rows.get(named) if named is not None else None
        if named is None or row is None:
            missing.append(text)
        else:
            shown.append(shown_project(named, row))
    return {"projects": shown, "projectsNotFound": missing}
