"""Globs that a build specification picks files with: `*` within one directory, `**` through any number of them.

What they cost is bounded whatever they are, and whatever the names of the files: RE2 takes time that grows with the
lengths of globs and path and no faster, and does not keep other threads from their work meanwhile.

Source: AWS CodeBuild User Guide, "Build specification reference", artifacts/files.
"""

import time
from collections.abc import Iterable
from pathlib import PurePosixPath

import re2

_MEMORY_BYTES_MAX = 2 * 1024 * 1024
"""For all globs of one list: some 40,000 characters."""
_SECONDS_MAX = 60.0
"""Of the thread's own time, for all paths: such globs can take a second for a path of 4,096 characters."""


class GlobsRefused(ValueError):  # noqa: N818 (it says what happened)
    """Globs are longer, or take longer, than is waited for. The text says which."""


class Globs:
    """Matches the paths that any of some globs mean. Raises GlobsRefused."""

    def __init__(self, patterns: Iterable[str]) -> None:
        options = re2.Options()
        options.max_mem = _MEMORY_BYTES_MAX
        options.dot_nl = True
        options.log_errors = False
        expressions = [_expression(pattern) for pattern in patterns]
        try:
            # Without any it matches nothing, which RE2 has an expression for.
            self._any = re2.compile(_encoded("|".join(expressions) or r"[^\x00-\x{10ffff}]"), options)
        except re2.error:
            raise GlobsRefused("the patterns of files are too long") from None
        self._seconds = 0.0

    def match(self, path: str) -> bool:
        """Return whether a path is meant. Raises GlobsRefused."""
        began = time.thread_time()
        found = self._any.fullmatch(_encoded(path)) is not None
        self._seconds += time.thread_time() - began
        if self._seconds > _SECONDS_MAX:
            raise GlobsRefused("the patterns of files take too long to look for")
        return found


def _encoded(text: str) -> bytes:
    # Names of files that are no UTF-8 have surrogates in them, which RE2 takes for characters like others.
    return text.encode(errors="surrogatepass")


def _expression(pattern: str) -> str:
    found = []
    at = 0
    pattern = str(PurePosixPath(pattern)).removeprefix("/")
    while at < len(pattern):
        if pattern.startswith("**/", at):
            expression, length = "(?:[^/]+/)*", 3
        elif pattern.startswith("**", at):
            expression, length = ".*", 2
        elif pattern[at] == "*":
            expression, length = "[^/]*", 1
        elif pattern[at] == "?":
            expression, length = "[^/]", 1
        else:
            expression, length = _literal(pattern[at]), 1
        found.append(expression)
        at += length
    return "".join(found)


def _literal(character: str) -> str:
    return rf"\x{{{ord(character):x}}}" if character.isascii() and not character.isalnum() else character
