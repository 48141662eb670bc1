"""Functions: cold starts and warm invocations, one after the other: `python -m benchmarks.functions [--quick]`.

A cold start is the first invocation of a function that was just made. Warm invocations go to one that answers at once:
by boto3's client, which costs more than the server does, and as bytes that were signed before, over one connection.
"""

import argparse
import io
import json
import os
import socket
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import machine, processes, report, servers
from benchmarks.load import WrongAnswerError
from benchmarks.outcome import status_of
from benchmarks.servers import Server
from benchmarks.signed import Access, captured

WARM_MILLISECONDS_MAX = 3.0
"""The aim, at the median."""

NOTHING = "def handler(event, context):\n    return None\n"
WITH_BOTO3 = "import boto3\nkms = boto3.client('kms')\n" + NOTHING
CALLS_KMS = (
    "import boto3\nkms = boto3.client('kms')\n"
    "def handler(event, context):\n    kms.generate_random(NumberOfBytes=16)\n    return None\n"
)

Timed = list[float]


def _archive(source: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("app.py", source)
    return out.getvalue()


def _make_role(access: Access) -> str:
    iam = access.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": ["logs:*", "kms:GenerateRandom"], "Resource": "*"}
    made = iam.create_role(RoleName="functions", AssumeRolePolicyDocument=_document(trust))
    iam.put_role_policy(RoleName="functions", PolicyName="own", PolicyDocument=_document(may))
    return str(made["Role"]["Arn"])


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _make(access: Access, role: str, name: str, source: str) -> str:
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    settings = {"Runtime": runtime, "Handler": "app.handler", "Timeout": 30, "MemorySize": 512}
    client = access.client("lambda")
    client.create_function(FunctionName=name, Role=role, Code={"ZipFile": _archive(source)}, **settings)
    return name


def _timed(do: Callable[[], object], count: int) -> Timed:
    taken = []
    for _ in range(count):
        begin = time.perf_counter()
        do()
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken


def _cold(access: Access, role: str, source: str, name: str, count: int) -> Timed:
    names = iter([_make(access, role, f"{name}-{number}", source) for number in range(count)])
    client = access.client("lambda")
    return _timed(lambda: _check(client.invoke(FunctionName=next(names))), count)


def _check(answer: dict[str, Any]) -> None:
    payload = answer["Payload"].read()
    if payload != b"null" or "FunctionError" in answer:
        raise WrongAnswerError(f"a function answered {payload[:500]!r}")


def _over_one_connection(access: Access, name: str, count: int) -> Timed:
    """Time requests that were signed before, sent as they are over one plain connection."""
    wire = iter(captured(access, "invoke", [{"FunctionName": name, "Payload": b"{}"}] * count, "lambda"))
    host, port = access.endpoint.split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask() -> None:
            connection.sendall(next(wire))
            received = b""
            while not received.endswith(b"\r\n\r\nnull"):
                piece = connection.recv(65_536)
                if not piece or b"FunctionError" in piece or (received and b"\r\n\r\n" in received):
                    raise WrongAnswerError(f"a function answered {(received + piece)[:500]!r}")
                received += piece

        return _timed(ask, count)


def _row(what: str, taken: Timed) -> list[str]:
    worst = quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]
    return [what, f"{len(taken)}", f"{min(taken):.2f}", f"{median(taken):.2f}", f"{worst:.2f}"]


def _use_every_core(pid: int) -> None:
    """Let the server, and the functions that it starts, use the whole machine."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), range(os.cpu_count() or 1))


def _measure(server: Server, cold: int, warm: int) -> tuple[str, float]:
    access, secure = server.access, server.https or server.access
    role = _make_role(access)
    rows = [
        _row("cold start, nothing imported", _cold(access, role, NOTHING, "nothing", cold)),
        _row("cold start, boto3 and a client", _cold(access, role, WITH_BOTO3, "boto3", cold)),
    ]
    name = _make(access, role, "warm", NOTHING)
    invoke = partial(access.client("lambda").invoke, FunctionName=name)
    _timed(lambda: _check(invoke()), 50)
    plain = _over_one_connection(access, name, warm)
    rows.append(_row("warm, signed before, plain HTTP", plain))
    rows.append(_row("warm, boto3, plain HTTP", _timed(lambda: _check(invoke()), warm)))
    invoke = partial(secure.client("lambda").invoke, FunctionName=name)
    _timed(lambda: _check(invoke()), 10)
    rows.append(_row("warm, boto3, HTTPS", _timed(lambda: _check(invoke()), warm)))
    calls = _make(access, role, "calls", CALLS_KMS)
    invoke = partial(access.client("lambda").invoke, FunctionName=calls)
    _timed(lambda: _check(invoke()), 10)
    rows.append(_row("warm, boto3, one KMS call inside", _timed(lambda: _check(invoke()), warm)))
    return report.table(("Invoke, milliseconds", "times", "least", "median", "95 %"), rows), median(plain)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description="Measure functions.")
    parser.add_argument("--quick", action="store_true", help="few of each: a look, not a figure to quote")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    cores = processes.choose_cores()
    server = servers.start_strongroom(directory, cores.server)
    stack.callback(server.stop)
    _use_every_core(server.pid)
    cold, warm = (5, 200) if arguments.quick else (20, 2_000)
    print(machine.describe())
    table, warm_median = _measure(server, cold, warm)
    verdict = "met" if warm_median <= WARM_MILLISECONDS_MAX else "not met"
    print(
        f"{table}\n\nA warm invocation takes {warm_median:.2f} ms (aim: at most {WARM_MILLISECONDS_MAX:g}): {verdict}"
    )


def main() -> int:
    """Return the exit status (`status_of`)."""
    arguments = _arguments()
    return status_of(partial(_run, arguments), with_peers=False)


if __name__ == "__main__":
    sys.exit(main())
