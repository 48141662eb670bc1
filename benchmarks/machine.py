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


def _configuration() -> str:
    """How this Python was configured; a distribution may optimise it by other means all the same."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return f"configured {'with' if '--enable-optimizations' in arguments else 'without'} --enable-optimizations"


def touch_memory(directory: Path, size_bytes: int) -> None:
    """Have the machine own as much memory for its page cache as `size_bytes`, by writing a file and deleting it.

    The host of a virtual machine gives memory when it is touched for the first time, which costs several times what
    writing to it costs afterwards. It is the host's price, and nobody's who is measured.
    """
    block, path = bytes(16 * 1024**2), directory / "touched"
    with path.open("wb") as file:
        for _ in range(size_bytes // len(block)):
            file.write(block)
    path.unlink()


def describe() -> str:
    """Return cores, processor, kernel, Python and the libraries that the figures hang on."""
    build = _configuration()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "httptools", "cryptography"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{core_count()} cores of {_processor()}, {memory:.0f} GiB, Linux {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()} ({build}); {libraries}"
    )
