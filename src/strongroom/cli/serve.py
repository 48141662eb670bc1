"""`strongroom serve`: run the server."""

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from strongroom.base.configuration import Configuration


def serve(
    configuration: Annotated[Configuration | None, Parameter(name="*")] = None, *, config: Path | None = None
) -> None:
    """Run the server until it is told to stop (SIGTERM or Ctrl-C).

    When it is ready it prints one line on standard output: ready https=URL http=URL. Logs go to standard error.

    Parameters
    ----------
    config
        File of settings (TOML); by default strongroom.toml in the data directory or the user's configuration directory.
    """
    # Starting makes next to nothing that is not kept: to look for garbage would only take time. The server begins with
    # it when it is ready.
    gc.disable()
    _import_structlog()
    from strongroom.cli.passphrase import with_passphrase
    from strongroom.server.run import run

    chosen = with_passphrase(configuration or Configuration())
    run(replace(chosen, data=chosen.data.expanduser().absolute()))


def _import_structlog() -> None:
    # It would import rich, for tracebacks, and so would Python a megabyte of code. The log has none (see server.logs).
    rich = sys.modules.get("rich")
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        if rich is None:
            del sys.modules["rich"]
        else:
            sys.modules["rich"] = rich
