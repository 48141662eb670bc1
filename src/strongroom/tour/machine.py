"""What this machine can do for the tour: why not, and what to install."""

import asyncio
import importlib.util
import shutil
import sys
from functools import cache
from pathlib import Path

from strongroom.runners.networks.keeping import why_no_networks
from strongroom.runners.probe import probe_now
from strongroom.services.lambda_.invocation.runtimes import RuntimeMissing, Runtimes

PYTHON_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

SANDBOX_REMEDY = "to mend: apt-get install bubblewrap; `strongroom doctor` says what else a sandbox needs"
NETWORKS_REMEDY = "to mend: run the tour as root, or where user namespaces and nftables are allowed"
FUNCTIONS_REMEDY = "to mend: pip install 'strongroom[server]' for this interpreter"
POSTGRESQL_REMEDY = "to mend: apt-get install postgresql"


@cache
def why_no_sandbox() -> str | None:
    """Return why nothing can be contained here, or None."""
    return probe_now(is_server=False).refusal


@cache
def why_no_private_networks() -> str | None:
    """Return why no VPC can be in force here, or None."""
    return asyncio.run(why_no_networks())


@cache
def why_no_python_functions() -> str | None:
    """Return why no Python function can run here, or None."""
    try:
        asyncio.run(Runtimes().find(PYTHON_RUNTIME))
    except RuntimeMissing as missing:
        return str(missing)
    return None


def why_no_postgresql() -> str | None:
    """Return why no PostgreSQL can be started here, or None."""
    return None if postgresql_programs() is not None else "PostgreSQL's initdb and postgres are not installed"


def postgresql_programs() -> Path | None:
    """Return the directory of PostgreSQL's programs, of the newest version that is installed, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    return next((path for path in found if (path / "initdb").exists() and (path / "postgres").exists()), None)


def has_program(name: str) -> bool:
    """Whether a program is on the path."""
    return shutil.which(name) is not None


def has_module(name: str) -> bool:
    """Whether a Python package is installed."""
    return importlib.util.find_spec(name) is not None
