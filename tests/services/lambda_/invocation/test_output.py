"""What functions print, taken apart: lines, frames, both of them mixed, and whatever else comes."""

from hypothesis import given
from hypothesis import strategies as st

from strongroom.services.lambda_.invocation.output import EVENT_BYTES_MAX, OutputReader, Printed


def frame(message: bytes, microseconds: int = 1_700_000_000_000_000) -> bytes:
    return b"\xa5\x5a\x00\x03" + len(message).to_bytes(4, "big") + microseconds.to_bytes(8, "big") + message


def read(*pieces: bytes) -> list[Printed]:
    reader = OutputReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.finish()


def messages(*pieces: bytes) -> list[str]:
    return [event.message for event in read(*pieces)]


def test_lines_are_events_and_frames_are_whole() -> None:
    assert messages(b"one\ntwo\n\nlast") == ["one\n", "two\n", "\n", "last"]
    assert messages(b"a\rb\n") == ["a\rb\n"], "runtimes without frames have carriage returns inside of messages"
    found = read(frame(b"several\nlines\n", 5) + b"text\n" + frame(b"next", 6))
    assert found == [Printed("several\nlines\n", 5), Printed("text\n"), Printed("next", 6)]
    assert messages(b"no newline" + frame(b"framed")) == ["no newline", "framed"]


def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    reader = OutputReader()
    assert reader.feed(b"half") == []
    assert [event.message for event in reader.feed(b" a line\nmore")] == ["half a line\n"]
    begun = frame(b"framed")
    assert [event.message for event in reader.feed(begun[:10])] == ["more"]
    assert [event.message for event in reader.feed(begun[10:])] == ["framed"]
    assert reader.finish() == []


@given(st.lists(st.one_of(st.binary(max_size=40), st.binary(max_size=20).map(frame)), max_size=8), st.data())
def test_however_output_is_cut_it_is_the_same(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    joined = "".join(messages(whole))
    assert "".join(messages(*pieces)) == joined


def test_what_is_too_long_is_told_in_parts_and_nothing_is_kept_waiting() -> None:
    long = b"x" * (2 * EVENT_BYTES_MAX + 10)
    assert [len(message) for message in messages(long)] == [EVENT_BYTES_MAX, EVENT_BYTES_MAX, 10]
    counterfeit = b"\xa5\x5a\x00\x03" + (2**31).to_bytes(4, "big") + bytes(8) + b"text\n"
    assert messages(counterfeit)[-1] == "text\n"
    assert messages(b"\xff\xfe\n") == ["\ufffd\ufffd\n"]
