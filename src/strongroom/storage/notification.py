"""What servers that share a PostgreSQL database tell each other: the names that a change made stale.

A payload is ASCII JSON, `{"sender": "...", "names": [...]}`. No names means "forget everything".
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

channel = "strongroom_stale"
payload_bytes_max = 7999
"""Source: PostgreSQL manual, NOTIFY: "it must be specified as a simple string literal shorter than 8000 bytes"."""
payloads_max = 16
"""A change that makes more names stale than fit into so many payloads makes the others forget everything."""


class Notification(NamedTuple):
    """Who changed something, and the names that are stale now; none of them means everything."""

    sender: str
    names: tuple[str, ...]


def encode(sender: str, names: Sequence[str]) -> list[str]:
    """Return the payloads that tell of `names`. No names give no payloads."""
    if not names:
        return []
    head, tail = f'{{"sender":{json.dumps(sender)},"names":[', "]}"
    room = payload_bytes_max - len(head) - len(tail)
    payloads: list[str] = []
    chunk: list[str] = []
    used = 0
    for text in map(json.dumps, names):
        if len(text) > room:
            return [head + tail]
        if used + len(text) + 1 > room and chunk:
            payloads.append(head + ",".join(chunk) + tail)
            chunk, used = [], 0
        chunk.append(text)
        used += len(text) + 1
    payloads.append(head + ",".join(chunk) + tail)
    return payloads if len(payloads) <= payloads_max else [head + tail]


def decode(payload: str) -> Notification:
    """Return what a payload says. One that is not ours means "forget everything": forgetting is always safe."""
    try:
        value = json.loads(payload)
        sender, names = value["sender"], value["names"]
        if isinstance(sender, str) and isinstance(names, list) and all(isinstance(name, str) for name in names):
            return Notification(sender, tuple(names))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return Notification("", ())
