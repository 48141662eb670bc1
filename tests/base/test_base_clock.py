"""The time of the house, and request ids that carry it."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.base.clock import Clock, as_datetime
from strongroom.base.context import new_request_id, time_of_request_id
from strongroom.base.errors import AwsError, access_denied, throttling


def test_only_the_time_of_the_house_moves() -> None:
    clock = Clock()
    clock.advance(timedelta(days=400))
    assert abs(clock.now() - time.time() - 400 * 86_400) < 5
    assert abs(clock.wall() - time.time()) < 5
    assert clock.now_datetime().tzinfo is UTC
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))


def test_seconds_become_a_moment() -> None:
    assert as_datetime(1_700_000_000.25) == datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC)


def test_a_request_id_is_a_uuid_that_carries_its_time() -> None:
    at = 1_700_000_000.123
    ids = {new_request_id(at) for _ in range(1_000)}
    assert len(ids) == 1_000
    for each in list(ids)[:20]:
        parsed = uuid.UUID(each)
        assert (str(parsed), parsed.version, parsed.variant) == (each, 7, uuid.RFC_4122)
        assert time_of_request_id(each) == datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)
    later = new_request_id(at + 1)
    assert max(ids) < later


@pytest.mark.parametrize(
    "text", ["", "x" * 36, "01234567-89ab-4def-8123-456789abcdef", "0193e4a1-zzzz-7000-8000-000000000000"]
)
def test_what_is_no_request_id_of_ours(text: str) -> None:
    assert time_of_request_id(text) is None


def test_errors_say_whose_fault_it_is() -> None:
    assert [each.is_senders_fault for each in (access_denied("no"), throttling(), AwsError("X", status=503))] == [
        True,
        True,
        False,
    ]
    assert str(AwsError("Code")) == "Code"
    assert str(AwsError("Code", "words")) == "Code: words"
