"""The shell of a build, where the server is an ordinary user: a pipe that builds must not write to is still its own."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Any, cast

from strongroom.services.codebuild.running.shell import SandboxShell

_NOBODY = 65_534


def test_an_ordinary_user_can_tell_a_shell_what_to_do() -> None:
    async def take(output: bytes) -> None:
        raise AssertionError(output)

    nothing = cast(Any, None)
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        with tempfile.TemporaryDirectory(dir="/tmp") as told:
            shell = SandboxShell(nothing, Path(told), "/told", "/kept", "/", "/bin/sh", take)
            assert stat.S_IMODE((Path(told) / "next").stat().st_mode) == 0o444
            shell.close()
            # Another one, for another user of the build, takes its place.
            SandboxShell(nothing, Path(told), "/told", "/kept", "/", "/bin/sh", take).close()
    finally:
        os.seteuid(user)
