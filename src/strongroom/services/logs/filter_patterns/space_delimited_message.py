"""A message cut at its spaces; what stands in square brackets or double quotation marks is one field.

Source: CloudWatch Logs User Guide, "Using filter patterns to match terms in space-delimited log events".
"""

import re

_WORD = re.compile(r"\S+")
_SPACE = re.compile(r"\s+")
_CLOSING = {"[": "]", '"': '"'}


def split_fields(message: str, fields_max: int | None = None) -> list[str]:
    """Return the fields of `message`, without their brackets or quotation marks.

    With `fields_max`, the last field takes the rest of the message; it is unwrapped when it is one field only.
    """
    fields: list[str] = []
    unclosed: set[str] = set()  # What was looked for and not found is not looked for again: the time stays linear.
    at = _after_space(message, 0)
    while at < len(message):
        text, end = _field_at(message, at, unclosed)
        following = _after_space(message, end)
        if fields_max is not None and len(fields) + 1 == fields_max and following < len(message):
            fields.append(message[at:].rstrip())
            break
        fields.append(text)
        at = following
    return fields


def _field_at(message: str, at: int, unclosed: set[str]) -> tuple[str, int]:
    """Return the field that begins at `at`, and where it ends."""
    opening = message[at]
    closing = _CLOSING.get(opening)
    if closing is not None and opening not in unclosed:
        end = message.find(closing, at + 1)
        if end >= 0:
            return message[at + 1 : end], end + 1
        unclosed.add(opening)
    word = _WORD.match(message, at)
    end = at if word is None else word.end()
    return message[at:end], end


def _after_space(message: str, at: int) -> int:
    space = _SPACE.match(message, at)
    return at if space is None else space.end()
