"""What a function prints, taken apart into log events.

Amazon's runtime client writes messages of `logging` and errors as frames, which may have several lines; everything else
is text, an event for each line. Both come through one pipe, which is why frames are looked for in text: they begin with
bytes that no UTF-8 text has. Whoever counterfeits one, does it in his own log.

Source: the runtime client's FramedTelemetryLogSink.
"""

from typing import NamedTuple

EVENT_BYTES_MAX = 256 * 1024
"""The longest event; what is longer is told in several."""

_FRAME = b"\xa5\x5a\x00"
_HEADER_BYTES = 16


class Printed(NamedTuple):
    """One event. `microseconds` is when it was written, by the function's clock, None where nothing tells."""

    message: str
    microseconds: int | None = None


class OutputReader:
    """Takes output in pieces of any size, and gives events as soon as they are complete."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[Printed]:
        """Return the events that are complete with this piece."""
        self._rest += data
        events: list[Printed] = []
        while self._rest:
            is_frame = self._rest.startswith(_FRAME)
            taken = _frame(self._rest, events) if is_frame else self._text(events)
            if not taken:
                break
            del self._rest[:taken]
            self._searched = 0
        return events

    def finish(self) -> list[Printed]:
        """Return what is left when there is no more to come."""
        rest, self._rest = bytes(self._rest), bytearray()
        return _pieces(rest, None)

    def _text(self, events: list[Printed]) -> int:
        """Take text from the beginning, as far as its lines are complete or a frame follows; return its length."""
        rest = self._rest
        end = rest.find(_FRAME, max(0, self._searched - len(_FRAME)))
        if end < 0:
            end = rest.rfind(b"\n", self._searched) + 1
        if not end:
            # What was searched once is not searched again, however small the pieces are that it comes in.
            self._searched = len(rest)
            end = EVENT_BYTES_MAX if len(rest) > EVENT_BYTES_MAX else 0
        # A carriage return is part of a line: runtimes that do not write frames have it between the lines of an error.
        *lines, last = bytes(rest[:end]).split(b"\n")
        for line in lines:
            events += _pieces(line + b"\n", None)
        events += _pieces(last, None)
        return end


def _frame(rest: bytearray, events: list[Printed]) -> int:
    """Take a frame from the beginning of `rest`; return its length, 0 as long as it is not complete."""
    if len(rest) < _HEADER_BYTES:
        return 0
    length = int.from_bytes(rest[4:8], "big")
    if length > EVENT_BYTES_MAX:
        # Longer than any event may be: read as text, so that nobody has to keep it.
        events += _pieces(bytes(rest[:_HEADER_BYTES]), None)
        return _HEADER_BYTES
    if len(rest) < _HEADER_BYTES + length:
        return 0
    content = bytes(rest[_HEADER_BYTES : _HEADER_BYTES + length])
    events += _pieces(content, int.from_bytes(rest[8:16], "big"))
    return _HEADER_BYTES + length


def _pieces(content: bytes, microseconds: int | None) -> list[Printed]:
    return [
        Printed(content[begin : begin + EVENT_BYTES_MAX].decode(errors="replace"), microseconds)
        for begin in range(0, len(content), EVENT_BYTES_MAX)
    ]
