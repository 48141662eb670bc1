"""JSON that a build wrote, read within bounds."""

from typing import Any

import msgspec

from strongroom.services.codebuild.reports.formats.unreadable import UnreadableReport

BYTES_MAX = 4 * 1024 * 1024
"""Decoding takes from 3 to 30 milliseconds for each MiB, for which nothing else goes on, not even in other threads."""


def read_json(content: bytes) -> Any:
    """Return the value of a document. Raises UnreadableReport."""
    if len(content) > BYTES_MAX:
        raise UnreadableReport(f"more than {BYTES_MAX:,} bytes of JSON")
    try:
        return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise UnreadableReport("the file is no JSON") from None


def members(value: Any) -> dict[str, Any]:
    """Return an object. Raises UnreadableReport for anything else."""
    if not isinstance(value, dict):
        raise UnreadableReport("expected an object")
    return value


def elements(value: Any) -> list[Any]:
    """Return an array, an empty one for null. Raises UnreadableReport for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableReport("expected an array")
    return value


def text(value: Any) -> str:
    """Return text; nothing for what is none."""
    return value if isinstance(value, str) else ""


def whole(value: Any, most: int) -> int:
    """Return a number as a whole one from 0 to `most`; 0 for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, most))
