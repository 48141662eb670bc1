"""Fields discovered in JSON messages, by their names: `userIdentity.type`, `items.0.instanceId`.

Only leaves are fields: objects and arrays are flattened into theirs. Source: CloudWatch Logs User Guide, "Supported
logs and discovered fields".
"""

from typing import Any

import msgspec

from strongroom.services.logs.insights.values import Value, settled

_decode = msgspec.json.Decoder().decode
_MISSING = object()


def document_of(message: str) -> dict[str, Any] | None:
    """Return the JSON object that a message is, None for any other message."""
    if not message.startswith("{") and not message[:64].lstrip().startswith("{"):
        return None
    try:
        document = _decode(message)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def field_of(document: dict[str, Any], name: str) -> Value:
    """Return the leaf with this name. A member's own name may have dots in it."""
    value = document.get(name, _MISSING)
    if value is _MISSING:
        if "." not in name:
            return None
        value = _below(document, name.split("."))
    return _leaf(value)


def _leaf(value: Any) -> Value:
    if isinstance(value, str | bool):
        return value
    return settled(value) if isinstance(value, int | float) else None


def _below(value: Any, parts: list[str]) -> Any:
    """Walk down. A member may be named like several parts joined; shorter names are tried first."""
    if not parts:
        return value
    if isinstance(value, list):
        index = parts[0]
        if index.isascii() and index.isdigit() and len(index) < 10 and int(index) < len(value):
            return _below(value[int(index)], parts[1:])
        return None
    if not isinstance(value, dict):
        return None
    for length in range(1, len(parts) + 1):
        member = value.get(".".join(parts[:length]), _MISSING)
        if member is not _MISSING:
            found = _below(member, parts[length:])
            if found is not None:
                return found
    return None
