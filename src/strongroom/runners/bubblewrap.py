"""What bubblewrap is told: which of the host's files a job sees, and what is made for it."""

from collections.abc import Sequence
from pathlib import Path

from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.relay import Route

USER_ID = 993
"""User and group of a job, as it sees itself."""

HOME = "/tmp"  # noqa: S108  The job's own, see options().

_SHARED_MEMORY_BYTES = 16 * MEBIBYTE
_TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
)

_HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"

FILES = {
    "/etc/passwd": (
        b"root:x:0:0:root:/root:/usr/sbin/nologin\n"
        b"sandbox:x:%(id)d:%(id)d::/tmp:/usr/sbin/nologin\n"
        b"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" % {b"id": USER_ID}
    ),
    "/etc/group": b"root:x:0:\nsandbox:x:%d:\nnogroup:x:65534:\n" % USER_ID,
    "/etc/hosts": _HOSTS,
    "/etc/hostname": b"sandbox\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n",
    "/etc/resolv.conf": b"",
}
"""Files of the sandbox's own, in the place of the host's."""


def hosts(routes: Sequence[Route]) -> bytes:
    """Return /etc/hosts, with the names of what is outside."""
    names = {route.name: route.address for route in routes if route.name is not None}
    return _HOSTS + "".join(f"{address} {name}\n" for name, address in names.items()).encode()


def options(limits: Limits, mounts: Sequence[tuple[str, str, bool]], hidden: Sequence[Path]) -> list[str]:
    """Return the options that make the sandbox, but for what comes from FILES.

    `mounts` are sources and targets, and whether they are for writing. The order matters: what is bound first may be
    covered by what comes later.
    """
    made = ["--unshare-user", "--uid", str(USER_ID), "--gid", str(USER_ID), "--disable-userns"]
    made += ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"]
    made += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    made += ["--ro-bind", "/usr", "/usr"]
    for name in _TOP_LEVEL:
        path = Path("/", name)
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            made += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        made += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    made += ["--proc", "/proc", "--dev", "/dev"]
    made += ["--size", str(_SHARED_MEMORY_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
    made += ["--size", str(limits.temporary_bytes), "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    made += ["--perms", "0755", "--dir", "/var", "--symlink", "../tmp", "/var/tmp"]  # noqa: S108
    for source, target, for_writing in mounts:
        made += ["--bind" if for_writing else "--ro-bind", source, target]
    for path in hidden:
        made += ["--size", "4096", "--perms", "0555", "--tmpfs", str(path)]
    return made


LAST_OPTIONS = ("--remount-ro", "/dev", "--remount-ro", "/")
"""After everything is in its place: the root, which bubblewrap makes of memory, is not for writing."""
