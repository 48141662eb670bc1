"""Functions of text. Lengths and indexes count Unicode code points.

Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other functions".
"""

import base64
import binascii
import urllib.parse
from collections.abc import Callable

from strongroom.services.logs.insights.values import Value, as_number, as_text

TEXT_CHARACTERS_MAX = 1 << 20
"""Texts that functions make are cut here: replacing a letter by a long text, over and over, must not fill memory."""

_MANY = 100


def _of_texts(make: Callable[..., Value]) -> Callable[..., Value]:
    """Make a function of texts one of values: where one is missing, so is the result."""

    def function(*values: Value) -> Value:
        texts = [as_text(value) for value in values]
        if None in texts:
            return None
        made = make(*texts)
        return made[:TEXT_CHARACTERS_MAX] if isinstance(made, str) else made

    return function


def _is_empty(value: Value) -> Value:
    return not as_text(value)


def _is_blank(value: Value) -> Value:
    return not (as_text(value) or "").strip()


def _concat(*values: Value) -> Value:
    return "".join(as_text(value) or "" for value in values)[:TEXT_CHARACTERS_MAX]


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    text, first, wanted = as_text(value), as_number(start), as_number(length)
    if text is None or first is None:
        return None
    begin = max(0, int(first))
    return text[begin:] if wanted is None else text[begin : begin + max(0, int(wanted))]


def _replace(text: str, old: str, new: str) -> Value:
    if not old:
        return text
    longest = len(text) + text.count(old) * max(0, len(new) - len(old))
    if longest > TEXT_CHARACTERS_MAX:
        kept = TEXT_CHARACTERS_MAX // max(1, len(new))
        return text.replace(old, new, kept)[:TEXT_CHARACTERS_MAX]
    return text.replace(old, new)


def _contains(text: str, wanted: str, ignoring_case: str = "0") -> Value:
    if ignoring_case in ("1", "true"):
        return wanted.lower() in text.lower()
    return wanted in text


def _base64decode(text: str) -> Value:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


STRING_FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "isempty": (_is_empty, 1, 1),
    "isblank": (_is_blank, 1, 1),
    "concat": (_concat, 1, _MANY),
    "ltrim": (_of_texts(str.lstrip), 1, 2),
    "rtrim": (_of_texts(str.rstrip), 1, 2),
    "trim": (_of_texts(str.strip), 1, 2),
    "strlen": (_of_texts(len), 1, 1),
    "toupper": (_of_texts(str.upper), 1, 1),
    "tolower": (_of_texts(str.lower), 1, 1),
    "substr": (_substr, 2, 3),
    "replace": (_of_texts(_replace), 3, 3),
    "strcontains": (_of_texts(_contains), 2, 3),
    "startswith": (_of_texts(lambda text, start: text.startswith(start)), 2, 2),
    "endswith": (_of_texts(lambda text, end: text.endswith(end)), 2, 2),
    "messagesize": (_of_texts(lambda text: len(_bytes(text))), 1, 1),
    "urlencode": (_of_texts(lambda text: urllib.parse.quote(_bytes(text), safe="")), 1, 1),
    "urldecode": (_of_texts(urllib.parse.unquote_plus), 1, 1),
    "base64encode": (_of_texts(lambda text: base64.b64encode(_bytes(text)).decode()), 1, 1),
    "base64decode": (_of_texts(_base64decode), 1, 1),
}
