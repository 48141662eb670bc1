"""Files under KMS keys beside the AWS Encryption CLI: `python -m benchmarks.messages [--quick] [--mebibytes N]`.

Both commands encrypt one large file under one key of one Strongroom, with the same algorithm suite, and decrypt what
they made. They are run in turns, as whole processes: starting, asking KMS, and closing the file count. Strongroom waits
until its file is on disk, the other does not. The AWS Encryption CLI is measured with the frames that it makes by
itself (4 KiB), and with frames as long as Strongroom's.
"""

import argparse
import filecmp
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import machine, processes, report, servers
from benchmarks.load import WrongAnswerError
from benchmarks.outcome import status_of
from benchmarks.servers import COMMANDS, Server
from strongroom.client.messages.writer import FRAME_BYTES

TIMES_PEER_MIN = 5.0
"""The aim: encrypting, wall clock, with the same suite."""

SIGNED, UNSIGNED = "0x0578, signed", "0x0478, not signed"
OURS, PEER, PEER_LONG = "strongroom", "aws-encryption-cli", f"aws-encryption-cli, frames of {FRAME_BYTES // 1024} KiB"
PEERS_SUITES = {
    SIGNED: "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384",
    UNSIGNED: "AES_256_GCM_HKDF_SHA512_COMMIT_KEY",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One process, from its start to its end, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Contestant:
    """A command with a suite, and the files that it makes."""

    name: str
    suite: str
    key_arn: str
    plaintext: Path

    @property
    def _place(self) -> str:
        return f"{self.plaintext}.{self.name}.{self.suite}".replace(" ", "-").replace(",", "")

    @property
    def message(self) -> Path:
        """What encrypting makes."""
        return Path(f"{self._place}.encrypted")

    @property
    def opened(self) -> Path:
        """What decrypting makes."""
        return Path(f"{self._place}.opened")

    def encrypting(self) -> list[str]:
        """Return the command that encrypts the file."""
        if self.name == OURS:
            signature = "--signature" if self.suite == SIGNED else "--no-signature"
            return [
                "strongroom",
                "encrypt",
                "--key",
                self.key_arn,
                signature,
                *self._ours(self.plaintext, self.message),
            ]
        frames = ("--frame-length", str(FRAME_BYTES)) if self.name == PEER_LONG else ()
        return [*self._peers("--encrypt", self.plaintext, self.message), *frames]

    def decrypting(self) -> list[str]:
        """Return the command that decrypts it again."""
        if self.name == OURS:
            return ["strongroom", "decrypt", "--key", self.key_arn, *self._ours(self.message, self.opened)]
        return self._peers("--decrypt", self.message, self.opened)

    def _ours(self, source: Path, target: Path) -> list[str]:
        return [str(source), "--output", str(target)]

    def _peers(self, direction: str, source: Path, target: Path) -> list[str]:
        # Decrypting, the suite is the message's.
        suite = ["--algorithm", PEERS_SUITES[self.suite]] if direction == "--encrypt" else []
        return [
            *("aws-encryption-cli", direction, "--wrapping-keys", f"key={self.key_arn}", "--suppress-metadata"),
            *("--input", str(source), "--output", str(target), *suite),
        ]


def _environment(server: Server) -> dict[str, str]:
    access = server.https
    if access is None or access.ca_bundle is None:
        raise WrongAnswerError("the server has no HTTPS")
    return {
        "PATH": os.defpath,
        "AWS_ENDPOINT_URL": access.endpoint,
        "AWS_ACCESS_KEY_ID": access.access_key_id,
        "AWS_SECRET_ACCESS_KEY": access.secret_access_key,
        "AWS_DEFAULT_REGION": access.region,
        "AWS_CA_BUNDLE": access.ca_bundle,
    }


def _timed(command: list[str], environment: dict[str, str], result: Path) -> Run:
    """Run a command that makes `result`, which is not there before. Raises WrongAnswerError when it fails."""
    result.unlink(missing_ok=True)
    # What another one left to be written is not this one's.
    os.sync()
    begin = time.perf_counter()
    process = subprocess.Popen(
        [COMMANDS / command[0], *command[1:]], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    words = process.stderr.read() if process.stderr is not None else b""
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not result.exists():
        raise WrongAnswerError(f"{command[0]} failed: {words.decode(errors='replace')[-2000:]}")
    return Run(wall, used.ru_utime + used.ru_stime)


def _measure(
    contestants: list[Contestant], environment: dict[str, str], rounds: int
) -> dict[tuple[str, str, str], list[Run]]:
    runs: dict[tuple[str, str, str], list[Run]] = {}
    for number in range(rounds):
        for each in contestants:
            print(f"round {number + 1} of {rounds}: {each.name}, {each.suite}", file=sys.stderr, flush=True)
            encrypted = _timed(each.encrypting(), environment, each.message)
            opened = _timed(each.decrypting(), environment, each.opened)
            if not filecmp.cmp(each.plaintext, each.opened, shallow=False):
                raise WrongAnswerError(f"{each.name} did not give back what it had encrypted")
            runs.setdefault((each.suite, "encrypt", each.name), []).append(encrypted)
            runs.setdefault((each.suite, "decrypt", each.name), []).append(opened)
            each.message.unlink()
            each.opened.unlink()
    return runs


def _rows(runs: dict[tuple[str, str, str], list[Run]], size_bytes: int) -> list[list[str]]:
    rows = []
    for (suite, direction, name), taken in sorted(runs.items(), key=lambda item: item[0][:2], reverse=True):
        ours = runs[suite, direction, OURS]
        wall, cpu = median(run.wall for run in taken), median(run.cpu for run in taken)
        rows.append(
            [
                *(direction, suite, name),
                *(f"{wall:.2f}", f"{size_bytes / wall / 1e6:.0f}", f"{cpu:.2f}"),
                f"{wall / median(run.wall for run in ours):.1f}",
                f"{cpu / median(run.cpu for run in ours):.1f}",
            ]
        )
    return rows


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    server = servers.start_strongroom(directory, processes.choose_cores().server)
    stack.callback(server.stop)
    key_arn = server.access.client("kms").create_key()["KeyMetadata"]["Arn"]
    size_bytes = arguments.mebibytes * 2**20
    machine.touch_memory(directory, 3 * size_bytes)
    plaintext = directory / "plaintext"
    block = os.urandom(2**20)
    with plaintext.open("wb") as file:
        for _ in range(arguments.mebibytes):
            file.write(block)
    suites = (SIGNED,) if arguments.quick else (SIGNED, UNSIGNED)
    names = (OURS, PEER, PEER_LONG)
    contestants = [Contestant(name, suite, key_arn, plaintext) for suite in suites for name in names]
    runs = _measure(contestants, _environment(server), 1 if arguments.quick else arguments.rounds)
    print(machine.describe())
    heads = ("what", "suite", "command", "wall s", "MB/s", "CPU s", "times ours, wall", "times ours, CPU")
    print(f"\n{arguments.mebibytes} MiB, medians\n{report.table(heads, _rows(runs, size_bytes))}\n")
    for suite in suites:
        ours, theirs = (median(run.wall for run in runs[suite, "encrypt", name]) for name in (OURS, PEER))
        verdict = "met" if theirs / ours >= TIMES_PEER_MIN else "not met"
        told = f"{theirs / ours:.1f} times the AWS Encryption CLI (aim: at least {TIMES_PEER_MIN:g})"
        print(f"Encrypting, {suite}: {told}: {verdict}")


def main() -> int:
    """Return the exit status (`status_of`)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description="Measure encrypting of files.")
    parser.add_argument("--quick", action="store_true", help="one round, one suite: a look, not a figure to quote")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=3)
    return status_of(partial(_run, parser.parse_args()), with_peers=False)


if __name__ == "__main__":
    sys.exit(main())
