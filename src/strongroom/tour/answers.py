"""An answer as the aws CLI prints it, and shortened to what a person reads."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jmespath
from botocore.response import StreamingBody

CHARACTERS_MAX = 160
ENTRIES_MAX = 6
LINE_CHARACTERS_MAX = 100


def as_printed(answer: Mapping[str, Any], query: str = "") -> Any:
    """Return an answer as plain JSON values: bytes as Base64, times in ISO 8601, what was streamed left out."""
    told = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    values = {name: _plain(value) for name, value in told.items() if not isinstance(value, StreamingBody)}
    return jmespath.search(query, values) if query else values


def shown(value: Any) -> str:
    """Return JSON values as text, on one line if it fits, with long texts and lists cut in their midst."""
    if value in (None, {}, ""):
        return ""
    if isinstance(value, str):
        return _shortened(value)
    cut = _cut(value)
    line = json.dumps(cut, ensure_ascii=False)
    return line if len(line) <= LINE_CHARACTERS_MAX else json.dumps(cut, ensure_ascii=False, indent=4)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return _shortened(value)
    if isinstance(value, Mapping):
        return {name: _cut(each) for name, each in value.items()}
    if isinstance(value, list):
        kept = [_cut(each) for each in value[:ENTRIES_MAX]]
        return kept if len(value) <= ENTRIES_MAX else [*kept, f"... and {len(value) - ENTRIES_MAX:,} more"]
    return value


def _shortened(text: str) -> str:
    if len(text) <= CHARACTERS_MAX or "\n" in text or " " in text:
        return text
    return f"{text[: CHARACTERS_MAX // 2]}...{text[-8:]} ({len(text):,} characters)"
