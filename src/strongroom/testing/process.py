"""The process of a throw-away server: the real server, and beside it who listens to the one who started it.

What only tests may do comes by a socket that was made before the process was, and that nobody else can open: there is
no option of `strongroom serve` for it, no address, no file. When the other end closes, be it because the tests were
killed, the server ends and takes its directories with it.

A line of JSON each way: `{"do": ..., ...}` is answered `{"done": ...}` or `{"error": "..."}`. The first line tells the
configuration, its answer where the server listens.
"""

import asyncio
import dataclasses
import gc
import json
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strongroom.base.configuration import Configuration
    from strongroom.operations.house import House
    from strongroom.server.endpoint import Endpoint

LINE_BYTES_MAX = 1024 * 1024

Command = Callable[..., Awaitable[Any]]


def main(descriptor: int) -> None:
    """Serve until the other end of the socket `descriptor` closes."""
    # As in `strongroom serve`: looking for garbage would only make the start longer.
    gc.disable()
    # What the server starts, sandboxes among it, must not get hold of it.
    os.set_inheritable(descriptor, False)
    with socket.socket(fileno=descriptor) as channel:
        told = json.loads(channel.makefile("rb").readline(LINE_BYTES_MAX))
        try:
            _serve(channel, told["configuration"])
        except Exception as error:
            channel.sendall(_line({"error": _words_for(error)}))
        finally:
            for directory in told["directories"]:
                shutil.rmtree(directory, ignore_errors=True)


def _serve(channel: socket.socket, chosen: dict[str, Any]) -> None:
    from strongroom.base.configuration import Configuration
    from strongroom.server.run import run

    configuration = Configuration(**_choices_of(Configuration, chosen))

    async def attend(house: "House", endpoint: "Endpoint") -> None:
        from strongroom.testing.commands import commands_of

        commands = commands_of(house, endpoint)
        # Said before the loop turns to anything else: whoever started this waits for nothing but it.
        channel.sendall(_line({"done": await commands["describe"]()}))
        reader, writer = await asyncio.open_connection(sock=channel.dup(), limit=LINE_BYTES_MAX)
        while line := await reader.readline():
            writer.write(_line(await _answer(commands, json.loads(line))))

    run(configuration, attend)


async def _answer(commands: dict[str, Command], asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"done": await commands[asked.pop("do")](**asked)}
    except Exception as error:
        return {"error": _words_for(error)}


def _words_for(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        from strongroom.testing.errors import extra_missing

        return str(extra_missing(error))
    from strongroom.base.errors import OperatorError

    return str(error) if isinstance(error, OperatorError | ValueError) else f"{type(error).__name__}: {error}"


def _choices_of(kind: "type[Configuration]", members: dict[str, Any]) -> dict[str, Any]:
    """Return the choices of a configuration that JSON has told: paths and tuples are none of its kinds."""
    paths = {field.name for field in dataclasses.fields(kind) if field.type in (Path, Path | None)}
    made = {name: Path(value) if name in paths and value is not None else value for name, value in members.items()}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in made.items()}


def _line(members: dict[str, Any]) -> bytes:
    return json.dumps(members).encode() + b"\n"


if __name__ == "__main__":
    main(int(sys.argv[1]))
