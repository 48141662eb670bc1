"""Pages of a listing: limits as Service Quotas has them, and tokens that say where the next page begins."""

from collections.abc import Sequence
from typing import Any, TypeVar

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer
from strongroom.services.servicequotas.errors import invalid_token

ITEMS_PER_PAGE = 100

Item = TypeVar("Item")


class Page:
    """Where a page begins (behind `after`, "" for the first) and how many items it may hold.

    Raises InvalidPaginationTokenException for a token that this operation did not give out.
    """

    __slots__ = ("_operation", "after", "limit")

    def __init__(self, call: Call) -> None:
        self._operation = call.operation.name
        self.limit: int = call.params.get("MaxResults") or ITEMS_PER_PAGE
        token = call.params.get("NextToken")
        self.after = "" if token is None else self._position(token)

    def _position(self, token: str) -> str:
        try:
            return position_of(self._operation, token)
        except ValueError:
            raise invalid_token() from None

    def answer(self, member: str, items: Sequence[tuple[str, Item]]) -> Answer:
        """Return the page. `items` are positions and values, up to `limit + 1`: one too many tells that more follow."""
        answer: dict[str, Any] = {member: [value for _, value in items[: self.limit]]}
        if len(items) > self.limit:
            answer["NextToken"] = position_text(self._operation, items[self.limit - 1][0])
        return answer

    def of_sorted(self, member: str, items: Sequence[tuple[str, Item]]) -> Answer:
        """Return the page of a listing that is at hand as a whole, in the order of its positions."""
        return self.answer(member, [(position, item) for position, item in items if position > self.after])
