"""Bytes in memory, whoever owns them."""

Buffer = bytes | bytearray | memoryview
"""What is read without being copied. Whoever is given one that can change does not keep it."""
