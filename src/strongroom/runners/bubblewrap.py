"""What bubblewrap is told: which of the host's files a job sees, or which image's, and what is made for it."""

import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from strongroom.runners.limits import MEBIBYTE, Limits
from strongroom.runners.relay import Route

USER_ID = 993
"""User and group of a job, as it sees itself."""


class JobUser(NamedTuple):
    """Who a job is to itself. To the kernel outside it is somebody else, with no rights of its own."""

    user_id: int
    group_id: int


SANDBOX_USER, ROOT_USER = JobUser(USER_ID, USER_ID), JobUser(0, 0)


class SeenRoot(NamedTuple):
    """A root file system in place of the host's: where it is, and where bubblewrap finds it."""

    path: Path
    seen: str


HOME = "/tmp"  # noqa: S108  The job's own, see options().

_SHARED_MEMORY_BYTES = 16 * MEBIBYTE
_MADE = frozenset({"proc", "sys", "dev", "run", "tmp"})
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


def options(
    limits: Limits,
    mounts: Sequence[tuple[str, str, bool]],
    hidden: Sequence[Path],
    root: SeenRoot | None = None,
    user: JobUser = SANDBOX_USER,
) -> list[str]:
    """Return the options that make the sandbox, but for what comes from FILES.

    `mounts` are sources and targets, and whether they are for writing. The order matters: what is bound first may be
    covered by what comes later.
    """
    made = ["--unshare-user", "--uid", str(user.user_id), "--gid", str(user.group_id), "--disable-userns"]
    made += ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"]
    made += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    tops = frozenset(target.split("/")[1] for _, target, _ in mounts) | _MADE
    made += _of_host() if root is None else _of_image(root, tops)
    made += ["--proc", "/proc", "--dev", "/dev"]
    made += ["--size", str(_SHARED_MEMORY_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
    made += ["--size", str(limits.temporary_bytes), "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    if root is None:
        made += ["--perms", "0755", "--dir", "/var", "--symlink", "../tmp", "/var/tmp"]  # noqa: S108
    for source, target, for_writing in mounts:
        made += ["--bind" if for_writing else "--ro-bind", source, target]
    for path in hidden:
        made += ["--size", "4096", "--perms", "0555", "--tmpfs", str(path)]
    return made


def _of_host() -> list[str]:
    made = ["--ro-bind", "/usr", "/usr"]
    for name in _TOP_LEVEL:
        path = Path("/", name)
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            made += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        made += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return made


def _of_image(root: SeenRoot, made_places: frozenset[str]) -> list[str]:
    """Bind what is at the top of an image one by one: so what is made for a job needs no place in the image itself.

    Nothing is mounted on a path of which a step may be a link, which would lead to elsewhere.
    """
    made: list[str] = []
    for path in sorted(root.path.iterdir()):
        mode, target = path.lstat().st_mode, f"/{path.name}"
        if path.name in made_places:
            continue
        if stat.S_ISLNK(mode):
            made += ["--symlink", str(path.readlink()), target]
        elif stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            made += ["--ro-bind", f"{root.seen}{target}", target]
    made += ["--perms", "0755", "--dir", "/run"]
    if _is_there(root, "/var/tmp", stat.S_ISDIR):  # noqa: S108
        made += ["--size", str(_SHARED_MEMORY_BYTES), "--perms", "1777", "--tmpfs", "/var/tmp"]  # noqa: S108
    return made


def files_over(root: SeenRoot, routes: Sequence[Route]) -> dict[str, bytes]:
    """Return the files of the sandbox's own that are mounted over those of an image, where it has them."""
    own = {"/etc/hosts": hosts(routes)} | {path: FILES[path] for path in ("/etc/hostname", "/etc/resolv.conf")}
    return {path: content for path, content in own.items() if _is_there(root, path, stat.S_ISREG)}


def _is_there(root: SeenRoot, path: str, kind: Callable[[int], bool]) -> bool:
    """Return whether an image has a file of some kind, with no link on the way to it."""
    here = root.path
    steps = path.strip("/").split("/")
    for number, step in enumerate(steps, 1):
        here /= step
        try:
            mode = here.lstat().st_mode
        except OSError:
            return False
        if not (kind(mode) if number == len(steps) else stat.S_ISDIR(mode)):
            return False
    return True


LAST_OPTIONS = ("--remount-ro", "/dev", "--remount-ro", "/")
"""After everything is in its place: the root, which bubblewrap makes of memory, is not for writing."""
