"""Bytes in, bytes out: authenticated encryption, signatures, key agreement, key derivation, MACs, checksums, and more.

The only importer of the `cryptography` library, and of PyCryptodome for the two algorithms that `cryptography` lacks.
It does no I/O but to ask the operating system for randomness, and knows nothing of what the bytes mean.
"""
