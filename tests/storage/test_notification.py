"""What servers tell each other: sizes and nonsense."""

import json

from hypothesis import given
from hypothesis import strategies as st

from strongroom.storage.notification import Notification, decode, encode, payload_bytes_max, payloads_max


@given(st.lists(st.text(max_size=300), min_size=1, max_size=60))
def test_what_is_told_is_heard(names: list[str]) -> None:
    payloads = encode("me", names)
    assert all(len(payload.encode()) <= payload_bytes_max for payload in payloads)
    heard = [decode(payload) for payload in payloads]
    assert [name for each in heard for name in each.names] == names
    assert {each.sender for each in heard} == {"me"}


def test_no_names_are_no_payloads() -> None:
    assert encode("me", []) == []


def test_too_much_to_tell_becomes_everything() -> None:
    assert [decode(each) for each in encode("me", ["x" * payload_bytes_max])] == [Notification("me", ())]
    many = ["x" * 100] * (payloads_max * 80)
    assert [decode(each) for each in encode("me", many)] == [Notification("me", ())]


def test_nonsense_means_everything() -> None:
    for payload in (
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"sender": 1, "names": []}',
        '{"sender": "a", "names": [1]}',
        "[" * 7000,
    ):
        assert decode(payload) == Notification("", ())
    assert decode(json.dumps({"sender": "a", "names": ["b"]})) == Notification("a", ("b",))
