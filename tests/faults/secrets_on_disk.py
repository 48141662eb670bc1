"""What must never be on the disk in clear, and the search for it."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, rsa

PIECE_BYTES = 16


class Found(NamedTuple):
    """Where a secret was found, and in which form."""

    secret: str
    form: str
    file: str


def base64_forms(piece: bytes) -> Iterator[bytes]:
    """Yield what a piece looks like within Base64 of something longer, at each of the three alignments."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + piece)
        # The first and last characters also hold bits of what comes before and after.
        first, last = (0, 2, 3)[before], len(encoded.rstrip(b"=")) - ((before + len(piece)) % 3 > 0)
        inner = encoded[first:last]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def forms(piece: bytes) -> dict[bytes, str]:
    """Return the forms in which a piece of a secret may appear, and what to call them."""
    found = {piece: "raw", piece[::-1]: "reversed", piece.hex().encode(): "hex", piece.hex().upper().encode(): "HEX"}
    found[piece[::-1].hex().encode()] = "reversed hex"
    found |= dict.fromkeys(base64_forms(piece), "base64")
    found |= dict.fromkeys(base64_forms(piece[::-1]), "reversed base64")
    return found


def search(files: dict[str, bytes], secrets: Iterable[tuple[str, bytes]]) -> list[Found]:
    """Return every place in the files at which a secret's first or last sixteen bytes appear in any form.

    Pieces are searched for, not whole secrets, because a database may part a value between two of its pages.
    """
    found = []
    everything = b"\x00\xff\x00".join(files.values())
    for name, secret in secrets:
        assert len(secret) >= PIECE_BYTES, f"{name} is too short to be told from chance"
        for piece in {secret[:PIECE_BYTES], secret[-PIECE_BYTES:]}:
            for form, called in forms(piece).items():
                if form in everything:
                    found += [Found(name, called, file) for file, content in files.items() if form in content]
    return found


def secret_parts(private_key: bytes) -> dict[str, bytes]:
    """Return what is secret of a private key (PKCS #8, DER), by name.

    As a whole it begins as all of its kind do, and may end with its public key. Raises ValueError for what is none.
    """
    key = serialization.load_der_private_key(private_key, None)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        parts = {"the exponent": numbers.d, "a prime": numbers.p, "the other prime": numbers.q}
        return {name: number.to_bytes((number.bit_length() + 7) // 8) for name, number in parts.items()}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"the scalar": key.private_numbers().private_value.to_bytes((key.curve.key_size + 7) // 8)}
    assert isinstance(key, ed25519.Ed25519PrivateKey | mlkem.MLKEM768PrivateKey)
    return {"the seed": key.private_bytes_raw()}


def content_of(directory: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory, by its path."""
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
