"""Builds: started, started again, stopped. Source: AWS CodeBuild API Reference, the actions named."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors, tables
from strongroom.services.codebuild.access import (
    Project,
    build_name,
    find_project,
    on_project,
    passing_role,
    project_name,
    role_arn_of,
)
from strongroom.services.codebuild.build_images import must_be_allowed
from strongroom.services.codebuild.build_record import (
    COMPLETED,
    IN_PROGRESS,
    STOPPED,
    SUBMITTED,
    Progress,
    begun_progress,
    completed_progress,
    end_phase,
    initiator_of,
    name_of,
    shown_build,
    state_event,
)
from strongroom.services.codebuild.names import BuildName
from strongroom.services.codebuild.overrides import overridden, settings_of_build
from strongroom.services.codebuild.project_settings import Settings
from strongroom.services.codebuild.queue import BuildQueue
from strongroom.services.codebuild.quotas import CONCURRENT, QUEUED_TIMES
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.services.codebuild.service_role import ServiceRole
from strongroom.services.codebuild.vpc_config import must_be_possible
from strongroom.storage.connection import Connection

TOKEN_SECONDS = 300
"""How long an idempotency token is remembered. Source: API Reference, StartBuild."""


async def _needs_of_starting(call: Call) -> Sequence[Requirement]:
    named = project_name(call, call.params["projectName"])
    project = call.target = await find_project(call, named)
    requirements = [on_project(project, "codebuild:StartBuild", overridden(call.params))]
    if call.params.get("serviceRoleOverride"):
        requirements.append(passing_role(call, role_arn_of(call, call.params["serviceRoleOverride"]), named))
    return requirements


@operation(CODEBUILD, "StartBuild", needs=_needs_of_starting)
async def start_build(call: Call) -> Answer:
    """Put a build into the queue. Source: API Reference, StartBuild."""
    project: Project = call.target
    row, params = project.existing(), call.params
    settings = settings_of_build(row.settings, params, project.named)
    if params.get("serviceRoleOverride"):
        settings["serviceRole"] = role_arn_of(call, params["serviceRoleOverride"])
        await ServiceRole(call.house, project.named, settings["serviceRole"], "AWSCodeBuild").check()
    return await _enqueue(call, project, settings)


async def _enqueue(call: Call, project: Project, settings: Settings, retried: Any = None) -> Answer:
    """Write a build that waits, and have the queue look.

    `retried` is the row of the build that it takes the place of, when that failed and is to be started again by itself.
    Raises InvalidInputException for an image or a VPC that cannot be.
    """
    must_be_allowed(call.house.configuration, settings)
    await must_be_possible(call.house, settings)
    named = project.named
    sent = call.params.get("idempotencyToken")
    token, digest = (_digest(sent), _digest(call.params)) if sent else (None, None)
    now = call.now
    build = BuildName(named, str(uuid.uuid4()))
    kind = settings["environment"]["computeType"]
    values = {
        "account_id": named.account_id,
        "region": named.region,
        "project": named.name,
        "uuid": build.uuid,
        "submitted_at": now,
        "queued_until": now + 60 * settings["queuedTimeoutInMinutes"],
        "state": tables.QUEUED,
        "status": IN_PROGRESS,
        "kind": kind,
        "initiator": initiator_of(call.caller),
        "settings": settings,
        "token_digest": token,
        "request_digest": digest,
        "is_to_stop": False,
    }
    concurrent = call.house.quotas.most(CONCURRENT[kind], call.account_id, call.region)

    def write(connection: Connection) -> Answer:
        known = _known(connection, project, token, digest, now)
        if known is not None:
            return {"build": shown_build(known)}
        _check_limits(connection, project, settings, concurrent)
        number = tables.next_build_number(connection, named)
        if number is None:
            raise errors.no_such_project(named.arn)
        progress = begun_progress(now) if retried is None else _after(connection, retried, build, now)
        row = tables.insert_build(connection, values | {"build_number": number, "progress": progress})
        call.house.audit.insert_event(connection, state_event(build, IN_PROGRESS, SUBMITTED, now))
        return {"build": shown_build(row)}

    answer = await call.write(write)
    call.house.part(BuildQueue).wake()
    return answer


def _after(connection: Connection, retried: Any, build: BuildName, now: float) -> Progress:
    """Return the progress of a build that takes another one's place, and write down in that one's that it does.

    Raises InvalidInputException when a third one does.
    """
    retries = retried.progress.get("auto_retry", {})
    told = retried.progress | {"auto_retry": retries | {"next": build.arn}}
    values = {"state": tables.ENDED, "progress": told}
    if not tables.update_build(connection, retried.number, (tables.RETRYING,), values):
        raise errors.invalid_input(f"Build {name_of(retried).id} was retried a moment ago")
    number = retries.get("number", 0) + 1
    return begun_progress(now) | {"auto_retry": {"number": number, "previous": name_of(retried).arn}}


def _digest(sent: Any) -> str:
    return hashlib.sha256(json.dumps(sent, sort_keys=True, default=str).encode()).hexdigest()


def _known(connection: Connection, project: Project, token: str | None, digest: str | None, now: float) -> Any:
    """Return the build that the same request asked for a moment ago. Raises InvalidInputException for another one."""
    if token is None:
        return None
    row = tables.build_with_token(connection, project.named, token, now - TOKEN_SECONDS)
    if row is not None and row.request_digest != digest:
        raise errors.invalid_input("Idempotency token was used with other parameters before")
    return row


def _check_limits(connection: Connection, project: Project, settings: Settings, concurrent: int) -> None:
    """Raise AccountLimitExceededException when no more builds may be started, or may wait."""
    named = project.named
    limit = project.existing().settings.get("concurrentBuildLimit")
    if limit is not None and tables.count_active(connection, named) >= limit:
        raise errors.limit_exceeded(f"Cannot have more than {limit} active builds for the project {named.name}")
    kind = settings["environment"]["computeType"]
    waiting = tables.count_builds(connection, tables.QUEUED).get((named.account_id, named.region, kind), 0)
    most = max(concurrent, 1) * QUEUED_TIMES
    if waiting >= most:
        raise errors.limit_exceeded(f"Cannot have more than {most} builds in queue for the account")


class _Found:
    """A build that a request names, with its project, each there or not."""

    def __init__(self, named: BuildName, project: Project, row: Any) -> None:
        self.named = named
        self.project = project
        self._row = row

    def existing(self) -> Any:
        """Return the row. Raises ResourceNotFoundException."""
        if self._row is None:
            raise errors.no_such_build(self.named.arn)
        return self._row


async def _needs_of_one(call: Call, action: str) -> Sequence[Requirement]:
    text = call.params.get("id")
    if text is None:
        raise errors.invalid_input("Build ID is required")
    named = build_name(call, text)
    project = await find_project(call, named.project)
    row = await call.read(lambda connection: tables.select_build(connection, named))
    call.target = _Found(named, project, row)
    return (on_project(project, action),)


async def _needs_of_retrying(call: Call) -> Sequence[Requirement]:
    return await _needs_of_one(call, "codebuild:RetryBuild")


async def _needs_of_stopping(call: Call) -> Sequence[Requirement]:
    return await _needs_of_one(call, "codebuild:StopBuild")


@operation(CODEBUILD, "RetryBuild", needs=_needs_of_retrying)
async def retry_build(call: Call) -> Answer:
    """Start a build that ended once more, as it was. Source: API Reference, RetryBuild."""
    found: _Found = call.target
    row = found.existing()
    if row.status == IN_PROGRESS:
        raise errors.invalid_input(f"Build {found.named.id} is in progress, and cannot be retried")
    found.project.existing()
    return await _enqueue(call, found.project, row.settings, row if row.state == tables.RETRYING else None)


@operation(CODEBUILD, "StopBuild", needs=_needs_of_stopping)
async def stop_build(call: Call) -> Answer:
    """Stop a build: one that waits never begins, one that runs is ended. Source: API Reference, StopBuild."""
    found: _Found = call.target
    number, now = found.existing().number, call.now

    def write(connection: Connection) -> Answer:
        row = tables.build_numbered(connection, number)
        if row is None:
            raise errors.no_such_build(found.named.arn)
        if row.state == tables.QUEUED:
            progress = row.progress
            end_phase(progress, STOPPED, now, told=False)
            progress = completed_progress(progress, now)
            values = {"state": tables.ENDED, "status": STOPPED, "progress": progress}
            tables.update_build(connection, number, (tables.QUEUED,), values)
            call.house.audit.insert_event(connection, state_event(found.named, STOPPED, COMPLETED, now))
        elif row.state == tables.RUNNING:
            tables.update_build(connection, number, (tables.RUNNING,), {"is_to_stop": True})
        return {"build": shown_build(tables.build_numbered(connection, number))}

    answer = await call.write(write)
    call.house.part(BuildQueue).stop_build(number)
    return answer
