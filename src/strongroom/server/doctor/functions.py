"""What functions need to run, and to be held to their limits."""

import asyncio
import os
import platform
from dataclasses import replace

from strongroom.base.configuration import Configuration
from strongroom.runners.cgroups import Controller
from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.memory_directory import NoMemoryFileSystem, memory_file_system
from strongroom.runners.probe import Probe, SandboxUnavailable, probe_now
from strongroom.runners.sandbox import prepare
from strongroom.runners.seccomp import seccomp_filter
from strongroom.server.doctor.finding import Finding, limited, missing, ok
from strongroom.services.lambda_.invocation.runtimes import RuntimeMissing, Runtimes
from strongroom.services.lambda_.runtimes import SERVED

_NO_FUNCTIONS = "functions do not start"
_DELEGATE = "run the server as root, or as a systemd service with Delegate=yes"
_MEMORY_BYTES_SCARCE = 256 * MEBIBYTE


def sandbox(configuration: Configuration) -> Finding:
    """Look whether a sandbox can be made, by making one."""
    if configuration.sandbox == "unsafe":
        without = "a function reads, reaches and changes all that the server may, keys and data among it"
        return limited("turned off by the setting sandbox = unsafe", without, "set it to bubblewrap")
    found = probe_now(is_server=False)
    if found.refusal is not None:
        return missing(found.refusal, _NO_FUNCTIONS, "as it says; or, for functions that are trusted, sandbox = unsafe")
    try:
        milliseconds = asyncio.run(_start_nothing(found))
    except SandboxUnavailable as error:
        return missing(str(error), _NO_FUNCTIONS, "as it says; or, for functions that are trusted, sandbox = unsafe")
    users = found.job_users
    user = "this user" if users is None else f"a user from {users[0]} to {users[-1]}"
    return ok(f"{found.version} ({found.bubblewrap}); a job runs as {user}, and begins in {milliseconds:.0f} ms")


async def _start_nothing(found: Probe) -> float:
    """Return the milliseconds that a sandbox takes to run the command that does nothing."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    # Control groups are for the server to prepare.
    made = await prepare(limits=Limits(), ports=1, found=replace(found, cgroups=None))
    try:
        await made.run(["/bin/sh", "-c", ":"], {}, "/")
        await made.wait()
        return (loop.time() - begin) * 1000
    finally:
        await made.close()


def system_calls(configuration: Configuration) -> Finding:
    """Look whether dangerous system calls can be refused."""
    if seccomp_filter() is None:
        without = "the sandbox lacks its second layer"
        return limited(f"no filter is known for {platform.machine()}", without, "run on x86_64 or aarch64")
    return ok("dangerous ones are refused (seccomp)")


def memory_limit(configuration: Configuration) -> Finding:
    """Look by which means a function is held to its memory."""
    return _limit("memory", "each process of a function may have the function's memory for itself")


def process_limit(configuration: Configuration) -> Finding:
    """Look by which means a function is held to a number of processes."""
    return _limit("pids", "")


def processor_limit(configuration: Configuration) -> Finding:
    """Look by which means a function is held to its share of the processors."""
    return _limit("cpu", "a busy function takes the processors from all others")


def _limit(controller: Controller, without: str) -> Finding:
    found = probe_now(is_server=False)
    means = found.means(controller)
    if means in ("cgroup-v1", "cgroup-v2"):
        return ok(f"by control groups, version {means[-1]}")
    why = found.not_limited.get(controller, "")
    how = "not held to" if means == "nothing" else "by rlimits"
    words = f"{how}, for control groups cannot be used ({why})"
    return limited(words, without, _DELEGATE) if without else ok(words)


def memory_files(configuration: Configuration) -> Finding:
    """Look for a file system in memory: code and certificates of functions never touch a disk in clear."""
    try:
        directory = memory_file_system()
    except NoMemoryFileSystem as error:
        return missing(str(error), _NO_FUNCTIONS, "mount -t tmpfs -o mode=1777 tmpfs /dev/shm")
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    found = f"{directory}; {free / MEBIBYTE:,.0f} MiB are free"
    if status.f_flag & os.ST_NOEXEC:
        without = "functions that bring programs or compiled modules along do not run"
        return limited(f"{found}; mounted noexec", without, f"mount -o remount,exec {directory}")
    if free < _MEMORY_BYTES_SCARCE:
        return limited(found, "large functions do not fit", f"mount -o remount,size=50% {directory}")
    return ok(found)


def runtimes(configuration: Configuration) -> Finding:
    """Look for the runtimes that functions can have: interpreters with the packages that AWS's have."""
    here, reasons = [], []
    for name in SERVED:
        try:
            asyncio.run(Runtimes().find(name))
            here.append(name)
        except RuntimeMissing as reason:
            reasons.append(str(reason))
    if not any(name.startswith("python") for name in here):
        remedy = "pip install 'strongroom[server]' for one of these interpreters"
        return missing("; ".join(reasons), "Python functions do not start", remedy)
    return ok(", ".join(here))
