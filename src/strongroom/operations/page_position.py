"""Where a page of a listing begins, as text for clients.

Such a text is opaque to clients: a mark of the operation and the position of the page's last item, base64-encoded. It
grants nothing, so it is not authenticated: a forged one shows only what the caller may list anyway.
"""

import base64
import binascii
import hashlib

MARK_BYTES = 6


def _mark(operation: str) -> bytes:
    return hashlib.sha256(operation.encode()).digest()[:MARK_BYTES]


def position_text(operation: str, position: str, altchars: bytes = b"+/") -> str:
    """Return the text for a position in the listing of an operation; `altchars` are base64's last two characters."""
    return base64.b64encode(_mark(operation) + position.encode(), altchars).decode("ascii")


def position_of(operation: str, text: str, altchars: bytes = b"+/") -> str:
    """Return the position that a text stands for. Raises ValueError for one that this operation did not give out."""
    try:
        decoded = base64.b64decode(text.encode("ascii"), altchars, validate=True)
        mark, position = decoded[:MARK_BYTES], decoded[MARK_BYTES:].decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("not a position") from None
    # U+0000 is in no position that was ever given out, and PostgreSQL would not even look for it.
    if mark != _mark(operation) or not position or "\x00" in position:
        raise ValueError("not a position of this operation")
    return position
