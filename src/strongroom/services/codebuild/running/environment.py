"""The environment variables of a build that are CodeBuild's own.

Source: AWS CodeBuild User Guide, "Environment variables in build environments".
"""

from collections.abc import Mapping
from typing import Any

from strongroom.runners.credentials_endpoint import PATH
from strongroom.services.codebuild.build_record import log_place, name_of
from strongroom.services.codebuild.project_settings import S3, bucket_and_key

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_variables() -> dict[str, str]:
    """Return what a build finds unless its image or itself says otherwise."""
    return {"PATH": PROGRAMS, "LANG": "C.UTF-8", "TERM": "dumb", "CI": "true"}


def own_variables(row: Any, directory: str, others: dict[str, str], resolved_version: str) -> dict[str, str]:
    """Return CodeBuild's variables. `others` are the directories of secondary sources, by their identifiers."""
    named, settings = name_of(row), row.settings
    place = log_place(settings, named)
    region = named.project.region
    found = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CODEBUILD_BUILD_ARN": named.arn,
        "CODEBUILD_BUILD_ID": named.id,
        "CODEBUILD_BUILD_IMAGE": settings["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(row.build_number),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": row.initiator,
        "CODEBUILD_KMS_KEY_ID": settings["encryptionKey"],
        "CODEBUILD_LOG_PATH": place[1] if place is not None else "",
        "CODEBUILD_PROJECT_ARN": named.project.arn,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": resolved_version,
        "CODEBUILD_SOURCE_REPO_URL": _url_of(settings["source"]),
        "CODEBUILD_SOURCE_VERSION": settings.get("sourceVersion", ""),
        "CODEBUILD_SRC_DIR": directory,
        "CODEBUILD_START_TIME": str(int(row.submitted_at * 1000)),
    }
    versions = {each["sourceIdentifier"]: each["sourceVersion"] for each in settings.get("secondarySourceVersions", ())}
    for source in settings["secondarySources"]:
        identifier = source["sourceIdentifier"]
        found[f"CODEBUILD_SRC_DIR_{identifier}"] = others[identifier]
        found[f"CODEBUILD_SOURCE_REPO_URL_{identifier}"] = _url_of(source)
        found[f"CODEBUILD_SOURCE_VERSION_{identifier}"] = versions.get(identifier, "")
    return found


def _url_of(source: Mapping[str, Any]) -> str:
    if source["type"] != S3:
        return str(source.get("location", ""))
    bucket, _, key = bucket_and_key(source["location"])
    return f"s3://{bucket}/{key}"


def endpoint_variables(credentials: str, token: str, api: str, authority: str) -> dict[str, str]:
    """Return what leads AWS clients to the role's credentials and to this server; no `api` where there is none."""
    found = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{credentials}{PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
    }
    if api:
        found |= {"AWS_ENDPOINT_URL": f"https://{api}", "AWS_CA_BUNDLE": authority}
    return found
