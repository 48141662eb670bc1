"""Builds as rows and as answers: what was asked for, what became of it, and the phases in between.

Source: AWS CodeBuild API Reference, Build, BuildPhase, BuildArtifacts, LogsLocation; User Guide, "Build phase
transitions".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from strongroom.base.arn import partition_of
from strongroom.base.clock import as_datetime
from strongroom.operations.callers import Caller
from strongroom.operations.trail import AuditRecord, Resource, service_event
from strongroom.services.codebuild.names import BUILD_TYPE, BuildName, ProjectName
from strongroom.services.codebuild.project_settings import bucket_and_key
from strongroom.services.codebuild.service import CODEBUILD

SUBMITTED, QUEUED, PROVISIONING, DOWNLOAD_SOURCE = "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"
UPLOAD_ARTIFACTS, FINALIZING, COMPLETED = "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"
IN_PROGRESS, SUCCEEDED, FAILED, FAULT = "IN_PROGRESS", "SUCCEEDED", "FAILED", "FAULT"
STOPPED, TIMED_OUT = "STOPPED", "TIMED_OUT"

STATE_CHANGE = "BuildStateChange"

Progress = dict[str, Any]


def name_of(row: Any) -> BuildName:
    """Return how the build of a row is named."""
    return BuildName(ProjectName(row.account_id, row.region, row.project), row.uuid)


def initiator_of(caller: Caller) -> str:
    """Return what a build tells of who started it: a user's name, `ROLE/SESSION`, or the root user's `root`."""
    if caller.identity.type == "AssumedRole":
        return caller.arn.partition("assumed-role/")[2]
    return caller.identity.username or "root"


def begun_progress(submitted_at: float) -> Progress:
    """Return the progress of a build that was just submitted, and waits."""
    submitted = {"name": SUBMITTED, "status": SUCCEEDED, "started_at": submitted_at, "ended_at": submitted_at}
    return {"phases": [submitted, {"name": QUEUED, "started_at": submitted_at}]}


def begin_phase(progress: Progress, name: str, now: float) -> None:
    """Note that a phase begins."""
    progress["phases"].append({"name": name, "started_at": now})


def end_phase(
    progress: Progress, status: str, now: float, code: str = "", message: str = "", told: bool = True
) -> None:
    """Note how the phase in hand ended. `told` is whether it has a context, as all have that run in the sandbox."""
    phase = progress["phases"][-1]
    phase |= {"status": status, "ended_at": now}
    if told:
        phase["context"] = [code, message]


def completed_progress(progress: Progress, now: float) -> Progress:
    """Return the progress with its last phase."""
    begin_phase(progress, COMPLETED, now)
    return progress | {"ended_at": now}


def _shown_phase(phase: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"phaseType": phase["name"], "startTime": as_datetime(phase["started_at"])}
    if "status" in phase:
        shown["phaseStatus"] = phase["status"]
        shown["endTime"] = as_datetime(phase["ended_at"])
        shown["durationInSeconds"] = max(0, int(phase["ended_at"] - phase["started_at"]))
    elif phase["name"] != COMPLETED:
        shown["phaseStatus"] = IN_PROGRESS
    if "context" in phase:
        code, message = phase["context"]
        shown["contexts"] = [{"statusCode": code, "message": message}]
    return shown


def shown_build(row: Any) -> dict[str, Any]:
    """Return a build as answers describe it."""
    named, settings, progress = name_of(row), row.settings, row.progress
    build: dict[str, Any] = {
        "id": named.id,
        "arn": named.arn,
        "buildNumber": row.build_number,
        "startTime": as_datetime(row.submitted_at),
        "currentPhase": progress["phases"][-1]["name"],
        "buildStatus": row.status,
        "projectName": row.project,
        "phases": [_shown_phase(phase) for phase in progress["phases"]],
        "artifacts": progress.get("artifacts") or _planned(settings["artifacts"], named),
        "secondaryArtifacts": progress.get("secondary_artifacts")
        or [_planned(each, named) for each in settings["secondaryArtifacts"]],
        "logs": _shown_logs(settings, named, progress),
        "buildComplete": row.status != IN_PROGRESS,
        "initiator": row.initiator,
    }
    for member in (
        "sourceVersion",
        "source",
        "secondarySources",
        "secondarySourceVersions",
        "cache",
        "environment",
        "serviceRole",
        "timeoutInMinutes",
        "queuedTimeoutInMinutes",
        "encryptionKey",
        "vpcConfig",
    ):
        if member in settings:
            build[member] = settings[member]
    if "autoRetryLimit" in settings:
        build["autoRetryConfig"] = _shown_retries(settings["autoRetryLimit"], progress.get("auto_retry", {}))
    if progress.get("network_interface"):
        build["networkInterface"] = progress["network_interface"]
    if progress.get("report_arns"):
        build["reportArns"] = progress["report_arns"]
    if progress.get("resolved_version"):
        build["resolvedSourceVersion"] = progress["resolved_version"]
    if "ended_at" in progress:
        build["endTime"] = as_datetime(progress["ended_at"])
    if progress.get("exported"):
        build["exportedEnvironmentVariables"] = [
            {"name": name, "value": value} for name, value in progress["exported"].items()
        ]
    return build


def _shown_retries(limit: int, retries: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"autoRetryLimit": limit, "autoRetryNumber": retries.get("number", 0)}
    for member, name in (("nextAutoRetry", "next"), ("previousAutoRetry", "previous")):
        if name in retries:
            shown[member] = retries[name]
    return shown


def artifacts_key(artifacts: Mapping[str, Any], named: BuildName, name: str | None = None) -> str:
    """Return the key below which, or at which, the artifacts of a build are. `name` takes the place of the project's.

    Source: API Reference, ProjectArtifacts: path, then the build's id where namespaceType says so, then name.
    """
    parts = [artifacts.get("path", ""), named.uuid if artifacts["namespaceType"] == "BUILD_ID" else ""]
    parts.append(artifacts["name"] if name is None else name)
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


def shown_artifacts(artifacts: Mapping[str, Any], named: BuildName, key: str, **sums: str) -> dict[str, Any]:
    """Return artifacts as a build tells of them."""
    shown: dict[str, Any] = {
        "location": f"arn:{partition_of(named.project.region)}:s3:::{artifacts['location']}/{key}",
        "encryptionDisabled": artifacts["encryptionDisabled"],
        **sums,
    }
    for member in ("overrideArtifactName", "artifactIdentifier"):
        if member in artifacts:
            shown[member] = artifacts[member]
    return shown


def _planned(artifacts: Mapping[str, Any], named: BuildName) -> dict[str, Any]:
    if artifacts["type"] == "NO_ARTIFACTS":
        return {"location": ""}
    return shown_artifacts(artifacts, named, artifacts_key(artifacts, named))


def log_place(settings: Mapping[str, Any], named: BuildName) -> tuple[str, str] | None:
    """Return the log group and the stream of a build, None when its log does not go to CloudWatch Logs."""
    wanted = (settings.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    if wanted.get("status") == "DISABLED":
        return None
    prefix = wanted.get("streamName")
    return (
        wanted.get("groupName") or f"/aws/codebuild/{named.project.name}",
        f"{prefix}/{named.uuid}" if prefix else named.uuid,
    )


def log_object(settings: Mapping[str, Any], named: BuildName) -> tuple[str, str] | None:
    """Return the bucket and the key of a build's log, None when it does not go to S3."""
    wanted = (settings.get("logsConfig") or {}).get("s3Logs") or {}
    if wanted.get("status") != "ENABLED":
        return None
    bucket, _, prefix = bucket_and_key(wanted["location"])
    return bucket, "/".join(part for part in (prefix.strip("/"), f"{named.uuid}.gz") if part)


