"""Pages of a listing: limits as Service Quotas has them, and tokens that say where the next page begins.

A token is opaque to clients: a mark of the operation and the position of the page's last item, base64-encoded. It
grants nothing, so it is not authenticated: a forged one shows only what the caller may list anyway.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.servicequotas.errors import invalid_token

ITEMS_PER_PAGE = 100
MARK_BYTES = 6

Item = TypeVar("Item")


class Page:
    """Where a page begins (behind `after`, "" for the first) and how many items it may hold.

    Raises InvalidPaginationTokenException for a token that this operation did not give out.
    """

    __slots__ = ("_mark", "after", "limit")

    def __init__(self, call: Call) -> None:
        self._mark = hashlib.sha256(call.operation.name.encode()).digest()[:MARK_BYTES]
        self.limit: int = call.params.get("MaxResults") or ITEMS_PER_PAGE
        token = call.params.get("NextToken")
        self.after = "" if token is None else self._position(token)

    def _position(self, token: str) -> str:
        try:
            decoded = base64.b64decode(token.encode("ascii"), validate=True)
            mark, after = decoded[:MARK_BYTES], decoded[MARK_BYTES:].decode()
        except (binascii.Error, UnicodeError):
            raise invalid_token() from None
        # U+0000 is in no position that was ever given out, and PostgreSQL would not even look for it.
        if mark != self._mark or not after or "\x00" in after:
            raise invalid_token()
        return after

    def answer(self, member: str, items: Sequence[tuple[str, Item]]) -> Answer:
        """Return the page. `items` are positions and values, up to `limit + 1`: one too many tells that more follow."""
        answer: dict[str, Any] = {member: [value for _, value in items[: self.limit]]}
        if len(items) > self.limit:
            last = items[self.limit - 1][0]
            answer["NextToken"] = base64.b64encode(self._mark + last.encode()).decode("ascii")
        return answer

    def of_sorted(self, member: str, items: Sequence[tuple[str, Item]]) -> Answer:
        """Return the page of a listing that is at hand as a whole, in the order of its positions."""
        return self.answer(member, [(position, item) for position, item in items if position > self.after])
