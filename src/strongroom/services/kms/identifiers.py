"""Identifiers of keys."""

import uuid


def new_key_id() -> str:
    """Return a new key id: a random UUID (RFC 9562, version 4)."""
    return str(uuid.uuid4())