def _shown_logs(settings: Mapping[str, Any], named: BuildName, progress: Progress) -> dict[str, Any]:
    wanted = settings.get("logsConfig") or {}
    region, account_id = named.project.region, named.project.account_id
    place, stored = log_place(settings, named), log_object(settings, named)
    shown: dict[str, Any] = {
        "cloudWatchLogs": wanted.get("cloudWatchLogs") or {"status": "ENABLED"},
        "s3Logs": wanted.get("s3Logs") or {"status": "DISABLED", "encryptionDisabled": False},
    }
    if place is not None:
        group, stream = place
        partition = partition_of(region)
        shown["cloudWatchLogsArn"] = f"arn:{partition}:logs:{region}:{account_id}:log-group:{group}:log-stream:{stream}"
        shown["deepLink"] = (
            f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
            f"{quote(group, safe='')}/log-events/{quote(stream, safe='')}"
        )
        if progress.get("is_logged"):
            shown |= {"groupName": group, "streamName": stream}
    if stored is not None:
        shown["s3LogsArn"] = f"arn:{partition_of(region)}:s3:::{stored[0]}/{stored[1]}"
        shown["s3DeepLink"] = f"https://s3.console.aws.amazon.com/s3/object/{stored[0]}/{stored[1]}?region={region}"
    return shown


def state_event(named: BuildName, status: str, phase: str, now: float) -> AuditRecord:
    """Return the record of a change of a build's status.

    Source: User Guide, "Build notifications input format reference" (the detail of a build state change event).
    """
    details = {
        "build-id": named.arn,
        "build-status": status,
        "project-name": named.project.name,
        "current-phase": phase,
    }
    resource = Resource(named.arn, named.project.account_id, BUILD_TYPE)
    return service_event(
        CODEBUILD.name, CODEBUILD.event_source, STATE_CHANGE, named.project.region, resource, now, details
    )
