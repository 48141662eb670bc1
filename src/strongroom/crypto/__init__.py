"""Bytes in, bytes out: authenticated encryption, key derivation, MACs, passphrases, certificates, randomness.

The only importer of the `cryptography` library. It does no I/O but to ask the operating system for randomness, and
knows nothing of what the bytes mean.
"""
