"""How functions are told: the FunctionConfiguration of an answer. Source: API Reference, FunctionConfiguration."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.services.lambda_.function_version import FunctionVersion

_SHOWN = (
    "Runtime",
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "KMSKeyArn",
    "DeadLetterConfig",
    "VpcConfig",
    "PackageType",
    "Architectures",
    "EphemeralStorage",
    "TracingConfig",
    "LoggingConfig",
)


def shown_time(at: float) -> str:
    """Return a time as Lambda tells it: `2026-11-30T22:00:00.000+0000`."""
    return datetime.fromtimestamp(int(at * 1000) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _runtime_version_arn(version: FunctionVersion) -> str:
    # AWS names the build of a runtime by a hash. Here the machine's own interpreter runs a function.
    name = hashlib.sha256(version.runtime.encode()).hexdigest()
    return f"arn:{partition_of(version.region)}:lambda:{version.region}::runtime:{name}"


def shown_configuration(
    version: FunctionVersion, environment: dict[str, Any] | None, arn: str, *, with_state: bool = True
) -> dict[str, Any]:
    """Return a FunctionConfiguration; `arn` is the function's as the request named it.

    `environment` is what of it is shown. Listings leave out the state and the runtime's build, as AWS does.
    """
    shown: dict[str, Any] = {
        "FunctionName": version.name,
        "FunctionArn": arn,
        "Version": version.version,
        "RevisionId": version.revision_id,
        "LastModified": shown_time(version.modified_at),
        "CodeSha256": version.code.sha256,
        "CodeSize": version.code.size,
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        **{member: version.settings[member] for member in _SHOWN if member in version.settings},
    }
    if environment is not None:
        shown["Environment"] = environment
    if version.layers:
        shown["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.code.size} for layer in version.layers]
    if with_state:
        shown |= {
            "State": version.state,
            "LastUpdateStatus": "Successful",
            "RuntimeVersionConfig": {"RuntimeVersionArn": _runtime_version_arn(version)},
        }
    return shown
