"""Pages of a listing: limits as KMS has them, and markers that say where the next page begins."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer
from strongroom.services.kms.errors import invalid_marker, validation

ALTCHARS = b"-_"

Item = TypeVar("Item")


class Page:
    """Where a page begins (behind `after`, "" for the first) and how many items it may hold."""

    __slots__ = ("_operation", "after", "limit")

    def __init__(self, operation: str, params: Mapping[str, Any], default: int, most: int = 1000) -> None:
        self._operation = operation
        self.limit: int = params.get("Limit") or default
        if self.limit > most:
            raise validation(
                f"1 validation error detected: Value '{self.limit}' at 'limit' failed to satisfy constraint: "
                f"Member must have value less than or equal to {most}"
            )
        marker = params.get("Marker")
        self.after = "" if marker is None else self._position(marker)

    def _position(self, marker: str) -> str:
        try:
            return position_of(self._operation, marker, ALTCHARS)
        except ValueError:
            raise invalid_marker() from None

    def answer(self, member: str, items: Sequence[tuple[str, Item]]) -> Answer:
        """Return the page. `items` are positions and values, up to `limit + 1`: one too many tells that more follow."""
        values = [value for _, value in items[: self.limit]]
        if len(items) <= self.limit:
            return {member: values, "Truncated": False}
        marker = position_text(self._operation, items[self.limit - 1][0], ALTCHARS)
        return {member: values, "NextMarker": marker, "Truncated": True}
