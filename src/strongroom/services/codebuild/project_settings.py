"""The members of a project: what may be in them, and what CodeBuild fills in. Overrides are held to it too.

Source: AWS CodeBuild API Reference, CreateProject, ProjectSource, ProjectArtifacts, ProjectEnvironment, LogsConfig.
"""

import re
from collections.abc import Mapping
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.buildspec.location import is_inline, is_object
from strongroom.services.codebuild.buildspec.specification import secret_reference
from strongroom.services.codebuild.cache_settings import NO_CACHE, read_cache
from strongroom.services.codebuild.compute import COMPUTE
from strongroom.services.codebuild.names import ProjectName
from strongroom.services.codebuild.source_credentials.credentials import SECRETS_MANAGER, is_secret_arn

Settings = dict[str, Any]

MEMBERS = (
    "description",
    "source",
    "secondarySources",
    "sourceVersion",
    "secondarySourceVersions",
    "artifacts",
    "secondaryArtifacts",
    "cache",
    "environment",
    "serviceRole",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "encryptionKey",
    "vpcConfig",
    "logsConfig",
    "fileSystemLocations",
    "buildBatchConfig",
    "concurrentBuildLimit",
    "autoRetryLimit",
)
"""What CreateProject and UpdateProject take, but for the name, the tags and the badge."""

HOST_IMAGE = "host"
TIMEOUT_MINUTES, QUEUED_TIMEOUT_MINUTES = 60, 480
NO_SOURCE, S3 = "NO_SOURCE", "S3"
GIT_SOURCES = frozenset({"GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED", "BITBUCKET"})

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_]{1,128}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_EMPTY: tuple[Any, ...] = ({}, [], "", None)


def completed(sent: Mapping[str, Any], project: ProjectName) -> Settings:
    """Return settings with what CodeBuild fills in. Raises InvalidInputException for what cannot be."""
    settings = {name: sent[name] for name in MEMBERS if sent.get(name) not in _EMPTY}
    settings.setdefault("timeoutInMinutes", TIMEOUT_MINUTES)
    settings.setdefault("queuedTimeoutInMinutes", QUEUED_TIMEOUT_MINUTES)
    settings.setdefault("encryptionKey", default_key(project))
    settings["cache"] = read_cache(settings.get("cache", {"type": NO_CACHE}))
    settings["source"] = _source(settings["source"], "source", is_first=True)
    settings["secondarySources"] = [
        _source(source, "secondarySources", is_first=False) for source in settings.get("secondarySources", ())
    ]
    settings["artifacts"] = _artifacts(settings["artifacts"], project, "artifacts", is_first=True)
    settings["secondaryArtifacts"] = [
        _artifacts(each, project, "secondaryArtifacts", is_first=False)
        for each in settings.get("secondaryArtifacts", ())
    ]
    _must_differ(settings["secondarySources"], "sourceIdentifier", "secondarySources")
    _must_differ(settings["secondaryArtifacts"], "artifactIdentifier", "secondaryArtifacts")
    settings["environment"] = _environment(settings["environment"])
    network = _network(settings.pop("vpcConfig", {}))
    if network is not None:
        settings["vpcConfig"] = network
    _check_logs(settings.get("logsConfig", {}))
    _check_unserved(settings)
    _check_numbers(settings)
    return settings


def default_key(project: ProjectName) -> str:
    """Return the key of a project that names none: the one that AWS manages for S3."""
    return f"arn:{partition_of(project.region)}:kms:{project.region}:{project.account_id}:alias/aws/s3"


