"""What StartBuild overrides: the settings of one build, from those of its project.

Source: AWS CodeBuild API Reference, StartBuild.
"""

from collections.abc import Mapping
from typing import Any

from strongroom.services.codebuild import errors
from strongroom.services.codebuild.names import ProjectName
from strongroom.services.codebuild.project_settings import Settings, completed, variables

_WHOLE = {
    "secondarySourcesOverride": "secondarySources",
    "secondarySourcesVersionOverride": "secondarySourceVersions",
    "sourceVersion": "sourceVersion",
    "artifactsOverride": "artifacts",
    "secondaryArtifactsOverride": "secondaryArtifacts",
    "cacheOverride": "cache",
    "serviceRoleOverride": "serviceRole",
    "timeoutInMinutesOverride": "timeoutInMinutes",
    "queuedTimeoutInMinutesOverride": "queuedTimeoutInMinutes",
    "encryptionKeyOverride": "encryptionKey",
    "autoRetryLimitOverride": "autoRetryLimit",
}
_OF_SOURCE = {
    "sourceTypeOverride": "type",
    "sourceLocationOverride": "location",
    "sourceAuthOverride": "auth",
    "gitCloneDepthOverride": "gitCloneDepth",
    "gitSubmodulesConfigOverride": "gitSubmodulesConfig",
    "buildspecOverride": "buildspec",
    "insecureSslOverride": "insecureSsl",
    "reportBuildStatusOverride": "reportBuildStatus",
    "buildStatusConfigOverride": "buildStatusConfig",
}
_OF_ENVIRONMENT = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "certificateOverride": "certificate",
    "privilegedModeOverride": "privilegedMode",
    "registryCredentialOverride": "registryCredential",
    "imagePullCredentialsTypeOverride": "imagePullCredentialsType",
    "fleetOverride": "fleet",
    "hostKernelOverride": "hostKernel",
}


def overridden(params: Mapping[str, Any]) -> Settings:
    """Return the members that a request overrides, as those of a project."""
    found: Settings = {member: params[name] for name, member in _WHOLE.items() if params.get(name) is not None}
    source = {member: params[name] for name, member in _OF_SOURCE.items() if params.get(name) is not None}
    environment = {member: params[name] for name, member in _OF_ENVIRONMENT.items() if params.get(name) is not None}
    if params.get("environmentVariablesOverride"):
        environment["environmentVariables"] = params["environmentVariablesOverride"]
    if params.get("logsConfigOverride") is not None:
        found["logsConfig"] = params["logsConfigOverride"]
    if source:
        found["source"] = source
    if environment:
        found["environment"] = environment
    return found


def settings_of_build(project: Settings, params: Mapping[str, Any], named: ProjectName) -> Settings:
    """Return the settings of a build. Raises InvalidInputException for overrides that cannot be."""
    if params.get("debugSessionEnabled"):
        raise errors.not_served("debugSessionEnabled", "nobody can connect to a build.")
    changed = overridden(params)
    source, environment = changed.pop("source", {}), changed.pop("environment", {})
    if source.get("type", project["source"]["type"]) != project["source"]["type"]:
        # What belonged to the other type goes with it.
        kept = {
            name: project["source"][name] for name in ("buildspec", "sourceIdentifier") if name in project["source"]
        }
    else:
        kept = project["source"]
    added = environment.pop("environmentVariables", [])
    of_project = {each["name"]: each for each in project["environment"]["environmentVariables"]}
    together = of_project | {each["name"]: each for each in variables(added)}
    logs = dict(project.get("logsConfig", {})) | {
        name: value for name, value in changed.pop("logsConfig", {}).items() if value is not None
    }
    return completed(
        project
        | changed
        | {
            "source": kept | source,
            "environment": project["environment"] | environment | {"environmentVariables": list(together.values())},
            "logsConfig": logs,
        },
        named,
    )
