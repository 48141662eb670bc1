"""Servers that share a PostgreSQL database count against the same quotas, exactly."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cli.operators_command import strongroom
from tests.running_server import RunningServer, running_server

SYMMETRIC = "L-6E3AF000"


@pytest.fixture
def two_servers(tmp_path: Path, postgresql_url: str) -> Iterator[list[RunningServer]]:
    options = ("--database", postgresql_url, "--root-key-file", str(tmp_path / "root.key"))
    strict = {"STRONGROOM_REQUEST_QUOTAS": "on"}
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    with (
        running_server(homes[0], options=options, environment=strict) as one,
        running_server(homes[1], options=options, environment=strict) as two,
    ):
        yield [one, two]


def set_quota(server: RunningServer, value: str, database: str) -> None:
    strongroom(server, "quotas", "set", SYMMETRIC, value, "--database", database)


def test_two_processes_let_through_what_one_bucket_holds(two_servers: list[RunningServer], postgresql_url: str) -> None:
    rate, seconds = 30, 3.0
    clients = [server.client("kms") for server in two_servers for _ in range(3)]
    for kms in clients:
        kms.generate_random(NumberOfBytes=8)
    set_quota(two_servers[0], str(rate), postgresql_url)
    time.sleep(1.0)
    counts = {"through": 0, "throttled": 0}
    lock = threading.Lock()
    begin = time.monotonic()

    def hammer(kms: Any) -> None:
        while time.monotonic() < begin + seconds:
            try:
                kms.generate_random(NumberOfBytes=8)
                what = "through"
            except ClientError as error:
                if error.response["Error"]["Code"] != "ThrottlingException":
                    raise
                what = "throttled"
            with lock:
                counts[what] += 1

    crowd = [threading.Thread(target=hammer, args=(kms,)) for kms in clients]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    elapsed = time.monotonic() - begin
    assert counts["through"] <= rate + rate * elapsed + 1
    assert counts["throttled"] > 0
    assert counts["through"] >= 0.9 * (rate + rate * seconds)


def test_what_is_set_through_one_is_in_force_in_both_at_once(
    two_servers: list[RunningServer], postgresql_url: str
) -> None:
    clients = [server.client("kms") for server in two_servers]
    for value, is_refused in (("0", True), ("100000", False), ("0", True)):
        set_quota(two_servers[1], value, postgresql_url)
        for kms in clients:
            try:
                kms.generate_random(NumberOfBytes=8)
                was_refused = False
            except ClientError as error:
                was_refused = error.response["Error"]["Code"] == "ThrottlingException"
            assert was_refused is is_refused