def _network(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a vpcConfig, None for one that takes a project out of its VPC. What it names is checked elsewhere."""
    vpc: dict[str, Any] = {name: value for name, value in sent.items() if value not in _EMPTY}
    if not vpc:
        return None
    for name in ("vpcId", "subnets", "securityGroupIds"):
        if name not in vpc:
            raise errors.invalid_input(f"Invalid vpcConfig: {name} is required with the other members")
    return vpc


def _check_unserved(settings: Settings) -> None:
    if settings.get("fileSystemLocations"):
        raise errors.not_served("fileSystemLocations", "there are no file systems to mount.")
    if settings.get("buildBatchConfig"):
        raise errors.not_served("buildBatchConfig", "batch builds are not served.")


def _check_numbers(settings: Settings) -> None:
    limit = settings.get("concurrentBuildLimit")
    if limit is not None and limit < 1:
        raise errors.invalid_input("Project-level concurrent build limit must be greater than 0")
    if settings.get("autoRetryLimit", 0) < 0:
        raise errors.invalid_input("Invalid auto-retry limit: it must not be negative")


def _must_differ(elements: list[dict[str, Any]], member: str, where: str) -> None:
    identifiers = [each[member] for each in elements]
    if len(set(identifiers)) < len(identifiers):
        raise errors.invalid_input(f"Invalid {where}: each {member} must be unique")


def _source(sent: Mapping[str, Any], where: str, *, is_first: bool) -> dict[str, Any]:
    source = {name: value for name, value in sent.items() if value not in _EMPTY}
    kind, location = source["type"], source.get("location", "")
    if not is_first and not _IDENTIFIER.fullmatch(source.get("sourceIdentifier", "")):
        raise errors.invalid_input(f"Invalid {where}: sourceIdentifier must be letters, digits and underscores")
    if source.get("auth"):
        source["auth"] = _auth(source["auth"], kind, where)
    if source.get("reportBuildStatus") or source.get("buildStatusConfig"):
        raise errors.not_served(f"{where}.reportBuildStatus", "nothing is reported to source providers.")
    if kind == NO_SOURCE:
        if not is_first:
            raise errors.invalid_input(f"Invalid {where}: the type cannot be NO_SOURCE")
        if location:
            raise errors.invalid_input("Invalid project source: location must be empty for the type NO_SOURCE")
        buildspec = source.get("buildspec", "")
        if not is_inline(buildspec) and not is_object(buildspec):
            raise errors.invalid_input(
                "Invalid project source: buildspec must hold the specification itself for the type NO_SOURCE"
            )
    elif kind == S3:
        bucket, _, key = bucket_and_key(location)
        if not _BUCKET.fullmatch(bucket) or not key:
            raise errors.invalid_input("Invalid project source: location must be a valid S3 source")
    elif kind in GIT_SOURCES:
        if not location:
            raise errors.invalid_input(f"Invalid project source: location must be a valid {kind} source")
        if (source.get("gitSubmodulesConfig") or {}).get("fetchSubmodules"):
            raise errors.not_served(f"{where}.gitSubmodulesConfig", "submodules are not fetched.")
    else:
        raise errors.not_served(f"{where}.type {kind}", "sources are NO_SOURCE, S3, or Git over a path or HTTP(S).")
    return source | {"insecureSsl": bool(source.get("insecureSsl"))}


def _auth(sent: Mapping[str, Any], kind: str, where: str) -> dict[str, Any]:
    if sent["type"] != SECRETS_MANAGER:
        raise errors.not_served(f"{where}.auth.type {sent['type']}", f"it must be {SECRETS_MANAGER}.")
    if kind not in GIT_SOURCES or not is_secret_arn(sent.get("resource") or ""):
        raise errors.invalid_input(f"Invalid {where}: auth must name the secret of a Git repository by its ARN")
    return {"type": SECRETS_MANAGER, "resource": sent["resource"]}


def bucket_and_key(location: str) -> tuple[str, str, str]:
    """Return the parts of `BUCKET/KEY`, or of `arn:aws:s3:::BUCKET/KEY`."""
    if location.startswith("arn:"):
        location = location.split(":", 5)[-1]
    return location.partition("/")


def _artifacts(sent: Mapping[str, Any], project: ProjectName, where: str, *, is_first: bool) -> dict[str, Any]:
    artifacts = {name: value for name, value in sent.items() if value not in _EMPTY}
    if not is_first and not _IDENTIFIER.fullmatch(artifacts.get("artifactIdentifier", "")):
        raise errors.invalid_input(f"Invalid {where}: artifactIdentifier must be letters, digits and underscores")
    if artifacts["type"] == "NO_ARTIFACTS":
        if not is_first:
            raise errors.invalid_input(f"Invalid {where}: the type must be S3")
        return {"type": "NO_ARTIFACTS"}
    if artifacts["type"] != S3:
        raise errors.not_served(f"{where}.type {artifacts['type']}", "artifacts are S3 or NO_ARTIFACTS.")
    bucket = bucket_and_key(artifacts.get("location", ""))[0]
    if not _BUCKET.fullmatch(bucket):
        raise errors.invalid_input("Invalid artifacts: location must be a valid S3 bucket")
    if artifacts.get("bucketOwnerAccess", "NONE") != "NONE":
        raise errors.not_served(f"{where}.bucketOwnerAccess", "artifacts belong to the bucket's owner in any case.")
    identifier = artifacts.get("artifactIdentifier")
    defaults = {
        "location": bucket,
        "namespaceType": "NONE",
        "name": identifier if identifier and not is_first else project.name,
        "packaging": "NONE",
        "encryptionDisabled": False,
    }
    return defaults | artifacts | {"location": bucket}


def _environment(sent: Mapping[str, Any]) -> dict[str, Any]:
    environment = {name: value for name, value in sent.items() if value not in _EMPTY}
    for member, why in (
        ("fleet", "builds run on this machine."),
        ("dockerServer", "there is no Docker."),
        ("computeConfiguration", "computeType says what a build may use."),
        ("certificate", "a build trusts this server's authority."),
        ("registryCredential", "images are pulled without credentials."),
        ("hostKernel", "builds run on this machine's kernel."),
    ):
        if environment.get(member):
            raise errors.not_served(f"environment.{member}", why)
    if environment["type"] != "LINUX_CONTAINER":
        raise errors.not_served(f"environment.type {environment['type']}", "it must be LINUX_CONTAINER.")
    if environment["computeType"] not in COMPUTE:
        raise errors.not_served(
            f"environment.computeType {environment['computeType']}", f"it must be one of {', '.join(COMPUTE)}."
        )
    if environment.get("privilegedMode"):
        raise errors.not_served("environment.privilegedMode", "builds run in a sandbox, without privileges.")
    return (
        {"imagePullCredentialsType": "CODEBUILD"}
        | environment
        | {
            "privilegedMode": False,
            "environmentVariables": variables(environment.get("environmentVariables", ())),
        }
    )


def variables(sent: Any) -> list[dict[str, Any]]:
    """Return environment variables, each with its type. Raises InvalidInputException for a name or a reference."""
    found: dict[str, dict[str, Any]] = {}
    for each in sent:
        name, kind = each["name"], each.get("type") or "PLAINTEXT"
        if not _VARIABLE.fullmatch(name):
            raise errors.invalid_input(f"Invalid environment variable name: {name}")
        if name.startswith("CODEBUILD_"):
            raise errors.invalid_input(f"Invalid environment variable name, CODEBUILD_ is reserved: {name}")
        if name in found:
            raise errors.invalid_input(f"Duplicate environment variable name: {name}")
        if "\0" in each["value"]:
            raise errors.invalid_input(f"Invalid value of the environment variable {name}")
        if kind == "SECRETS_MANAGER" and secret_reference(each["value"]) is None:
            raise errors.invalid_input(
                f"Invalid value of the environment variable {name}: it must be "
                "secret-id:json-key:version-stage:version-id"
            )
        if kind == "PARAMETER_STORE" and not each["value"]:
            raise errors.invalid_input(f"Invalid value of the environment variable {name}: it must name a parameter")
        found[name] = {"name": name, "value": each["value"], "type": kind}
    return list(found.values())


def _check_logs(logs: Mapping[str, Any]) -> None:
    to_s3 = logs.get("s3Logs") or {}
    if to_s3.get("status") == "ENABLED":
        if not _BUCKET.fullmatch(bucket_and_key(to_s3.get("location") or "")[0]):
            raise errors.invalid_input("Invalid logsConfig: s3Logs location must be a valid S3 bucket")
        if (to_s3.get("bucketOwnerAccess") or "NONE") != "NONE":
            raise errors.not_served("logsConfig.s3Logs.bucketOwnerAccess", "logs belong to the bucket's owner.")
    to_group = logs.get("cloudWatchLogs") or {}
    for member in ("groupName", "streamName"):
        name = to_group.get(member) or ""
        if len(name) > 400 or "\0" in name or ":" in name or "*" in name:
            raise errors.invalid_input(f"Invalid logsConfig: cloudWatchLogs {member} is not valid")
