"""What a tour looks like: commands to copy, what they printed, what that proves, and a table in the end."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from strongroom.tour.proof import NotProvedHere, Outcome, Proof, State
from strongroom.tour.row import Row
from strongroom.tour.transcript import Chart, Command, LeftOut, Saying, Transcript

COLUMNS_MAX = 120
_LINES_MAX = 24
_WORD = re.compile(r"\S{120,}")
_LINES_AT_END = 4
_SEEN_CHARACTERS_MAX = 60
_TELLS_NOTHING = ("", "true", "false", "0", "none")
_STYLES: dict[State, str] = {"proved": "green", "failed": "bold red", "not proved here": "yellow"}
_BARS = {"answered": ("█", "#", "green"), "throttled": ("░", ".", "red")}


class Screen:
    """A terminal, or with `is_plain` any text file: no colours, no lines drawn, nothing but ASCII of its own.

    With `pauses` it waits for Enter behind each row; what else is typed there ends the tour.
    """

    def __init__(self, *, is_plain: bool, pauses: bool) -> None:
        self._is_plain = is_plain
        self._pauses = pauses
        self._last: Row | None = None
        self._console = Console(
            no_color=is_plain, highlight=False, soft_wrap=True, emoji=False, force_terminal=False if is_plain else None
        )
        self._width = min(self._console.width, COLUMNS_MAX)

    def begin(self, word: str, rows: Sequence[Row], last: Row, pointing_at: str) -> None:
        """Say what is about to happen, and how another shell can take part. Behind `last` there is no pause."""
        self._last = last
        names = f"{len(rows)} rows" if len(rows) > 1 else rows[0].name
        self._sentence(
            f"A tour of Strongroom, {names}, on a server of its own that is thrown away afterwards. Every call is "
            f"real, and shown as the command that a person would type. All that is secret in it has {word} within. "
            "Who wants to type along, does so in another shell:"
        )
        self._command(Command(pointing_at))

    def show(self, row: Row, transcript: Transcript, outcome: Outcome) -> None:
        """Show a row to its end, as it goes on."""
        self._heading(f"{row.name}  {row.title}")
        for entry in transcript.entries():
            match entry:
                case Saying():
                    self._console.print()
                    self._sentence(entry.text)
                case Command():
                    self._command(entry)
                case Chart():
                    self._chart(entry)
                case Proof():
                    self._proof(entry)
                case LeftOut():
                    self._line("- ", f"left out: {entry.text}", "yellow")
                case NotProvedHere():
                    self._line("- ", f"not proved here: {entry.reason}; {entry.remedy}", "yellow")
        if self._pauses and row is not self._last:
            self._pause()

    def end(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Show how each row ended."""
        self._heading("What was proved")
        if self._is_plain:
            for outcome in outcomes:
                self._console.print(
                    Text(f"{outcome.name:<5} {outcome.state:<15} {outcome.seconds:5.1f} s  {_told(outcome)}")
                )
        else:
            self._console.print(_table(outcomes), soft_wrap=False, width=self._width)
        proved = sum(outcome.state == "proved" for outcome in outcomes)
        proofs = sum(proof.holds for outcome in outcomes for proof in outcome.proofs)
        style = "bold green" if proved == len(outcomes) else "bold red"
        self._console.print(
            Text(f"\n{proved} of {len(outcomes)} rows proved, by {proofs} proofs, in {seconds:.1f} seconds.", style)
        )

    def kept(self, word: str, home: Path) -> None:
        """Say where what was stored is, and how to look for what it must not have in the clear."""
        self._sentence("What was stored is still there, to be looked at:")
        self._command(Command(f"grep -rF {word} {shlex.quote(str(home))}"))

    def _pause(self) -> None:
        self._console.print(Text("\nEnter: go on. q and Enter: stop here.", "dim"), end=" ")
        if sys.stdin.readline().strip():
            raise KeyboardInterrupt

    def _heading(self, text: str) -> None:
        self._console.print()
        if self._is_plain:
            self._console.print(Text(f"== {text} =="))
        else:
            self._console.print(Rule(Text(text, "bold"), align="left"), width=self._width, soft_wrap=False)

    def _sentence(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=False, width=self._width)

    def _command(self, command: Command) -> None:
        first, *more = command.line.split("\n")
        self._console.print(Text.assemble(("$ ", "dim"), (first, "bold cyan")))
        for line in more:
            self._console.print(Text(line, "bold cyan"))
        style = "yellow" if command.is_refused else "dim"
        for line in _shortened(command.printed.strip("\n").split("\n") if command.printed.strip() else []):
            self._console.print(Text(_WORD.sub(lambda word: f"{word[0][:60]}...", line), style))

    def _chart(self, chart: Chart) -> None:
        self._console.print(Text(f"  {chart.title}"))
        width = max((len(label) for label, _ in chart.bars), default=0)
        for label, counts in chart.bars:
            line = Text(f"  {label:>{width}} ")
            for kind, count in counts:
                block, letter, style = _BARS[kind]
                line.append((letter if self._is_plain else block) * -(-count // chart.unit), style)
            line.append("  " + ", ".join(f"{count} {kind}" for kind, count in counts if count), "dim")
            self._console.print(line)

    def _proof(self, proof: Proof) -> None:
        if proof.holds:
            self._line("ok " if self._is_plain else "✓ ", proof.claim, "green", proof.seen)
        else:
            self._line("NOT PROVED " if self._is_plain else "✗ ", proof.claim, "bold red")
            self._console.print(Text(f"    expected: {proof.expected}\n    seen:     {proof.seen}", "red"))

    def _line(self, mark: str, text: str, style: str, seen: str = "") -> None:
        line = Text.assemble((mark, style), (text, style))
        if seen not in _TELLS_NOTHING and len(seen) <= _SEEN_CHARACTERS_MAX and "\n" not in seen:
            line.append(f"  ({seen})", "dim")
        self._console.print(Text.assemble("  ", line))


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _LINES_MAX:
        return lines
    left = len(lines) - _LINES_MAX
    return [*lines[: _LINES_MAX - _LINES_AT_END], f"... {left} more lines ...", *lines[-_LINES_AT_END:]]


def _told(outcome: Outcome) -> str:
    """Return what was proved, and what was not and why, in one line."""
    failed = [
        f"NOT {proof.claim} (expected {proof.expected}, seen {proof.seen})"
        for proof in outcome.proofs
        if not proof.holds
    ]
    parts = failed + [proof.claim for proof in outcome.proofs if proof.holds]
    parts += [f"left out: {text}" for text in outcome.left_out]
    if outcome.not_here is not None:
        parts.insert(0, f"not proved here: {outcome.not_here.reason}; {outcome.not_here.remedy}")
    return f"{outcome.title}: {' '.join('; '.join(parts).split())}"


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(show_lines=False, pad_edge=False, expand=True)
    table.add_column("row", no_wrap=True)
    table.add_column("what was proved")
    table.add_column("", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for outcome in outcomes:
        state = outcome.state
        told = Text(_told(outcome))
        told.stylize("bold", 0, len(outcome.title))
        table.add_row(outcome.name, told, Text(state, _STYLES[state]), f"{outcome.seconds:.1f}")
    return table
