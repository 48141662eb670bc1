"""Pages of listings: their length, and the markers between them. Source: API Reference, the List actions."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.services.lambda_ import errors

PAGE_MAX = 50

Item = TypeVar("Item")


def page_size(call: Call) -> int:
    """Return how many items a page may have: what the request wants, and never more than PAGE_MAX."""
    wanted: int | None = call.params.get("MaxItems")
    return min(wanted or PAGE_MAX, PAGE_MAX)


def position(call: Call) -> str | None:
    """Return where a page begins, None for the first. Raises InvalidParameterValueException for a foreign marker."""
    marker: str | None = call.params.get("Marker")
    if not marker:
        return None
    try:
        return position_of(call.operation.name, marker)
    except ValueError:
        raise errors.invalid_parameter("Invalid marker.") from None


def paged(call: Call, found: Sequence[Item], place: Callable[[Item], str]) -> tuple[Sequence[Item], dict[str, str]]:
    """Return the items of a page, of which one more than its length was looked for, and the member for the next one."""
    most = page_size(call)
    if len(found) <= most:
        return found, {}
    items = found[:most]
    return items, {"NextMarker": position_text(call.operation.name, place(items[-1]))}
