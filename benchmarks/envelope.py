"""Small messages in envelopes, beside the AWS Encryption SDK: `python -m benchmarks.envelope [--quick]`.

One thread encrypts messages of 100 bytes, each with the same encryption context, and decrypts them again. A data key
serves 100 messages, or one. Both sides call one Strongroom over plain HTTP; the SDK keeps its data keys in its caching
CMM. CPU time is this process's: the server has a core of its own.
"""

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import botocore.session

from benchmarks import machine, processes, report, servers
from benchmarks.load import WrongAnswerError
from benchmarks.outcome import status_of
from benchmarks.signed import CONTEXT, Access
from strongroom.client import COMMITTING, COMMITTING_SIGNED, CacheLimits, EnvelopeClient, KmsCalls
from strongroom.client.messages.algorithm_suites import AlgorithmSuite

MESSAGE_BYTES = 100
MESSAGES_A_KEY = 100
AGE_SECONDS = 600.0

Encrypt = Callable[[bytes], bytes]
Decrypt = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two libraries, set up one way."""

    encrypt: Encrypt
    decrypt: Decrypt


@dataclass(frozen=True, slots=True)
class Pair:
    """Both libraries, set up the same way. `count` messages make a sample."""

    suite: AlgorithmSuite
    keeps: bool
    count: int
    ours: Side
    theirs: Side


@dataclass(frozen=True, slots=True)
class Sample:
    """What a message took, in microseconds."""

    wall: float
    cpu: float


def _ours(access: Access, arn: str, suite: AlgorithmSuite, keeps: bool, stack: ExitStack) -> Side:
    kms = KmsCalls(_session(access), endpoint_url=access.endpoint)
    caching = CacheLimits(age_seconds_max=AGE_SECONDS, messages_max=MESSAGES_A_KEY) if keeps else None
    client = stack.enter_context(EnvelopeClient(arn, kms=kms, caching=caching, suite=suite))
    return Side(partial(client.encrypt, encryption_context=CONTEXT), lambda message: client.decrypt(message).plaintext)


def _theirs(access: Access, arn: str, suite: AlgorithmSuite, keeps: bool) -> Side:
    import aws_encryption_sdk as sdk
    from aws_encryption_sdk.identifiers import Algorithm

    client = sdk.EncryptionSDKClient()
    provider = sdk.StrictAwsKmsMasterKeyProvider(key_ids=[arn], botocore_session=_session(access))
    keys: dict[str, Any] = {"key_provider": provider}
    if keeps:
        cache = sdk.LocalCryptoMaterialsCache(1_000)
        keys = {
            "materials_manager": sdk.CachingCryptoMaterialsManager(
                master_key_provider=provider,
                cache=cache,
                max_age=AGE_SECONDS,
                max_messages_encrypted=MESSAGES_A_KEY,
            )
        }
    chosen = {"encryption_context": CONTEXT, "algorithm": Algorithm.get_by_id(suite.suite_id), **keys}
    return Side(
        lambda text: client.encrypt(source=text, **chosen)[0],
        lambda message: client.decrypt(source=message, **keys)[0],
    )


def _session(access: Access) -> Any:
    session = botocore.session.Session()
    session.set_credentials(access.access_key_id, access.secret_access_key)
    session.set_config_variable("region", access.region)
    return session


def _pairs(access: Access, arn: str, counts: tuple[int, int], stack: ExitStack) -> list[Pair]:
    return [
        Pair(
            suite,
            keeps,
            count,
            _ours(access, arn, suite, keeps, stack),
            _theirs(access, arn, suite, keeps),
        )
        for suite in (COMMITTING, COMMITTING_SIGNED)
        for keeps, count in zip((True, False), counts, strict=True)
    ]


def _must_interoperate(pair: Pair) -> None:
    """Each side opens what the other one wrote."""
    text = os.urandom(MESSAGE_BYTES)
    for writer, reader in ((pair.ours, pair.theirs), (pair.theirs, pair.ours)):
        if reader.decrypt(writer.encrypt(text)) != text:
            raise WrongAnswerError("a message did not open as what it was")


def _timed(work: Callable[[bytes], bytes], given: Sequence[bytes]) -> tuple[Sample, list[bytes]]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = [work(each) for each in given]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Sample(wall / len(given) * 1e6, cpu / len(given) * 1e6), done


def _round(side: Side, count: int) -> tuple[Sample, Sample]:
    texts = [os.urandom(MESSAGE_BYTES) for _ in range(count)]
    encrypting, messages = _timed(side.encrypt, texts)
    decrypting, opened = _timed(side.decrypt, messages)
    if opened != texts:
        raise WrongAnswerError("a message did not open as what it was")
    return encrypting, decrypting


def _rows(pair: Pair, rounds: int) -> list[list[str]]:
    """Measure both sides by turns, and return a line for each operation."""
    samples = [(_round(pair.ours, pair.count), _round(pair.theirs, pair.count)) for _ in range(rounds)]
    signed = "signed" if pair.suite.signs else "not signed"
    kept = f"{MESSAGES_A_KEY} messages a key" if pair.keeps else "a key a message"
    rows = []
    for index, operation in enumerate(("encrypt", "decrypt")):
        ours = [sample[0][index] for sample in samples]
        theirs = [sample[1][index] for sample in samples]
        times = [their.wall / our.wall for our, their in zip(ours, theirs, strict=True)]
        times_cpu = [their.cpu / our.cpu for our, their in zip(ours, theirs, strict=True)]
        rows.append(
            [
                f"{operation}, {kept}, {signed}",
                f"{median(1e6 / sample.wall for sample in ours):,.0f}",
                f"{median(1e6 / sample.wall for sample in theirs):,.0f}",
                f"{median(times):.1f}",
                f"{median(sample.cpu for sample in ours):,.0f}",
                f"{median(sample.cpu for sample in theirs):,.0f}",
                f"{median(times_cpu):.1f}",
            ]
        )
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.envelope", description="Measure small messages.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a look, not a figure to quote")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    cores = processes.choose_cores()
    server = servers.start_strongroom(directory, cores.server)
    stack.callback(server.stop)
    stack.enter_context(processes.pinned_to(cores.load))
    # The SDK makes its clients of KMS itself, and has no other way to be told where that is.
    os.environ["AWS_ENDPOINT_URL"] = server.access.endpoint
    arn = server.access.client().create_key()["KeyMetadata"]["Arn"]
    rounds, counts = (2, (500, 50)) if arguments.quick else (5, (2_000, 300))
    pairs = _pairs(server.access, arn, counts, stack)
    for pair in pairs:
        _must_interoperate(pair)
    gc.collect()
    gc.freeze()
    rows = [row for pair in pairs for row in _rows(pair, rounds)]
    print(f"{datetime.now(UTC):%Y-%m-%d}: {machine.describe()}")
    print(f"{rounds} rounds, {counts[0]:,} and {counts[1]:,} messages of {MESSAGE_BYTES} bytes in each; one thread.\n")
    headings = ["", "ours/s", "SDK/s", "times", "ours, CPU µs", "SDK, CPU µs", "times"]
    print(report.table(headings, rows))


def main() -> int:
    """Return the exit status (`status_of`)."""
    return status_of(partial(_run, _arguments()), with_peers=False)


if __name__ == "__main__":
    sys.exit(main())
