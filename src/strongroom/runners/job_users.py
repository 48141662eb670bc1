"""Users that jobs of a server run as that is root: one each, so that the kernel counts their processes apart."""

import os
import secrets
from pathlib import Path

# Nobody else's: above what containers use, below what services of systemd's do. Source: systemd, "Users, Groups, UIDs
# and GIDs on systemd Systems".
_RANGE = range(1_900_000_000, 1_900_065_536)
_NOBODY = range(65_534, 65_535)

_taken: set[int] = set()


def job_users() -> range | None:
    """Return the users that jobs can run as, or None when it can only be our own."""
    if os.geteuid() != 0 or Path("/proc/self/setgroups").read_text().strip() == "deny":
        return None
    for users in (_RANGE, _NOBODY):
        if _exist(users):
            # Where there is but one, jobs count together, and control groups must count apart.
            return users
    return None


def _exist(users: range) -> bool:
    """Return whether this user namespace has these users: a container may have few, or none but root."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= users[0] and users[-1] < first + count:
            return True
    return False


def take(users: range) -> int:
    """Return a user that no other job of this server runs as; where there is but one, that one."""
    if len(users) == 1:
        return users[0]
    while (user := users[secrets.randbelow(len(users))]) in _taken:
        pass
    _taken.add(user)
    return user


def give_back(user: int) -> None:
    """Say that a job has ended, all of it."""
    _taken.discard(user)
