"""Randomness from the operating system's generator (`getrandom(2)` through `os.urandom`), which never runs dry."""

import os

KEY_BYTES = 32
SALT_BYTES = 16


def random_bytes(count: int) -> bytes:
    """Return `count` unpredictable bytes, fit for keys. Raises ValueError for a negative count."""
    return os.urandom(count)


def new_key() -> bytes:
    """Return a fresh 256-bit symmetric key (32 bytes)."""
    return os.urandom(KEY_BYTES)


def new_salt() -> bytes:
    """Return a fresh 128-bit salt (16 bytes). A salt is public."""
    return os.urandom(SALT_BYTES)
