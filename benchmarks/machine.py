"""The machine that the figures belong to, in one line."""

import os
import platform
import sysconfig
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import core_count


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _is_optimised() -> bool:
    """Whether this Python was built with profile-guided optimisation, as distributions do it."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return "--enable-optimizations" in arguments or "-fprofile-use" in str(sysconfig.get_config_var("PY_CFLAGS") or "")


def describe() -> str:
    """Return cores, processor, kernel, Python and the libraries that the figures hang on."""
    build = "optimised build" if _is_optimised() else "build without --enable-optimizations"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "httptools", "cryptography"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{core_count()} cores of {_processor()}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()} ({build}); {libraries}"
    )
