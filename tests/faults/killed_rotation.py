"""A process with a house in which a secret is rotated, and which kills itself at a point of the rotation.

What the secret opens is a file: it holds the password that was set last.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.opened_house import OpenedHouse, opened_house
from tests.services.secretsmanager.rotating import Rotating

from strongroom.operations.house import House
from strongroom.operations.managed_rotations import SET, TEST, ManagedSecret

NAME = "safe!s"


class LockedFile(Rotating):
    """A secret whose safe is a file of `home`, and which kills the process before or after a step."""

    def __init__(self, house: OpenedHouse, home: Path, point: str = "") -> None:
        super().__init__(house)
        self._file = home / "safe"
        self._point = point
        self._steps = self.safe.rotate
        self.safe.rotate = self.rotate  # type: ignore[method-assign]

    @property
    def password(self) -> str:
        """What opens the safe."""
        return self._file.read_text()

    async def rotate(self, house: House, secret: ManagedSecret, step: str) -> None:
        """Carry out a step, and die at the point that was chosen."""
        self._die_at(f"before {step}")
        if step == SET:
            self._file.write_text(await self.safe.pending(house, secret))
        elif step == TEST:
            assert self.password == await self.safe.pending(house, secret)
        else:
            await self._steps(house, secret, step)
        self._die_at(f"after {step}")

    def _die_at(self, point: str) -> None:
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)

    async def make_locked(self) -> None:
        """Make the secret."""
        await self.make(NAME)
        self._file.write_text("first")

    async def must_open(self) -> None:
        """Go on with what was left, after which the current value has to open the safe."""
        await self.round()
        assert await self.secrets.value(NAME) == self.password
        stages = await self.secrets.stages(NAME)
        assert sorted(stages.values()) in ([["AWSCURRENT"]], [["AWSCURRENT"], ["AWSPREVIOUS"]]), stages


async def main(home: Path, point: str) -> None:
    """Go on with the rotation that the last process left, then begin another one and die in it."""
    async with opened_house(home) as house:
        locked = LockedFile(house, home)
        await locked.must_open()
        dying = LockedFile(house, home, point)
        await dying.secrets("RotateSecret", SecretId=NAME)
        await dying.done()
        raise AssertionError(f"there is no such point: {point}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
