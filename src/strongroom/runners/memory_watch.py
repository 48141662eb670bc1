"""A job's memory without its files: what the kernel counts together, and AWS does not.

Files in /tmp are memory of the job's control group, so the group's limit must leave room for them. What processes take
for themselves is held to the job's limit by looking, ten times a second while it changes. A job that is quicker than
that meets the group's limit.
"""

import asyncio

from strongroom.runners.cgroups import Cgroup

LOOK_SECONDS_LEAST = 0.1
LOOK_SECONDS_MAX = 1.0


async def wait_until_exceeded(group: Cgroup, memory_bytes: int) -> None:
    """Return when the processes of a group have more than `memory_bytes` for themselves."""
    seconds, before = LOOK_SECONDS_LEAST, 0
    while True:
        await asyncio.sleep(seconds)
        used = group.memory_bytes()
        if used > memory_bytes and group.memory_bytes_of_processes() > memory_bytes:
            return
        # A job that waits is looked at less often.
        seconds = LOOK_SECONDS_LEAST if used != before else min(2 * seconds, LOOK_SECONDS_MAX)
        before = used
