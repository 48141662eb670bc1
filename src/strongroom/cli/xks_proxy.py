"""`strongroom xks-proxy`: serve keys to the external key stores of a KMS."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from strongroom.base.errors import OperatorError
from strongroom.base.xks_proxy_configuration import XksProxyConfiguration


def xks_proxy(
    configuration: Annotated[XksProxyConfiguration | None, Parameter(name="*")] = None, *, config: Path | None = None
) -> None:
    """Serve keys to the external key stores of a KMS, of AWS or of another Strongroom, until told to stop.

    When it is ready it prints one line on standard output: ready https=URL ca=FILE. Logs go to standard error.

    Parameters
    ----------
    config
        File of settings (TOML); by default strongroom.toml in the data directory or the user's configuration directory.
    """
    from strongroom.server.xks_proxy.run import run_xks_proxy

    if configuration is None:
        raise OperatorError("no keys to serve: name them with xks-key-ids")
    run_xks_proxy(replace(configuration, xks_directory=configuration.xks_directory.expanduser().absolute()))
