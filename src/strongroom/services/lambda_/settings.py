"""What a function is configured with: read from requests, with AWS's defaults, and refused where it is not served.

Source: AWS Lambda API Reference, CreateFunction and UpdateFunctionConfiguration; Developer Guide, "Lambda quotas".
"""

from collections.abc import Mapping
from typing import Any

from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.runtimes import checked_runtime

TIMEOUT_SECONDS_MAX = 900
MEMORY_MB_MAX = 10_240

_REFUSED: Mapping[str, str] = {
    "FileSystemConfigs": "file systems for functions",
    "ImageConfig": "functions in container images",
    "CodeSigningConfigArn": "code signing",
    "TenancyConfig": "tenant isolation",
    "CapacityProviderConfig": "capacity providers",
    "DurableConfig": "durable functions",
    "RuntimeConfig": "runtime configurations",
    "AcceleratorConfig": "accelerators",
    "PublishTo": "publishing to anything but a numbered version",
}
"""Members of requests that ask for what there is not. Empty ones ask for nothing."""

_DEFAULTS: Mapping[str, Any] = {
    "Handler": "",
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "PackageType": "Zip",
    "EphemeralStorage": {"Size": 512},
    "Architectures": ["x86_64"],
    "TracingConfig": {"Mode": "PassThrough"},
}
_PLAIN = ("Role", "Runtime", "Handler", "Description", "Timeout", "MemorySize", "EphemeralStorage")


def _is_empty(value: Any) -> bool:
    return not value or (isinstance(value, Mapping) and all(_is_empty(item) for item in value.values()))


def refuse_unserved(params: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValueException for what Strongroom does not have, naming it."""
    for member, what in _REFUSED.items():
        if not _is_empty(params.get(member)):
            raise errors.unsupported(f"{what} ({member})")
    if params.get("PackageType") == "Image" or _image_uri(params):
        raise errors.unsupported("functions in container images (PackageType Image)")
    if (params.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise errors.unsupported("SnapStart")


def _image_uri(params: Mapping[str, Any]) -> str | None:
    return params.get("ImageUri") or (params.get("Code") or {}).get("ImageUri")


def checked_vpc(vpc: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a VpcConfig as it is kept but for its VPC (see vpc_config.py), None for none.

    Raises InvalidParameterValueException.
    """
    if vpc.get("Ipv6AllowedForDualStack"):
        raise errors.unsupported("IPv6 in networks (VpcConfig.Ipv6AllowedForDualStack)")
    subnets, groups = vpc.get("SubnetIds") or (), vpc.get("SecurityGroupIds") or ()
    if bool(subnets) != bool(groups):
        raise errors.invalid_parameter("SubnetIds and SecurityIds must coexist or be both empty list.")
    if not subnets:
        return None
    return {"SubnetIds": list(subnets), "SecurityGroupIds": list(groups), "Ipv6AllowedForDualStack": False}


def created_settings(params: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the settings of a new function. Raises InvalidParameterValueException and ValidationException."""
    if not params.get("Runtime") or not params.get("Handler"):
        raise errors.invalid_parameter(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    return _changed(dict(_DEFAULTS), params, name)


def updated_settings(settings: Mapping[str, Any], params: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return settings with what a request changes of them. Raises as `created_settings` does."""
    return _changed(dict(settings), params, name)


def _changed(settings: dict[str, Any], params: Mapping[str, Any], name: str) -> dict[str, Any]:
    refuse_unserved(params)
    settings |= {member: params[member] for member in _PLAIN if params.get(member) is not None}
    if params.get("Runtime") is not None:
        checked_runtime(params["Runtime"])
    _must_be_at_most(settings["Timeout"], TIMEOUT_SECONDS_MAX, "timeout")
    _must_be_at_most(settings["MemorySize"], MEMORY_MB_MAX, "memorySize")
    for member in ("Handler", "Description"):
        if "\0" in settings[member]:
            raise errors.invalid_parameter(f"{member} must not contain the null character.")
    if (params.get("TracingConfig") or {}).get("Mode") is not None:
        settings["TracingConfig"] = {"Mode": params["TracingConfig"]["Mode"]}
    if params.get("Architectures"):
        settings["Architectures"] = list(params["Architectures"])
    if params.get("DeadLetterConfig") is not None:
        _set_or_drop(settings, "DeadLetterConfig", _dead_letters(params["DeadLetterConfig"]))
    if params.get("VpcConfig") is not None:
        _set_or_drop(settings, "VpcConfig", checked_vpc(params["VpcConfig"]))
    if params.get("KMSKeyArn") is not None:
        _set_or_drop(settings, "KMSKeyArn", params["KMSKeyArn"] or None)
    if params.get("Environment") is not None:
        settings["HasEnvironment"] = True
    settings["LoggingConfig"] = _logging(settings.get("LoggingConfig") or {}, params.get("LoggingConfig") or {}, name)
    return settings


def _set_or_drop(settings: dict[str, Any], member: str, value: Any) -> None:
    settings.pop(member, None)
    if value is not None:
        settings[member] = value


def _must_be_at_most(value: int, most: int, member: str) -> None:
    if value > most:
        raise errors.not_validated(
            f"Value '{value}' at '{member}' failed to satisfy constraint: Member must have value less than or equal to "
            f"{most}"
        )


def _dead_letters(given: Mapping[str, Any]) -> dict[str, Any] | None:
    target = given.get("TargetArn")
    return {"TargetArn": target} if target else None


def _logging(before: Mapping[str, Any], given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a LoggingConfig: levels are there with the format JSON only."""
    log_format = given.get("LogFormat") or before.get("LogFormat") or "Text"
    logging = {
        "LogFormat": log_format,
        "LogGroup": given.get("LogGroup") or before.get("LogGroup") or f"/aws/lambda/{name}",
    }
    for level in ("ApplicationLogLevel", "SystemLogLevel"):
        if log_format == "JSON":
            logging[level] = given.get(level) or before.get(level) or "INFO"
        elif given.get(level):
            raise errors.invalid_parameter(
                f"{level} can be set only if LogFormat is JSON. Set LogFormat to JSON, or remove {level}."
            )
    return logging
