"""The names of blobs: random, so that nothing that a client chooses ever becomes part of a path."""

import os
import re

NAME_BYTES = 16

_NAME = re.compile(r"[0-9a-f]{32}")


def new_name() -> str:
    """Return a name that nothing has: 128 random bits as 32 hexadecimal digits."""
    return os.urandom(NAME_BYTES).hex()


def is_name(text: str) -> bool:
    """Return whether `text` is the name of a blob, be there one or not."""
    return _NAME.fullmatch(text) is not None


def require_name(text: str) -> None:
    """Return when `text` is the name of a blob, or raise ValueError: it is about to become part of a path."""
    if not is_name(text):
        raise ValueError("this is not the name of a blob")
