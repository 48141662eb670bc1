"""Which runtimes this machine has, and what of it an execution environment must see for them.

A Python runtime is an interpreter with the packages that AWS's has: Amazon's runtime client and boto3, with what these
need, and nothing else that may be installed beside them. They are mounted where AWS has them, /var/lang and
/var/runtime. The server's own interpreter is one; others are found by their names, if they have the packages.

Source: AWS Lambda Developer Guide, "Lambda runtimes", "Building Lambda functions with Python".
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.runners.sandbox import Mount

TASK_ROOT, RUNTIME_ROOT, LANGUAGE_ROOT, LAYERS_ROOT = "/var/task", "/var/runtime", "/var/lang", "/opt"

_PACKAGES = (
    *("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"),
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"),
)
_DISTRIBUTIONS = ("boto3", "botocore")
"""Those of which programs ask the version."""

_LIBRARIES = (RUNTIME_ROOT, f"{RUNTIME_ROOT}/lib", TASK_ROOT, f"{TASK_ROOT}/lib", f"{LAYERS_ROOT}/lib")

_FIND_SECONDS_MAX = 20.0

_FIND = f"""
import importlib.metadata, importlib.util, json, os, sys, sysconfig
found = {{}}
for name in {_PACKAGES!r}:
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin:
        package = spec.submodule_search_locations
        found[name] = os.path.realpath(package[0] if package else spec.origin)
for name in {_DISTRIBUTIONS!r}:
    try:
        found[name + " distribution"] = os.path.realpath(str(importlib.metadata.distribution(name)._path))
    except importlib.metadata.PackageNotFoundError:
        pass
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
print(json.dumps({{
    "version": "%d.%d" % sys.version_info[:2],
    "executable": os.path.realpath(sys._base_executable or sys.executable),
    "standard_library": os.path.realpath(os.path.dirname(os.__file__)),
    "shared_library": os.path.realpath(library) if ".so" in library and os.path.isfile(library) else None,
    "shared_library_name": os.path.basename(library),
    "packages": found,
}}))
"""


class RuntimeMissing(Exception):  # noqa: N818 (it says what is missing)
    """This machine cannot run a runtime. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What starts a function: a command, but for the handler, and what has to be mounted and hidden for it.

    It has no command where the function brings its own bootstrap.
    """

    command: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()
    hidden: tuple[Path, ...] = ()
    version: str = ""
    """Of Python ("3.11"), empty for a runtime that the function brings along."""

    @property
    def packages_of_host(self) -> Path | None:
        """Where the packages are without a sandbox, among whatever else is installed there."""
        for mount in self.mounts:
            if mount.target == f"{RUNTIME_ROOT}/{_PACKAGES[0]}":
                return mount.source.parent
        return None


class Runtimes:
    """The runtimes of this machine, looked for when one is first asked for."""

    def __init__(self) -> None:
        self._found: dict[str, Runtime] = {}
        self._lock = asyncio.Lock()

    async def find(self, name: str) -> Runtime:
        """Return the runtime that AWS calls `name` (`python3.12`, `provided.al2023`). Raises RuntimeMissing."""
        found = self._found.get(name)
        if found is None:
            async with self._lock:
                if name not in self._found:
                    self._found[name] = await asyncio.to_thread(_look_for, name)
                found = self._found[name]
        return found


def _look_for(name: str) -> Runtime:
    if name.startswith("provided"):
        return Runtime(())
    if not name.startswith("python"):
        raise RuntimeMissing(f"Strongroom does not run {name}")
    reasons = []
    for interpreter in _interpreters(name):
        try:
            return _python(interpreter, name.removeprefix("python"))
        except RuntimeMissing as reason:
            reasons.append(f"{interpreter}: {reason}")
    why = "; ".join(reasons) or f"there is no {name} on this machine"
    raise RuntimeMissing(f"{name} cannot be run here: {why}")


def _interpreters(name: str) -> Iterator[str]:
    """Return the interpreters that may be of a version: the server's own first, then those on the path."""
    seen = set()
    if name == f"python{sys.version_info.major}.{sys.version_info.minor}":
        seen.add(sys.executable)
        yield sys.executable
    elsewhere = sorted(str(path) for path in Path.home().glob(f".pyenv/versions/*/bin/{name}"))
    for path in (shutil.which(name), f"/usr/local/bin/{name}", f"/usr/bin/{name}", *elsewhere):
        if path is not None and path not in seen and Path(path).exists():
            seen.add(path)
            yield path


def _python(interpreter: str, version: str) -> Runtime:
    found = _ask(interpreter)
    packages: dict[str, str] = found["packages"]
    missing = sorted(set(_PACKAGES[:1] + _PACKAGES[4:]).difference(packages))
    if found["version"] != version:
        raise RuntimeMissing(f"it is Python {found['version']}")
    if missing:
        raise RuntimeMissing(f"it has no {', '.join(missing)}")
    library = Path(found["standard_library"])
    executable = f"{LANGUAGE_ROOT}/bin/python{version}"
    mounts = [
        Mount(Path(found["executable"]), executable),
        Mount(library, f"{LANGUAGE_ROOT}/lib/python{version}"),
    ]
    if found["shared_library"]:
        mounts.append(Mount(Path(found["shared_library"]), f"{LANGUAGE_ROOT}/lib/{found['shared_library_name']}"))
    mounts += [Mount(Path(path), f"{RUNTIME_ROOT}/{Path(path).name}") for path in packages.values()]
    # What else was installed for the interpreter is nobody's business in there.
    hidden = [library / "site-packages", library / "dist-packages"]
    return Runtime((executable, "-m", "awslambdaric"), tuple(mounts), tuple(hidden), version)


def _ask(interpreter: str) -> Any:
    try:
        done = subprocess.run(  # noqa: S603 (a path that we found)
            [interpreter, "-I", "-c", _FIND],
            check=False,
            capture_output=True,
            timeout=_FIND_SECONDS_MAX,
            env={},
            cwd="/",
        )
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise RuntimeMissing("it does not start") from None


def search_path(runtime: Runtime, own: str, layers: str = LAYERS_ROOT, runtime_root: str = RUNTIME_ROOT) -> str:
    """Return PYTHONPATH: the function's own, what layers bring, and the packages of the runtime."""
    of_layers = [f"{layers}/python/lib/python{runtime.version}/site-packages", f"{layers}/python"]
    return ":".join([*filter(None, [own]), *of_layers, runtime_root])


def variables(mounts: Sequence[Mount]) -> dict[str, str]:
    """Return what the loader needs to know: where the interpreter's own library is, if it has one."""
    has_library = any(mount.target.startswith(f"{LANGUAGE_ROOT}/lib/lib") for mount in mounts)
    own = [f"{LANGUAGE_ROOT}/lib"] if has_library else []
    return {
        "LD_LIBRARY_PATH": ":".join([*own, "/lib64", "/usr/lib64", *_LIBRARIES]),
        "PATH": f"{LANGUAGE_ROOT}/bin:/usr/local/bin:/usr/bin:/bin:{LAYERS_ROOT}/bin",
    }
