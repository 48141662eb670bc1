"""What the kernel lets this user make: the namespaces that sandboxes and private networks are built of.

Sources: namespaces(7), user_namespaces(7).
"""

import os
from pathlib import Path

from strongroom.base.configuration import Configuration
from strongroom.server.doctor.finding import Finding, limited, missing, ok

_KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_WITHOUT = "functions, builds and private networks do not start"
_SWITCHES = {
    "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=15000"),
}
"""Where a kernel is told to refuse ordinary users, by which value, and how that is undone."""


def namespaces(configuration: Configuration) -> Finding:
    """Look at what the kernel has, and whether it refuses it to this user. Whether a sandbox can be made, is tried."""
    own = Path("/proc/self/ns")
    absent = [kind for kind in _KINDS if not (own / kind).exists()]
    if absent:
        return missing(f"the kernel has no namespaces of the kind {', '.join(absent)}", _WITHOUT, "another kernel")
    for name, (refusing, remedy) in _SWITCHES.items():
        if os.geteuid() != 0 and _value(name) == refusing:
            return limited(f"{name.replace('/', '.')} is {refusing}", _WITHOUT, f"{remedy}, or run the server as root")
    return ok("the kernel has all kinds, and lets this user make them")


def _value(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""
