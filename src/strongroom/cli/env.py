"""`strongroom env`: what an AWS client needs to know to use this server."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from strongroom.cli.store_options import StoreOptions

Format = Literal["shell", "json", "profile"]


def env(
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    *,
    format: Format = "shell",
    account: str | None = None,
    config: Path | None = None,
) -> None:
    """Print the variables that point AWS clients at this server, with an account root's access key.

    Use it so: eval "$(strongroom env)"; aws kms list-keys

    Parameters
    ----------
    format
        shell: export lines; json: one object; profile: a profile for ~/.aws/config.
    account
        Account id of another account than the server's first (see `strongroom accounts`).
    config
        File of settings (TOML); by default strongroom.toml in the data directory or the user's configuration directory.
    """
    variables = connection_variables(store or StoreOptions(), account)
    if format == "json":
        import json

        print(json.dumps(variables, indent=2))
    elif format == "profile":
        print(as_profile(variables))
    else:
        print(as_shell(variables, os.environ))


def connection_variables(store: StoreOptions, account_id: str | None = None) -> dict[str, str]:
    """Return the variables by name. Raises OperatorError when no server was ever ready on this data."""
    import asyncio
    import time

    from strongroom.cli.known_server import known_server
    from strongroom.server.root_access import read_root_access_key

    endpoint, configuration = known_server(store)
    account_id = account_id or endpoint.account_id
    credential = asyncio.run(read_root_access_key(configuration, time.time(), account_id))
    return {
        "AWS_ENDPOINT_URL": endpoint.https,
        "AWS_ACCESS_KEY_ID": credential.caller.identity.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credential.secret_access_key,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_CA_BUNDLE": endpoint.ca_bundle,
        # Else clients would look for `stream-` before the host's name, where Live Tail of CloudWatch Logs is on AWS.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "STRONGROOM_HTTP_ENDPOINT_URL": endpoint.http,
        "STRONGROOM_ACCOUNT_ID": account_id,
    }


def as_shell(variables: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Return lines for a shell's `eval`.

    Variables in `environment` that would make AWS clients go elsewhere, or sign otherwise, are unset; no others.
    """
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    stray = [name for name in sorted(environment) if name in ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_PROFILE")]
    stray += [name for name in sorted(environment) if name.startswith("AWS_ENDPOINT_URL_")]
    return "\n".join([*lines, *(f"unset {name}" for name in stray)])


def as_profile(variables: Mapping[str, str]) -> str:
    """Return a profile named `strongroom` for `~/.aws/config`."""
    return "\n".join(
        [
            "[profile strongroom]",
            f"endpoint_url = {variables['AWS_ENDPOINT_URL']}",
            f"aws_access_key_id = {variables['AWS_ACCESS_KEY_ID']}",
            f"aws_secret_access_key = {variables['AWS_SECRET_ACCESS_KEY']}",
            f"region = {variables['AWS_DEFAULT_REGION']}",
            f"ca_bundle = {variables['AWS_CA_BUNDLE']}",
            f"disable_host_prefix_injection = {variables['AWS_DISABLE_HOST_PREFIX_INJECTION']}",
        ]
    )
