"""The shell of a build: one sandbox, in which one command runs after the other.

As on AWS, each command is a script of its own, and what would stay in one shell is kept between them: exported
variables, and the directory. A small loop in the sandbox is told the name of the next script over a named pipe that
only the server writes to, and prints, when the script has ended, a word that nobody could know before.
"""

import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from strongroom.runners.sandbox import Sandbox
from strongroom.services.codebuild.phases import Ending

READ_BYTES = 65_536
CAPTURED_BYTES_MAX = 1_048_576

_LOOP = """exec 3<"$1/next"
while read -r script word <&3; do
  "$2" "$1/$script" 3<&- </dev/null
  printf '%s %d\\n' "$word" "$?"
done
"""

# The server keeps what it makes to itself; a build's files are made as on AWS.
_BEGIN = 'umask 022; exec /bin/sh "$0" "$1" "$2"'

_SHARED = """cd "$(cat {kept}/dir.txt)"
. {kept}/env.sh; export CODEBUILD_BUILD_SUCCEEDING={succeeding}
set -a
{command}
CODEBUILD_LAST_EXIT=$?
export -p >{kept}/env.sh
pwd >{kept}/dir.txt
exit $CODEBUILD_LAST_EXIT
"""

_ALONE = """cd "{directory}"
export CODEBUILD_BUILD_SUCCEEDING={succeeding}
set -a
{command}
"""

Output = Callable[[bytes], Awaitable[None]]


class SandboxShell:
    """Runs the commands of one build. `told` is the server's directory, `kept` and `directory` as the build sees them.

    `program` is the shell that commands are written for. `take` gets what they print.
    """

    def __init__(
        self, sandbox: Sandbox, told: Path, told_inside: str, kept: str, directory: str, program: str, take: Output
    ) -> None:
        self._sandbox = sandbox
        self._told = told
        self._told_inside = told_inside
        self._kept = kept
        self._directory = directory
        self._program = program
        self._take = take
        self._count = 0
        self._left = b""
        self.shares = True
        """Whether what a command exports is there for the next one: not in version 0.1 of build specifications."""
        self.is_succeeding = True
        self.ending: Ending | None = None
        """Why the build ends before its commands do, once it does."""
        (told / "next").unlink(missing_ok=True)
        os.mkfifo(told / "next", 0o600)
        self._pipe = os.open(told / "next", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        (told / "next").chmod(0o444)
        self._write("loop.sh", _LOOP)

    async def start(self, environment: dict[str, str]) -> None:
        """Start the loop, with the environment that the first command gets. Raises SandboxUnavailable, OSError."""
        begin = f'pwd >"{self._kept}/dir.txt"; : >"{self._kept}/env.sh"; {_BEGIN}'
        await self._start(begin, environment)

    async def go_on(self, before: "SandboxShell", environment: dict[str, str]) -> None:
        """Start the loop where the shell of another sandbox left. Raises SandboxUnavailable, OSError."""
        self._count = before._count
        self.shares, self.is_succeeding, self.ending = before.shares, before.is_succeeding, before.ending
        await self._start(_BEGIN, environment)

    async def _start(self, begin: str, environment: dict[str, str]) -> None:
        argv = ["/bin/sh", "-c", begin, f"{self._told_inside}/loop.sh", self._told_inside, self._program]
        await self._sandbox.run(argv, environment, self._directory)

    async def run(self, command: str) -> int:
        """Run one command and return its exit status. Raises Ending."""
        template = _SHARED if self.shares else _ALONE
        script = template.format(
            kept=self._kept, directory=self._directory, command=command, succeeding=int(self.is_succeeding)
        )
        return await self._execute(script, self._take)

    async def ask(self, script: str) -> bytes:
        """Return what some commands of our own print, with the variables as the build's commands left them."""
        answered = bytearray()

        async def keep(output: bytes) -> None:
            answered.extend(output[: CAPTURED_BYTES_MAX - len(answered)])

        await self._execute(f'cd "$(cat {self._kept}/dir.txt)"\n. {self._kept}/env.sh\n{script}\n', keep)
        return bytes(answered)

    def _write(self, name: str, text: str) -> None:
        path = self._told / name
        # One of a shell before is not for writing, not even for its owner.
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o444)

    async def _execute(self, script: str, take: Output) -> int:
        if self.ending is not None:
            raise self.ending
        self._count += 1
        name, word = f"{self._count}.sh", secrets.token_hex(16)
        self._write(name, script)
        os.write(self._pipe, f"{name} {word}\n".encode())
        try:
            return await self._read(f"{word} ".encode(), take)
        finally:
            (self._told / name).unlink(missing_ok=True)

    async def _read(self, mark: bytes, take: Output) -> int:
        """Hand on what is printed until the mark, and return the number behind it."""
        waiting, self._left = self._left, b""
        while True:
            at = waiting.find(mark)
            end = waiting.find(b"\n", at + len(mark)) if at >= 0 else -1
            if end >= 0:
                await take(waiting[:at])
                self._left = waiting[end + 1 :]
                return int(waiting[at + len(mark) : end])
            if at < 0:
                held = _held(waiting, mark)
                if len(waiting) > held:
                    await take(waiting[: len(waiting) - held])
                    waiting = waiting[len(waiting) - held :]
            piece = await self._sandbox.output.read(READ_BYTES)
            if not piece:
                await take(waiting)
                raise await self._over()
            waiting += piece

    async def _over(self) -> Ending:
        """Return why there is nobody left who could run a command."""
        ended = await self._sandbox.wait()
        if self.ending is None and ended.out_of_memory:
            self.ending = Ending("FAILED", "The build used more memory than its compute type has.", "OUT_OF_MEMORY")
        if self.ending is None:
            self.ending = Ending("FAILED", "The build's environment ended before its commands did.", "CLIENT_ERROR")
        return self.ending

    async def end(self, ending: Ending) -> None:
        """End the build now: whatever runs is killed."""
        self.ending = self.ending or ending
        await self._sandbox.kill()

    def close(self) -> None:
        """Free what it has. Safe to call twice."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)


def _held(waiting: bytes, mark: bytes) -> int:
    """Return how many bytes at the end may be the beginning of the mark."""
    for length in range(min(len(mark) - 1, len(waiting)), 0, -1):
        if waiting.endswith(mark[:length]):
            return length
    return 0
