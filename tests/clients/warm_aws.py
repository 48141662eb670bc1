"""The AWS CLI, version 1 as it is installed, imported once: each command is a fork of a process that has it ready.

A handbook has hundreds of commands, and the better part of each would be the import of the same modules. What a fork
runs is the CLI's own `main`, with the caller's arguments, variables, directory and standard streams.
"""

import array
import functools
import gc
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

REQUEST_BYTES_MAX = 1_048_576
SERVICES = ("kms", "s3", "iam", "sts", "ssm", "secretsmanager", "logs", "cloudtrail", "lambda", "codebuild", "ec2")
"""What the pages speak of most: their models are read before the first command."""

CALLER = f"""#!{sys.executable} -SE
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(os.path.join(os.path.dirname(os.path.abspath(__file__)), "aws.socket"))
request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
streams = array.array("i", [0, 1, 2])
server.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
server.sendall(request)
answer = server.recv(1)
sys.exit(answer[0] if answer else 255)
"""


class WarmAws:
    """A directory with a command `aws` in it, for a PATH. `stop` ends what stands behind it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        command = directory / "aws"
        command.write_text(CALLER)
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        # Some of its places are worked out when it is imported: not for commands whose home matters.
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(directory / "aws.socket")],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"HOME": str(directory)},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        """End it, with the commands that are still running."""
        self._process.terminate()
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()


def serve(path: str) -> None:
    """Answer callers for ever: for each a fork, whose child is the command and whose parent tells its exit status."""
    before = dict(os.environ)
    import awscli.clidriver

    _keep_what_is_read()
    driver = awscli.clidriver.create_clidriver()
    # Where it finds its own models, it tells itself by a variable.
    own = {name: value for name, value in os.environ.items() if before.get(name) != value}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for service in SERVICES:
        driver.session.create_client(service, "us-east-1", aws_access_key_id="nobody", aws_secret_access_key="nothing")
    # Else a fork that looks for garbage would get a copy of all that was read.
    gc.collect()
    gc.freeze()
    gc.disable()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    print("ready", flush=True)
    while True:
        caller, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _wait_for_command(caller, own)
        caller.close()


def _keep_what_is_read() -> None:
    """Have files of models decoded once. A command may do to them what it likes: what it has is its fork's own."""
    from awscli.botocore.loaders import JSONFileLoader

    read = JSONFileLoader.load_file
    kept = functools.cache(lambda path: read(JSONFileLoader(), path))
    JSONFileLoader.load_file = lambda self, path: kept(path)


def _wait_for_command(caller: socket.socket, own: dict[str, str]) -> None:
    streams = array.array("i")
    head, ancillary, _, _ = caller.recvmsg(4, socket.CMSG_SPACE(3 * streams.itemsize))
    for _, _, data in ancillary:
        streams.frombytes(data)
    text = b""
    while len(text) < int.from_bytes(head, "big"):
        text += caller.recv(REQUEST_BYTES_MAX)
    child = os.fork()
    if child == 0:
        caller.close()
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)
        arguments, directory, environment = json.loads(text)
        try:
            _be_the_command(arguments, directory, environment | own)
        finally:
            os._exit(255)
    _, status = os.waitpid(child, 0)
    caller.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
    os._exit(0)


def _be_the_command(arguments: list[str], directory: str, environment: dict[str, str]) -> None:
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["aws", *arguments]
    from awscli.clidriver import main

    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    serve(sys.argv[1])
