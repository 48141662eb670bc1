"""Identifiers of keys."""

import uuid


def new_key_id() -> str:
    """Return a new key id: a random UUID (RFC 9562, version 4)."""
    return str(uuid.uuid4())


def new_multi_region_key_id() -> str:
    """Return a random key id of a multi-Region key: `mrk-` and 32 hexadecimal digits, the same in every Region."""
    return f"mrk-{uuid.uuid4().hex}"
