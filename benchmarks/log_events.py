"""CloudWatch Logs beside moto: `python -m benchmarks.log_events [--quick] [--events N] [--without-peers]`.

PutLogEvents of 1,000 events of 200 bytes that look like a web server's log, signed beforehand, by several connections
over plain HTTP; then FilterLogEvents over all that was put, with a pattern that few events match, one that none does,
and none at all, at several sizes of the log group, to see how it grows.
"""

import argparse
import http.client
import json
import random
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from benchmarks import machine, processes, report, servers
from benchmarks.outcome import status_of
from benchmarks.servers import Server, StartError
from benchmarks.signed import Access

EVENTS_PER_BATCH = 1_000
MESSAGE_BYTES = 200
CONNECTIONS = 4
GROUP = "/benchmark/web"
RARE = "rare-needle"
RARE_EVERY = 100_000
"""One event in so many holds what is looked for."""
HOURS = 20
SETTLE_SECONDS = 0.3


class LogLines:
    """Lines of a web server's log, each of `MESSAGE_BYTES` bytes."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        self._made = 0

    def next(self) -> str:
        """Return the next line."""
        source, self._made = self._random, self._made + 1
        address = f"10.{source.randrange(256)}.{source.randrange(256)}.{source.randrange(256)}"
        word = RARE if self._made % RARE_EVERY == 0 else f"{source.getrandbits(44):011x}"
        line = (
            f'{address} - user{source.randrange(5_000)} "GET /api/v1/items/{source.randrange(100_000)}?page='
            f'{source.randrange(50)} HTTP/1.1" {source.choice((200, 200, 200, 304, 404, 500))} '
            f"{source.randrange(60_000)} {word} agent/{source.randrange(9)}.{source.randrange(30)} trace="
        )
        return line + f"{source.getrandbits(800):0200x}"[: MESSAGE_BYTES - len(line)]


class Client:
    """A connection on which requests signed beforehand are sent."""

    def __init__(self, access: Access) -> None:
        self._access = access
        where = urlsplit(access.endpoint)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=120)
        self._auth = SigV4Auth(Credentials(access.access_key_id, access.secret_access_key), "logs", access.region)

    def signed(self, operation: str, params: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of a request."""
        body = json.dumps(params).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Logs_20140328.{operation}"}
        request = AWSRequest("POST", f"{self._access.endpoint}/", headers, data=body)
        self._auth.add_auth(request)
        return body, dict(request.headers.items())

    def send(self, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """Send a request and return the answer. Raises StartError for a refusal."""
        self._connection.request("POST", "/", body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise StartError(f"{headers['X-Amz-Target']} was answered {response.status}: {content[:200]!r}")
        answer: dict[str, Any] = json.loads(content)
        return answer


@dataclass(frozen=True, slots=True)
class Put:
    """What PutLogEvents took: seconds on the clock, and of the server's CPU."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Events that were acknowledged in a second."""
        return self.events / self.seconds

    @property
    def per_core_second(self) -> float:
        """Events for each second of the server's CPU."""
        return self.events / self.cpu_seconds


def _batches(count: int, lines: LogLines, begin: int, step: float) -> list[list[dict[str, Any]]]:
    made = []
    for number in range(count):
        at = begin + number * step * EVENTS_PER_BATCH
        events = [{"timestamp": int(at + index * step), "message": lines.next()} for index in range(EVENTS_PER_BATCH)]
        made.append(events)
    return made


def _put(server: Server, batches: list[list[dict[str, Any]]]) -> Put:
    """Put batches through several connections at once, each into a stream of its own."""
    shares = [batches[number::CONNECTIONS] for number in range(CONNECTIONS)]
    prepared = []
    for number, share in enumerate(shares):
        client, named = Client(server.access), {"logGroupName": GROUP, "logStreamName": f"s{number}"}
        prepared.append((client, [client.signed("PutLogEvents", {**named, "logEvents": events}) for events in share]))
    failures: list[BaseException] = []

    def work(client: Client, requests: list[tuple[bytes, dict[str, str]]]) -> None:
        try:
            for body, headers in requests:
                client.send(body, headers)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=each) for each in prepared]
    cpu, began = processes.cpu_seconds(server.pid), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    # What is put off until later, such as the audit trail, is counted too.
    time.sleep(SETTLE_SECONDS)
    if failures:
        raise StartError(str(failures[0]))
    return Put(len(batches) * EVENTS_PER_BATCH, seconds, processes.cpu_seconds(server.pid) - cpu)


