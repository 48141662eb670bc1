"""Pages of listings: a hundred items each, and tokens that say where the next page begins."""

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.services.codebuild import errors

ITEMS_PER_PAGE = 100


def position_in(call: Call) -> str | None:
    """Return behind which item a page begins, None for the first page. Raises InvalidInputException."""
    token = call.params.get("nextToken")
    if not token:
        return None
    try:
        return position_of(call.operation.name, token)
    except ValueError:
        raise errors.invalid_token() from None


def next_token(call: Call, position: str) -> dict[str, str]:
    """Return the member of the answer that leads to the next page."""
    return {"nextToken": position_text(call.operation.name, position)}
