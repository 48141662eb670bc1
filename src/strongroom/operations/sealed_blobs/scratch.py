"""Memory that each thread keeps for what it works on, so that a piece of an object costs no allocation."""

import threading

_local = threading.local()


def scratch(purpose: str, size: int) -> memoryview:
    """Return `size` bytes that this thread may use until it asks for the same purpose again. What is in them is old.

    Nothing that is handed to somebody else may point into them.
    """
    held: bytearray | None = getattr(_local, purpose, None)
    if held is None or len(held) < size:
        held = bytearray(size)
        setattr(_local, purpose, held)
    return memoryview(held)[:size]
