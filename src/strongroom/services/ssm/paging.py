"""Pages of a listing: tokens that say where the next page begins."""

from strongroom.operations.call import Call
from strongroom.operations.page_position import position_of, position_text
from strongroom.services.ssm.errors import invalid_next_token

ROWS_PER_READ = 50
ROWS_PER_PAGE_MAX = 500
"""How many rows are looked at for one page, whatever is found: a page may hold fewer than were asked for, and still
have others behind it. Source: API Reference, DescribeParameters ("on a best-effort basis")."""


def page_begins_after(call: Call) -> str:
    """Return the position that a request's NextToken stands for, "" without one. Raises InvalidNextToken."""
    token = call.params.get("NextToken")
    if not token:
        return ""
    try:
        return position_of(call.operation.name, token)
    except ValueError:
        raise invalid_next_token() from None


def next_token(call: Call, position: str) -> str:
    """Return the token for a page that begins behind a position."""
    return position_text(call.operation.name, position)
