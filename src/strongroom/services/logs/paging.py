"""Pages of a listing, and tokens that say where the next page begins.

Source: Amazon CloudWatch Logs API Reference, the members `nextToken` and `limit` of each action.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.operations.registry import Answer
from strongroom.services.logs import errors

ITEMS_PER_PAGE = 50

Item = TypeVar("Item")


class Page:
    """Where a page begins (behind `after`, None for the first) and how many items it may hold.

    A position is any JSON value. Raises InvalidParameterException for a token that this operation did not give out.
    """

    __slots__ = ("_operation", "after", "limit")

    def __init__(self, call: Call, default: int = ITEMS_PER_PAGE, limit: str = "limit") -> None:
        self._operation = call.operation.name
        self.limit: int = call.params.get(limit) or default
        self.after: Any = None
        token = call.params.get("nextToken")
        if token is not None:
            try:
                self.after = json.loads(position_of(self._operation, token))
            except ValueError:
                raise errors.invalid_token() from None

    def text_after(self) -> str:
        """Return the position as text, empty for the first page. Raises as a token of another kind does."""
        if self.after is None:
            return ""
        if not isinstance(self.after, str) or "\0" in self.after:
            raise errors.invalid_token()
        return self.after

    def number_after(self) -> int:
        """Return the position as a number, 0 for the first page. Raises as a token of another kind does."""
        if self.after is None:
            return 0
        if type(self.after) is not int or not 0 <= self.after < 1 << 63:
            raise errors.invalid_token()
        return self.after

    def token(self, position: Any) -> str:
        """Return the token of the page behind a position."""
        return position_text(self._operation, json.dumps(position))

    def answer(
        self, member: str, rows: Sequence[Item], show: Callable[[Item], Any], position: Callable[[Item], Any]
    ) -> Answer:
        """Return the page. `rows` are up to `limit + 1`: one too many tells that more follow."""
        answer: dict[str, Any] = {member: [show(row) for row in rows[: self.limit]]}
        if len(rows) > self.limit:
            answer["nextToken"] = self.token(position(rows[self.limit - 1]))
        return answer
