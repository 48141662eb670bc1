"""Numbers in the text of log events: what counts as one, in filter patterns and in Logs Insights alike."""

import re

Number = int | float

NUMBER_CHARACTERS_MAX = 64

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")


def number_of(text: str) -> Number | None:
    """Return the number that `text` writes, None for any other text. Infinity and NaN are no numbers."""
    if len(text) > NUMBER_CHARACTERS_MAX or not _NUMBER.match(text):
        return None
    if "." not in text and "e" not in text and "E" not in text:
        return int(text)
    number = float(text)
    return None if number in (float("inf"), float("-inf")) else number
