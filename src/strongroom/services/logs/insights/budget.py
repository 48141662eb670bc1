"""How much a running query may hold: one budget for the rows, groups and values of all its commands."""

from strongroom.services.logs.insights.errors import QueryTooLargeError

UNITS_MAX = 8_000_000
"""A unit is some 64 bytes, so that this is about half a gigabyte."""

_CHARACTERS_IN_A_UNIT = 64


def weight_of(text: str) -> int:
    """Return how many units it takes to hold a text."""
    return 1 + len(text) // _CHARACTERS_IN_A_UNIT


class Budget:
    """What is left of UNITS_MAX."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = UNITS_MAX

    def take(self, units: int = 1) -> None:
        """Take some of it. Raises QueryTooLargeError when so much is not left."""
        if units > self.left:
            raise QueryTooLargeError("the query would hold too much in memory; a narrower one may not", 0, 0)
        self.left -= units

    def give_back(self, units: int) -> None:
        """Give back what is held no longer."""
        self.left += units
