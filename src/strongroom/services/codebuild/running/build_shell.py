"""The shell of a build as its phases see it: each command runs as the user that its phase names."""

from strongroom.services.codebuild.running.room import Room


class BuildShell:
    """Runs the commands of one build in its room."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def run(self, command: str, run_as: str) -> int:
        """Run one command and return its exit status. Raises Ending, SandboxUnavailable."""
        await self._room.become(run_as)
        return await self._room.shell.run(command)
