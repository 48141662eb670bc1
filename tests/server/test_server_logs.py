"""Log entries say where something went wrong, and nothing of what it was about."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from strongroom.server.counters import SECONDS_BOUNDS, TALLIES_MAX, RequestCounters
from strongroom.server.endpoint import Endpoint
from strongroom.server.logs import configure_logs, describe, logger
from strongroom.server.sockets import reachable_host


def fail() -> None:
    secret = "hunter2"
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise RuntimeError(f"cannot use {secret}") from error


def caught() -> RuntimeError:
    with pytest.raises(RuntimeError) as info:
        fail()
    return info.value


def test_an_exception_is_told_without_its_words() -> None:
    told = describe(caught())
    assert "builtins.RuntimeError at " in told
    assert " caused by builtins.KeyError at " in told
    assert "test_server_logs.py" in told
    assert "hunter2" not in told


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_before")
def test_entries_are_json_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    logger.debug("too small")
    logger.error("request failed", request_id="1", exc_info=caught())
    logging.getLogger("some.library").error("it broke", exc_info=caught())
    entries = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [entry["event"] for entry in entries] == ["request failed", "it broke"]
    assert all("RuntimeError" in entry["exception"] for entry in entries)
    assert "hunter2" not in json.dumps(entries)


def test_counters_hold_a_bounded_number_of_names() -> None:
    counters = RequestCounters()
    for number in range(TALLIES_MAX + 10):
        counters.count("kms", f"Operation{number}", "", 0.0001)
    assert len(counters.tallies) == TALLIES_MAX + 1
    assert sum(counters.tallies["other", "other", "other"].counts) == 10


def test_durations_are_counted_in_their_bucket() -> None:
    counters = RequestCounters()
    for seconds in (0.00005, 0.0001, 0.00011, 99.0):
        counters.count("kms", "Encrypt", "", seconds)
    tally = counters.tallies["kms", "Encrypt", ""]
    assert (tally.counts[0], tally.counts[1], tally.counts[len(SECONDS_BOUNDS)]) == (2, 1, 1)


def test_a_damaged_endpoint_file_is_no_endpoint(tmp_path: Path) -> None:
    endpoint = Endpoint("https://x:1", "http://x:2", "eu-west-1", "111122223333", "/ca.pem")
    assert Endpoint.read(tmp_path) is None
    endpoint.write(tmp_path)
    assert Endpoint.read(tmp_path) == endpoint
    (tmp_path / "endpoint.json").write_text("{}")
    assert Endpoint.read(tmp_path) is None


@pytest.mark.parametrize(
    ("listened_on", "reached_by"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("box.test", "box.test")],
)
def test_clients_are_told_a_host_they_can_reach(listened_on: str, reached_by: str) -> None:
    assert reachable_host(listened_on) == reached_by
