"""What the environment variables of a running function are.

Source: AWS Lambda Developer Guide, "Working with Lambda environment variables" (defined runtime environment variables).
"""

from collections.abc import Mapping

from strongroom.runners.sandbox import Sandbox
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation import runtimes
from strongroom.services.lambda_.invocation.role_session import RoleSession
from strongroom.services.lambda_.invocation.runtimes import LAYERS_ROOT, RUNTIME_ROOT, TASK_ROOT, Runtime
from strongroom.services.lambda_.invocation.system_log import JSON

CA_BUNDLE = "/var/strongroom/ca.pem"


def environment_of(
    version: FunctionVersion,
    runtime: Runtime,
    sandbox: Sandbox,
    session: RoleSession,
    own: Mapping[str, str],
    stream: str,
    runtime_root: str = RUNTIME_ROOT,
) -> dict[str, str]:
    """Return the variables of a function: those that its own may replace, its `own`, and those that they may not."""
    given = {
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": "/tmp",  # noqa: S108 (the sandbox's own)
        "AWS_EC2_METADATA_DISABLED": "true",
        **runtimes.variables(runtime.mounts),
    }
    reserved = {
        "_HANDLER": version.handler,
        "AWS_DEFAULT_REGION": version.region,
        "AWS_REGION": version.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": version.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": version.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": sandbox.addresses[0],
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "LAMBDA_TASK_ROOT": sandbox.path(TASK_ROOT),
        "LAMBDA_RUNTIME_DIR": runtime_root,
    }
    if len(sandbox.addresses) > 1:
        given["AWS_ENDPOINT_URL"] = f"https://{sandbox.addresses[1]}"
        given["AWS_CA_BUNDLE"] = sandbox.path(CA_BUNDLE)
    if version.log_format == JSON:
        reserved["AWS_LAMBDA_LOG_FORMAT"] = JSON
        reserved["AWS_LAMBDA_LOG_LEVEL"] = str(version.logging.get("ApplicationLogLevel") or "INFO")
    if runtime.version:
        # Standard output itself: messages come as frames through the same pipe as everything that is printed.
        reserved["_LAMBDA_TELEMETRY_LOG_FD"] = "1"
        layers = sandbox.path(LAYERS_ROOT)
        reserved["PYTHONPATH"] = runtimes.search_path(runtime, own.get("PYTHONPATH", ""), layers, runtime_root)
    return given | dict(own) | reserved
