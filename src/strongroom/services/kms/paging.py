"""Pages of a listing: limits as KMS has them, and markers that say where the next page begins.

A marker is opaque to clients: the operation's name and the last item of the page, base64url-encoded. It grants nothing,
so it is not authenticated: a forged one shows only what the caller may list anyway.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from strongroom.operations.registry import Answer
from strongroom.services.kms.errors import invalid_marker, validation

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
            text = base64.b64decode(marker.encode("ascii"), altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeError):
            raise invalid_marker() from None
        operation, _, after = text.partition("\n")
        # U+0000 is in no name that was ever listed, and PostgreSQL would not even look for it.
        if operation != self._operation or not after or "\x00" in after:
            raise invalid_marker()
        return after

    def answer(self, member: str, items: Sequence[tuple[str, Item]]) -> Answer:
        """Return the page. `items` are positions and values, up to `limit + 1`: one too many tells that more follow."""
        values = [value for _, value in items[: self.limit]]
        if len(items) <= self.limit:
            return {member: values, "Truncated": False}
        last = items[self.limit - 1][0]
        marker = base64.urlsafe_b64encode(f"{self._operation}\n{last}".encode()).decode("ascii")
        return {member: values, "NextMarker": marker, "Truncated": True}
