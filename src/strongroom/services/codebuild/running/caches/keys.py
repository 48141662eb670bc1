"""Cache keys: what in them is a hash of the source's files, which the server finds out itself.

Source: AWS CodeBuild User Guide, "Amazon S3 caching", "codebuild-hash-files".
"""

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path

import re2

from strongroom.services.codebuild.running.globs import Globs
from strongroom.services.codebuild.running.work_files import files_below, open_file

KEY_CHARACTERS_MAX = 512
_TEXT_CHARACTERS_MAX = 8 * KEY_CHARACTERS_MAX
"""A key as it is written, whose calls each have all of the source read."""
_PIECE_BYTES = 1024 * 1024
_CALL = re2.compile(r"\$\(\s*codebuild-hash-files(\s[^()$`;&|<>]*)?\)")


def with_hashes(text: str, sources: Path) -> str:
    """Return a key with each `$(codebuild-hash-files GLOB ...)` in it replaced. Reads files; raises ValueError."""
    if len(text) > _TEXT_CHARACTERS_MAX:
        raise ValueError(f"its key has more than {_TEXT_CHARACTERS_MAX:,} characters")
    replaced: str = _CALL.sub(lambda call: hash_of(sources, shlex.split(call[1] or "")), text)
    return replaced


def hash_of(sources: Path, patterns: Sequence[str]) -> str:
    """Return the SHA-256 of the files below a directory that any of some globs match, in the order of their paths.

    Raises OSError, GlobsRefused.
    """
    wanted = Globs(patterns)
    summed = hashlib.sha256()
    for file in sorted(files_below(sources, "")):
        if wanted.match(file.path):
            with open_file(sources, file.path) as content:
                own = hashlib.sha256()
                while piece := content.read(_PIECE_BYTES):
                    own.update(piece)
            summed.update(own.digest())
    return summed.hexdigest()


def version_of(paths: Sequence[str]) -> str:
    """Return what tells caches of the same key apart that are of different paths."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()[:16]
