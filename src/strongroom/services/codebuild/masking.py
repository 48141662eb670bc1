"""Secrets out of the output of a build: whatever a command prints, their values show as `***`.

Source: AWS CodeBuild User Guide, "Build specification reference", env/secrets-manager and env/parameter-store.
"""

import base64
from bisect import bisect_right
from collections.abc import Iterable, Iterator

MASK = b"***"
LINE_BYTES_MIN = 4
"""A line of a value with several is masked on its own from this length on: a lone brace is nobody's secret."""

_LINE_ENDS = b"\r\n"


def needles_of(values: Iterable[str]) -> frozenset[bytes]:
    """Return what is looked for, without ends of lines: each value, its longer lines, and both in Base64."""
    found: set[bytes] = set()
    for value in values:
        whole = value.encode()
        lines = {line.strip() for line in whole.splitlines()}
        pieces = {whole, whole.strip()} | {line for line in lines if len(line) >= LINE_BYTES_MIN}
        for piece in pieces - {b""}:
            found.add(_joined(piece))
            for ended in (piece, piece + b"\n"):
                found |= {base64.b64encode(ended), base64.urlsafe_b64encode(ended)}
                found |= {base64.b64encode(ended).rstrip(b"="), base64.urlsafe_b64encode(ended).rstrip(b"=")}
    return frozenset(found - {b""})


def _joined(text: bytes) -> bytes:
    return text.translate(None, _LINE_ENDS)


class Masker:
    """Takes the output of a build in pieces, and gives it back with each value masked, however the pieces fall.

    Ends of lines within a value do not hide it. What may be the beginning of a value is held back until more comes.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._needles = needles_of(values)
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Return what can be shown of the output so far."""
        return self._shown(self._held + piece, is_over=False)

    def close(self) -> bytes:
        """Return what was held back: nothing more comes."""
        return self._shown(self._held, is_over=True)

    def _shown(self, output: bytes, *, is_over: bool) -> bytes:
        if not self._needles or not output:
            self._held = b""
            return output
        text = _JoinedText(output)
        spans = _merged(sorted(self._found(text.joined)))
        until = len(output) if is_over else text.place_of(self._held_from(text.joined, spans))
        shown, at = [], 0
        for start, end in spans:
            first, last = text.place_of(start), text.place_of(end - 1) + 1
            if last > until:
                until = min(until, first)
                break
            shown += [output[at:first], MASK]
            at = last
        shown.append(output[at:until] if until > at else b"")
        self._held = output[max(at, until) :]
        return b"".join(shown)

    def _found(self, joined: bytes) -> Iterator[tuple[int, int]]:
        for needle in self._needles:
            at = joined.find(needle)
            while at >= 0:
                yield at, at + len(needle)
                at = joined.find(needle, at + 1)

    def _held_from(self, joined: bytes, spans: list[tuple[int, int]]) -> int:
        """Return from where on `joined` may be the beginning of a value whose rest has not come yet."""
        earliest = len(joined)
        for needle in self._needles:
            at = joined.find(needle[:1], max(0, len(joined) - len(needle) + 1))
            while 0 <= at < earliest:
                if needle.startswith(joined[at:]):
                    earliest = at
                    break
                at = joined.find(needle[:1], at + 1)
        for start, end in spans:
            if start < earliest < end:
                earliest = start
        return earliest


class _JoinedText:
    """Output without its ends of lines, and where each byte of that stood."""

    def __init__(self, output: bytes) -> None:
        self.joined = _joined(output)
        self._length = len(output)
        self._joined_starts: list[int] = []
        self._output_starts: list[int] = []
        joined_at = output_at = 0
        for line in output.replace(b"\r", b"\n").split(b"\n"):
            if line:
                self._joined_starts.append(joined_at)
                self._output_starts.append(output_at)
            joined_at += len(line)
            output_at += len(line) + 1

    def place_of(self, at: int) -> int:
        """Return where a byte of the joined text stands in the output, or the output's end for its end."""
        if at >= len(self.joined):
            return self._length
        line = bisect_right(self._joined_starts, at) - 1
        return self._output_starts[line] + at - self._joined_starts[line]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
