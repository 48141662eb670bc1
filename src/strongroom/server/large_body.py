"""A large body whose length is known: read into rooms of a megabyte, which are handed on as they are.

A parser would have each read copied once more, into memory that is new every time; that costs several times what
reading does.
"""

from strongroom.server.exchange import Exchange

LARGE_ROOM_BYTES = 1024 * 1024
"""As much as a sealed blob's writer takes at a time, so that nothing has to be put together there."""


def length_of(headers: list[tuple[bytes, bytes]]) -> int:
    """Return what a request's Content-Length says, 0 without one. The parser has refused what is not one number."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return 0


class LargeBody:
    """The rest of the body of a request: `left` bytes are still to come. `aside` is where unwanted ones go.

    A room is never used again by us: whoever is given one may keep it.
    """

    __slots__ = ("_aside", "_filled", "_room", "exchange", "left")

    def __init__(self, exchange: Exchange, left: int, aside: memoryview) -> None:
        self.exchange = exchange
        self.left = left
        self._aside = aside
        gathered = b"".join(exchange.take())
        self._filled = len(gathered)
        self._room = self._new_room()
        self._room[: self._filled] = gathered

    def _new_room(self) -> memoryview:
        return memoryview(bytearray(min(max(LARGE_ROOM_BYTES, self._filled), self._filled + self.left)))

    def room(self) -> memoryview:
        """Return where to put what arrives next: never more than there is to come of this body."""
        if self.exchange.response_complete:
            return self._aside[: self.left]
        if self._filled == len(self._room):
            self._filled = 0
            self._room = self._new_room()
        return self._room[self._filled :]

    def take(self, size: int) -> bool:
        """Note that `size` bytes came into the room; hand it over when it is full. Returns whether it was."""
        self.left -= size
        self._filled += size
        if self._filled < len(self._room):
            return False
        self.exchange.add(self._room)
        return True

    def skip(self, size: int) -> None:
        """Note that `size` bytes came which nobody wants."""
        self.left -= size

    def hand_over(self) -> None:
        """Hand on what is in the room, though it is not full."""
        if 0 < self._filled < len(self._room):
            self.exchange.add(self._room[: self._filled])
            self._room = self._room[self._filled :]
            self._filled = 0
