"""The command: `python -m benchmarks [--quick] [--without-peers] [--without-strongroom] [--key-pairs] [...]`."""

import argparse
import gc
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import aims, ceiling, key_pairs, machine, processes, report, servers
from benchmarks.authorization import with_five_policies
from benchmarks.footprint import Footprint, Starter, start_repeatedly
from benchmarks.load import Load
from benchmarks.measurement import Series, Subject, answered, run_rounds
from benchmarks.outcome import status_of
from benchmarks.servers import Server
from benchmarks.signed import Access, decrypt_pool, encrypt_pool, generate_data_key_pool


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often to measure, and with how many connections at a time."""

    rounds: int
    seconds: float
    starts: int
    connections: int
    stays_awake: bool
    only_key_pairs: bool


def _tell(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def _floor_subject(server: Server, plan: Plan) -> Subject:
    """Sign the same requests for the floor; every answer there is the constant, and none can be decrypted."""
    access, key_id = server.access, "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
    encrypt = encrypt_pool(access, key_id)
    decrypt = decrypt_pool(access, key_id, encrypt.plaintexts, [b"A" * 176] * len(encrypt.wire))
    generate = generate_data_key_pool(access, key_id)
    decrypt.contents[:] = generate.contents[:] = encrypt.contents
    load = Load(access.endpoint, encrypt, connections=plan.connections, stays_awake=plan.stays_awake)
    return Subject(server.name, server.pid, load, [encrypt, decrypt, generate], None, False)


def _subject(server: Server, access: Access, name: str, plan: Plan, user: Access | None = None) -> Subject:
    """Make a key on the server and sign requests that use it, by `user` if there is one."""
    client = access.client()
    key_id = client.create_key()["KeyMetadata"]["Arn"]
    access = user or access
    encrypt = encrypt_pool(access, key_id)
    decrypt = decrypt_pool(access, key_id, encrypt.plaintexts, answered(access, encrypt, "CiphertextBlob"))
    generate = generate_data_key_pool(access, key_id)
    load = Load(
        access.endpoint,
        encrypt,
        connections=plan.connections,
        stays_awake=plan.stays_awake,
        ca_bundle=access.ca_bundle,
    )
    checks_signatures = access.refuses_wrong_signature(key_id)
    return Subject(name, server.pid, load, [encrypt, decrypt, generate], client, checks_signatures)


def _subjects(started: list[Server], plan: Plan) -> list[Subject]:
    """Prepare every server; over HTTPS, and for the user with policies, only Encrypt is measured.

    Of key pairs alone: neither Decrypt nor GenerateDataKey, and nothing twice.
    """
    subjects = []
    for server in started:
        if server.name == "Floor":
            subjects.append(_floor_subject(server, plan))
            continue
        subject = _subject(server, server.access, server.name, plan)
        subjects.append(subject)
        if server.name == "Strongroom":
            subject.pools += key_pairs.pools(server.access)
            if plan.only_key_pairs:
                del subject.pools[1:3]
                continue
            user = with_five_policies(server.access)
            subjects.append(_subject(server, server.access, aims.USER, plan, user))
            del subjects[-1].pools[1:]
        if server.https is not None:
            secure = _subject(server, server.https, f"{server.name}, HTTPS", plan)
            del secure.pools[1:]
            subjects.append(secure)
    return subjects


def _print_report(series: list[Series], subjects: list[Subject], footprints: list[Footprint], plan: Plan) -> None:
    ours = next((one for one in footprints if one.server == "Strongroom"), None)
    costs = ceiling.measure() + key_pairs.costs()
    judged = aims.judge(series, costs, ours.ready_spread[0] if ours else None, ours.idle_bytes if ours else None)
    print(f"{datetime.now(UTC):%Y-%m-%d}: {machine.describe()}")
    print(f"{plan.rounds} rounds of {plan.seconds:g} s, {plan.connections} connections, one worker process a server.")
    print(report.conditions(series))
    print(report.signature_line(subjects))
    for name in report.closing_servers(series):
        print(f"{name} closes the connection after every answer; what a new one costs it is in its figures.")
    print(f"\n{report.requests_table(series)}\n\n{report.footprint_table(footprints)}")
    print(f"\n{report.costs_table(costs)}\n\n{report.aims_table(judged)}")


def _measure(starters: list[Starter], plan: Plan, cores: processes.Cores, directory: Path, stack: ExitStack) -> None:
    """Start all servers, measure them round by round, and print the report; `stack` stops them in the end."""
    if not cores.are_apart:
        _tell("one core only: the load generator takes part of what the servers could have")
    started, footprints = [], []
    for start in starters:
        server, footprint = start_repeatedly(start, directory, cores.server, plan.starts)
        stack.callback(server.stop)
        started.append(server)
        footprints.append(footprint)
        _tell(f"{server.name} is ready")
    stack.enter_context(processes.pinned_to(cores.load))
    subjects = _subjects(started, plan)
    for subject in subjects:
        stack.callback(subject.load.close)
        subject.warm_up(plan.seconds / 2)
    _tell("warm; now the rounds")
    gc.collect()
    gc.freeze()
    series = run_rounds(subjects, plan.rounds, plan.seconds, _tell)
    for server, footprint in zip(started, footprints, strict=True):
        footprint.loaded_bytes = processes.resident_bytes(server.pid)
    _print_report(series, subjects, footprints, plan)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure KMS beside its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a look, not a figure to quote")
    parser.add_argument("--without-peers", action="store_true", help="leave out moto and MiniStack (.venv-bench)")
    parser.add_argument("--without-strongroom", action="store_true", help="measure only the peers and the floor")
    parser.add_argument("--key-pairs", action="store_true", help="Sign, Verify, GenerateMac; nobody to compare with")
    parser.add_argument("--connections", type=int, choices=range(1, 65), default=16, metavar="1-64")
    return parser.parse_args()


def main() -> int:
    """Return the exit status (`status_of`)."""
    arguments = _arguments()
    rounds, seconds, starts = (2, 0.5, 1) if arguments.quick else (5, 1.5, 3)
    starters: list[Starter] = [] if arguments.without_strongroom else [servers.start_strongroom]
    if not arguments.key_pairs:
        starters.append(servers.start_floor)
    with_peers = not (arguments.without_peers or arguments.key_pairs)
    if with_peers:
        starters += [servers.start_moto, servers.start_ministack]
    cores = processes.choose_cores()
    plan = Plan(rounds, seconds, starts, arguments.connections, cores.are_apart, arguments.key_pairs)
    return status_of(partial(_measure, starters, plan, cores), with_peers=with_peers)


if __name__ == "__main__":
    sys.exit(main())
