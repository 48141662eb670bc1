"""What a row keeps of a sealed blob, to find it again and to know its size."""

from typing import NamedTuple


class BlobReference(NamedTuple):
    """The name of a blob, its size as it is stored, and that of the object in it, both in bytes. Nothing is secret."""

    name: str
    stored_bytes: int
    plaintext_bytes: int
