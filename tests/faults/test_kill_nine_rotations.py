"""Kill a server between any two steps of a rotation, or before it knows that one succeeded: the rotation ends well."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.killed_rotation import LockedFile
from tests.opened_house import opened_house

from strongroom.operations.managed_rotations import STEPS

ROOT = Path(__file__).parents[2]
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]


def test_a_rotation_outlives_its_server(tmp_path: Path) -> None:
    async def begin() -> None:
        async with opened_house(tmp_path) as house:
            await LockedFile(house, tmp_path).make_locked()

    async def verify() -> list[str]:
        async with opened_house(tmp_path) as house:
            locked = LockedFile(house, tmp_path)
            await locked.must_open()
            return await locked.events()

    asyncio.run(begin())
    for point in POINTS:
        command = [sys.executable, "-m", "tests.faults.killed_rotation", str(tmp_path), point]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    events = asyncio.run(verify())
    assert events == ["RotationStarted", "RotationSucceeded"] * len(POINTS)
