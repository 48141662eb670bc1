"""Pages of a listing: limits as IAM has them, and markers that say where the next page begins."""

from collections.abc import Sequence
from typing import Any, TypeVar

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer
from strongroom.services.iam.errors import validation

ITEMS_PER_PAGE = 100
ALTCHARS = b"-_"

Item = TypeVar("Item")


class Page:
    """Where a page begins (behind `after`, "" for the first) and how many items it may hold.

    Raises ValidationError for a marker that this operation did not give out.
    """

    __slots__ = ("_operation", "after", "limit")

    def __init__(self, call: Call) -> None:
        self._operation = call.operation.name
        self.limit: int = call.params.get("MaxItems") or ITEMS_PER_PAGE
        marker = call.params.get("Marker")
        self.after = "" if marker is None else self._position(marker)

    def _position(self, marker: str) -> str:
        try:
            return position_of(self._operation, marker, ALTCHARS)
        except ValueError:
            raise _invalid_marker() from None

    @property
    def index(self) -> int:
        """How many items came before, for a listing whose positions are their numbers (`numbered`)."""
        if not self.after:
            return 0
        if not self.after.isascii() or not self.after.isdecimal() or len(self.after) > 9:
            raise _invalid_marker()
        return int(self.after)

    def answer(self, member: str, items: Sequence[tuple[str, Item]]) -> dict[str, Any]:
        """Return the page. `items` are positions and values, up to `limit + 1`: one too many tells that more follow.

        A position has at most 230 bytes, so that the marker fits the 320 characters that the service model allows.
        """
        values = [value for _, value in items[: self.limit]]
        if len(items) <= self.limit:
            return {member: values, "IsTruncated": False}
        marker = position_text(self._operation, items[self.limit - 1][0], ALTCHARS)
        return {member: values, "IsTruncated": True, "Marker": marker}

    def numbered(self, member: str, items: Sequence[Item]) -> Answer:
        """Return the page of a listing that is at hand as a whole; its positions are numbers."""
        first = self.index
        shown = items[first : first + self.limit + 1]
        return self.answer(member, [(str(first + count), item) for count, item in enumerate(shown, 1)])


def _invalid_marker() -> Exception:
    return validation("Invalid Marker.")
