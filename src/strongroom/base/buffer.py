"""Bytes in memory, whoever owns them."""

Buffer = bytes | bytearray | memoryview
"""What is read without being copied. Whoever is given one that can change does not keep it."""


def as_bytes(content: Buffer) -> memoryview:
    """Return the bytes of a buffer, whatever its items are. Raises TypeError for what is none, like text."""
    return memoryview(content).cast("B")