def _fill(server: Server, lines: LogLines, first: int, events: int, total: int) -> Put:
    """Put events, a few thousand batches at a time, so that their requests fit into memory."""
    step = HOURS * 3_600_000 / total
    begin = int(time.time() * 1000) - HOURS * 3_600_000
    puts = []
    for number in range(first // EVENTS_PER_BATCH, (first + events) // EVENTS_PER_BATCH, 400):
        count = min(400, (first + events) // EVENTS_PER_BATCH - number)
        at = int(begin + number * EVENTS_PER_BATCH * step)
        puts.append(_put(server, _batches(count, lines, at, step)))
    return Put(*(sum(getattr(each, name) for each in puts) for name in ("events", "seconds", "cpu_seconds")))


def _filter(server: Server, pattern: str, pages_max: int = 1_000_000) -> tuple[int, int, float]:
    """Return how many events were found on how many pages, and in how many seconds."""
    client = Client(server.access)
    found = pages = 0
    token: dict[str, str] = {}
    began = time.perf_counter()
    while True:
        params = {"logGroupName": GROUP, "filterPattern": pattern, **token}
        answer = client.send(*client.signed("FilterLogEvents", params))
        found, pages = found + len(answer["events"]), pages + 1
        if "nextToken" not in answer or pages >= pages_max:
            return found, pages, time.perf_counter() - began
        token = {"nextToken": answer["nextToken"]}


def _boto3(access: Access) -> Any:
    return boto3.client(
        "logs",
        endpoint_url=access.endpoint,
        region_name=access.region,
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _prepare(server: Server) -> None:
    client = _boto3(server.access)
    client.create_log_group(logGroupName=GROUP)
    for number in range(CONNECTIONS):
        client.create_log_stream(logGroupName=GROUP, logStreamName=f"s{number}")


def _measure_puts(started: list[Server], batches: int) -> str:
    rows = []
    for server in started:
        _prepare(server)
        lines = LogLines()
        begin = int(time.time() * 1000) - 3_600_000
        _put(server, _batches(8, lines, begin, 1.0))
        put = _put(server, _batches(batches, lines, begin + 10_000, 1.0))
        rows.append(
            [
                server.name,
                f"{put.per_second:,.0f}",
                f"{put.per_core_second:,.0f}",
                f"{put.cpu_seconds / put.events * EVENTS_PER_BATCH * 1e3:,.2f}",
            ]
        )
    headings = ("PutLogEvents, 1,000 events of 200 bytes", "events/s", "events/s of CPU", "CPU ms a batch")
    return report.table(headings, rows)


def _measure_filters(server: Server, sizes: list[int]) -> str:
    client = _boto3(server.access)
    client.delete_log_group(logGroupName=GROUP)
    _prepare(server)
    lines, rows, filled = LogLines(), [], 0
    for size in sizes:
        _fill(server, lines, filled, size - filled, sizes[-1])
        filled = size
        for what, pattern, pages in (
            ("few match", f'"{RARE}"', 1_000_000),
            ("none matches", '"no such words"', 1_000_000),
            ("a regular expression", "%rare-n[aeiou]+dle%", 1_000_000),
            ("no pattern, ten pages", "", 10),
        ):
            found, read, seconds = _filter(server, pattern, pages)
            scanned = size if pattern else found
            rows.append(
                [f"{size:,} events", what, f"{found:,}", f"{read}", f"{seconds:,.2f}", f"{scanned / seconds:,.0f}"]
            )
        print(f"{size:,} events filtered", file=sys.stderr, flush=True)
    return report.table(("FilterLogEvents", "what", "found", "pages", "seconds", "events/s"), rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log_events", description="Measure CloudWatch Logs.")
    parser.add_argument("--quick", action="store_true", help="little of everything: a look, not a figure to quote")
    parser.add_argument("--events", type=int, default=10_000_000, help="how many events the largest log group holds")
    parser.add_argument("--without-peers", action="store_true", help="leave out moto (.venv-bench)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
    cores = processes.choose_cores()
    started = [servers.start_strongroom(directory, cores.server)]
    stack.callback(started[0].stop)
    if not arguments.without_peers:
        started.append(servers.start_moto(directory, cores.server))
        stack.callback(started[1].stop)
    stack.enter_context(processes.pinned_to(cores.load))
    events = min(arguments.events, 300_000) if arguments.quick else arguments.events
    print(machine.describe())
    print(_measure_puts(started, 40 if arguments.quick else 300))
    sizes = [max(EVENTS_PER_BATCH, events // part // EVENTS_PER_BATCH * EVENTS_PER_BATCH) for part in (10, 3, 1)]
    print()
    print(_measure_filters(started[0], sizes))


def main() -> int:
    """Return the exit status (`status_of`)."""
    arguments = _arguments()
    return status_of(partial(_run, arguments), with_peers=not arguments.without_peers)


if __name__ == "__main__":
    sys.exit(main())
