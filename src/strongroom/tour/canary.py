"""The canary: a random word in everything secret that the tour stores, and the search for it in every stored byte."""

import base64
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import re2

PIECE_BYTES = 16
_EXPRESSION_BYTES_MAX = 256 * 1024 * 1024


class Finding(NamedTuple):
    """A place where a secret lies in the clear, and in which form."""

    secret: str
    form: str
    file: str


class Canary:
    """The secrets of one tour. `word` is in all of them but in those that a service has made up by itself."""

    def __init__(self) -> None:
        self.word = f"canary-{secrets.token_hex(12)}"
        self._secrets: dict[str, bytes] = {"the canary": self.word.encode()}

    def secret(self, name: str) -> str:
        """Return a secret to store, with the canary in it."""
        return f"{name}:{self.word}"

    def remember(self, name: str, secret: str | bytes) -> None:
        """Search for this, too: a password that a service has made up, a key. It has sixteen bytes at least."""
        value = secret.encode() if isinstance(secret, str) else secret
        if len(value) < PIECE_BYTES:
            raise ValueError(f"{name} is too short to be told from chance")
        self._secrets[name] = value

    def search(self, files: Iterable[tuple[str, bytes]]) -> tuple[list[Finding], int, int]:
        """Return what was found in the files, how many files there were, and how many bytes.

        A secret is found by its first or last sixteen bytes, as they are, reversed, in hexadecimal or within Base64: a
        database may part a value between two of its pages.
        """
        forms = [(name, *each) for name, secret in tuple(self._secrets.items()) for each in _forms(secret)]
        any_form = _compiled(form for _, form, _ in forms)
        found, count, size = [], 0, 0
        for file, content in files:
            count, size = count + 1, size + len(content)
            if any_form.search(content) is not None:
                found += [Finding(name, called, file) for name, form, called in forms if form in content]
        return found, count, size


def files_below(*directories: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below the directories and its content; what goes while one looks is passed over."""
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            try:
                if path.is_file() and not path.is_symlink():
                    yield str(path), path.read_bytes()
            except FileNotFoundError:
                continue


def _compiled(forms: Iterable[bytes]) -> Any:
    """Return an expression for all forms at once: databases are large, and the forms are many."""
    options = re2.Options()
    options.max_mem = _EXPRESSION_BYTES_MAX
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(b"|".join(map(re2.escape, forms)), options)


def _forms(secret: bytes) -> Iterator[tuple[bytes, str]]:
    for piece in {secret[:PIECE_BYTES], secret[-PIECE_BYTES:]}:
        for turned, called in ((piece, ""), (piece[::-1], "reversed ")):
            yield turned, f"{called}as it is"
            yield turned.hex().encode(), f"{called}in hexadecimal"
            yield turned.hex().upper().encode(), f"{called}in hexadecimal"
            for form in _within_base64(turned):
                yield form, f"{called}in Base64"


def _within_base64(piece: bytes) -> Iterator[bytes]:
    """Yield what a piece looks like within Base64 of something longer, at each of the three alignments."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + piece).rstrip(b"=")
        # The first and the last characters also hold bits of what comes before and after.
        inner = encoded[(0, 2, 3)[before] : len(encoded) - ((before + len(piece)) % 3 > 0)]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
