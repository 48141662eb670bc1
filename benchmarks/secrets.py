"""Secrets and SecureString parameters beside moto: `python -m benchmarks.secrets [--quick] [--without-peers]`.

Each of 256 requests reads one of 64 secrets, by turns, so that no server gains by remembering an answer; all have been
read before. Every read is a KMS Decrypt on Strongroom; moto keeps values in the clear.
"""

import argparse
import gc
import os
import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from botocore.exceptions import ClientError

from benchmarks import machine, processes, report, servers
from benchmarks.load import Load
from benchmarks.measurement import Series, Subject, run_rounds
from benchmarks.outcome import status_of
from benchmarks.servers import Server
from benchmarks.signed import POOL_REQUESTS, Access, Pool, captured

SECRETS = 64
VALUE_BYTES = 64
CONNECTIONS = 16
FLOOR, OURS, PEER = "Floor", "Strongroom", "moto"
TIMES_FLOOR_MAX, TIMES_PEER_MIN = 4.0, 20.0


def _values() -> list[str]:
    return [os.urandom(VALUE_BYTES // 2).hex() for _ in range(SECRETS)]


def secrets_pool(access: Access) -> Pool:
    """Make secrets under a key of their own, and return requests that read them."""
    client, values = access.client("secretsmanager"), _values()
    key_id = access.client("kms").create_key()["KeyMetadata"]["Arn"]
    for number, value in enumerate(values):
        token = str(uuid.uuid4())
        named = {"Name": f"app/{number}", "KmsKeyId": key_id, "ClientRequestToken": token}
        client.create_secret(SecretString=value, **named)
    calls = [{"SecretId": f"app/{index % SECRETS}"} for index in range(POOL_REQUESTS)]
    wire = captured(access, "get_secret_value", calls, "secretsmanager")
    return _pool("GetSecretValue", wire, values)


def parameters_pool(access: Access) -> Pool | None:
    """Make SecureString parameters, and return requests that read them; None where there is no Parameter Store."""
    client, values = access.client("ssm"), _values()
    key_id = access.client("kms").create_key()["KeyMetadata"]["Arn"]
    for number, value in enumerate(values):
        try:
            client.put_parameter(Name=f"/app/{number}", Value=value, Type="SecureString", KeyId=key_id)
        except ClientError as error:
            if number == 0 and error.response["Error"]["Code"].startswith(("Unknown", "Unsupported", "InvalidAction")):
                return None
            raise
    calls = [{"Name": f"/app/{index % SECRETS}", "WithDecryption": True} for index in range(POOL_REQUESTS)]
    return _pool("GetParameter", captured(access, "get_parameter", calls, "ssm"), values)


def _pool(operation: str, wire: list[bytes], values: list[str]) -> Pool:
    expected = [values[index % SECRETS].encode() for index in range(POOL_REQUESTS)]

    def is_right(index: int, answer: dict[str, object]) -> bool:
        return expected[index].decode() in str(answer)

    return Pool(operation, wire, expected, expected, is_right)


def _subjects(started: list[Server], stays_awake: bool) -> list[Subject]:
    subjects: list[Subject] = []
    for server in started:
        access = server.access
        if server.name == FLOOR:
            continue
        pools = [secrets_pool(access)]
        parameters = parameters_pool(access)
        if parameters is not None:
            pools.append(parameters)
        load = Load(access.endpoint, pools[0], connections=CONNECTIONS, stays_awake=stays_awake)
        subjects.append(Subject(server.name, server.pid, load, pools, access.client(), server.name == OURS))
    ours = next(subject for subject in subjects if subject.name == OURS)
    floor = next(server for server in started if server.name == FLOOR)
    return [_floor_subject(floor, ours, stays_awake), *subjects]


def _floor_subject(server: Server, ours: Subject, stays_awake: bool) -> Subject:
    """Send the floor what is sent to Strongroom; every answer is the constant there."""
    pools = [Pool(pool.operation, pool.wire, [b'"CiphertextBlob"'] * POOL_REQUESTS, []) for pool in ours.pools]
    load = Load(server.access.endpoint, pools[0], connections=CONNECTIONS, stays_awake=stays_awake)
    return Subject(server.name, server.pid, load, pools, None, False)


def _rate(series: list[Series], server: str, operation: str) -> float | None:
    for one in series:
        if (one.server, one.operation) == (server, operation):
            return median(sample.requests_per_second for sample in one.samples)
    return None


def _verdicts(series: list[Series]) -> list[str]:
    """Return what became of the aims, a line for each operation."""
    cpu = {(one.server, one.operation): one.cpu_microseconds for one in series}
    lines = []
    for operation in (one.operation for one in series if one.server == OURS):
        times = cpu[OURS, operation] / cpu[FLOOR, operation]
        told = f"{operation}: {times:.2f} times the floor's CPU (aim: at most {TIMES_FLOOR_MAX:g})"
        ours, theirs = _rate(series, OURS, operation), _rate(series, PEER, operation)
        if ours is not None and theirs is not None:
            told += f", {ours / theirs:.1f} times moto's rate (aim: at least {TIMES_PEER_MIN:g})"
        lines.append(told)
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.secrets", description="Measure secrets beside moto.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a look, not a figure to quote")
    parser.add_argument("--without-peers", action="store_true", help="leave out moto (.venv-bench)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    cores = processes.choose_cores()
    starters = [servers.start_floor, servers.start_strongroom]
    if not arguments.without_peers:
        starters.append(servers.start_moto)
    started: list[Server] = []
    for start in starters:
        started.append(start(directory, cores.server))
        stack.callback(started[-1].stop)
    stack.enter_context(processes.pinned_to(cores.load))
    subjects = _subjects(started, cores.are_apart)
    rounds, seconds = (2, 0.5) if arguments.quick else (5, 1.5)
    for subject in subjects:
        stack.callback(subject.load.close)
        subject.warm_up(seconds / 2)
    gc.collect()
    gc.freeze()
    series = run_rounds(subjects, rounds, seconds, lambda text: print(text, file=sys.stderr, flush=True))
    print(f"{datetime.now(UTC):%Y-%m-%d}: {machine.describe()}")
    print(f"{rounds} rounds of {seconds:g} s, {CONNECTIONS} connections, one worker process a server.")
    print(report.conditions(series))
    print(f"\n{report.requests_table(series)}\n")
    print("\n".join(_verdicts(series)))


def main() -> int:
    """Return the exit status (`status_of`)."""
    arguments = _arguments()
    return status_of(partial(_run, arguments), with_peers=not arguments.without_peers)


if __name__ == "__main__":
    sys.exit(main())
