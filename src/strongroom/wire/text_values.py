"""Plain values as text and back: in forms, XML, headers, query strings and paths they are all written alike.

Source: Smithy specification, "Protocol traits"; the texts of the errors are those that AWS answers.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from strongroom.model.shapes import Shape
from strongroom.wire.blobs import from_base64, to_base64
from strongroom.wire.timestamps import from_epoch, from_http_date, from_iso_8601, to_epoch, to_http_date, to_iso_8601

_NUMBER = re.compile(r"[+-]?\d{1,400}(?:\.\d{0,400})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NOT_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Parse = Callable[[str], Any]
Text = Callable[[Any], str]


# Reading.


def parser_of(shape: Shape, timestamp_format: str) -> Parse:
    """Return a function from text to the plain value of a scalar `shape`. It raises ValueError, in AWS's words.

    `timestamp_format` is how times are written (`iso8601`, `rfc822`, `unixTimestamp`).
    """
    return _timestamp_parser(timestamp_format) if shape.type == "timestamp" else _PARSERS[shape.type]


def _parse_string(text: str) -> str:
    return text


def _parse_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in {"true", "false"}:
        raise ValueError("STRING_VALUE can not be converted to Boolean")
    return lowered == "true"


def _integer_parser(bits: int, wanted: str) -> Parse:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def parse_integer(text: str) -> int:
        if _INTEGER.fullmatch(text):
            number = int(text)
            if low <= number <= high:
                return number
        raise ValueError(f"STRING_VALUE can not be converted to {wanted}")

    return parse_integer


def _parse_float(text: str) -> float:
    if text in _NOT_NUMBERS:
        return _NOT_NUMBERS[text]
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise ValueError("STRING_VALUE can not be converted to a Double")
    return number


def _parse_blob(text: str) -> bytes:
    try:
        return from_base64(text)
    except ValueError:
        raise ValueError("STRING_VALUE can not be converted to a Blob: it is not Base64") from None


def _timestamp_parser(timestamp_format: str) -> Parse:
    def parse_timestamp(text: str) -> datetime:
        try:
            if timestamp_format == "rfc822":
                return from_http_date(text)
            if timestamp_format == "unixTimestamp" or _NUMBER.fullmatch(text):
                return from_epoch(_parse_float(text))
            return from_iso_8601(text)
        except ValueError:
            raise ValueError("STRING_VALUE can not be converted to a Timestamp") from None

    return parse_timestamp


_PARSERS: Mapping[str, Parse] = {
    "string": _parse_string,
    "character": _parse_string,
    "boolean": _parse_boolean,
    "integer": _integer_parser(32, "an Integer"),
    "long": _integer_parser(64, "a Long"),
    "float": _parse_float,
    "double": _parse_float,
    "blob": _parse_blob,
}


# Writing.


def text_of(shape: Shape, timestamp_texts: Mapping[str, Text], timestamp_format: str) -> Text:
    """Return a function from the plain value of a scalar `shape` to text, which nothing is escaped in yet."""
    return timestamp_texts[timestamp_format] if shape.type == "timestamp" else _TEXTS[shape.type]


def _boolean_text(value: Any) -> str:
    return "true" if value else "false"


def _float_text(value: Any) -> str:
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _integer_text(value: Any) -> str:
    return str(int(value))


def _string_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text was expected")
    return value


_TEXTS: Mapping[str, Text] = {
    "string": _string_text,
    "character": _string_text,
    "boolean": _boolean_text,
    "integer": _integer_text,
    "long": _integer_text,
    "float": _float_text,
    "double": _float_text,
    "blob": to_base64,
}


def _epoch_text(moment: datetime) -> str:
    return str(to_epoch(moment))


def _in_whole_seconds(moment: datetime) -> str:
    return to_iso_8601(moment.replace(microsecond=0))


def _in_milliseconds(moment: datetime) -> str:
    text = to_iso_8601(moment)
    return text if "." in text else f"{text[:-1]}.000Z"


IN_WHOLE_SECONDS: Mapping[str, Text] = {
    "unixTimestamp": _epoch_text,
    "iso8601": _in_whole_seconds,
    "rfc822": to_http_date,
}
"""How the services that speak the query protocol (IAM, STS) write times."""

IN_MILLISECONDS: Mapping[str, Text] = {
    "unixTimestamp": _epoch_text,
    "iso8601": _in_milliseconds,
    "rfc822": to_http_date,
}
"""How S3 and EC2 write times: with milliseconds, be they zero."""
