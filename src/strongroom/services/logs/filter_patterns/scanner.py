"""A cursor over the text of a filter pattern, with the pieces that all kinds of patterns share."""

from typing import NamedTuple

from strongroom.services.logs.filter_patterns.errors import PatternError


class Quoted(NamedTuple):
    """A text in double quotation marks: `text` whole; `pieces`, what stands between its `*` (escaped ones aside)."""

    text: str
    pieces: tuple[str, ...]


class Scanner:
    """A cursor at position `at` of `text`."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def at_end(self) -> bool:
        """Tell whether all is read."""
        return self.at >= len(self.text)

    def peek(self, length: int = 1) -> str:
        """Return the next characters without reading them; fewer at the end."""
        return self.text[self.at : self.at + length]

    def skip_space(self) -> None:
        """Read over white space."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def took(self, wanted: str) -> bool:
        """Read `wanted` if it is next, and tell whether it was."""
        if not self.text.startswith(wanted, self.at):
            return False
        self.at += len(wanted)
        return True

    def take(self, wanted: str) -> None:
        """Read `wanted`. Raises PatternError when something else is next."""
        if not self.took(wanted):
            raise self.unexpected(f"'{wanted}' is missing")

    def unexpected(self, reason: str) -> PatternError:
        """Return the error to raise for what is next."""
        return PatternError(f"Invalid filter pattern: {reason} at position {self.at}")

    def quoted(self) -> Quoted:
        """Read a text in double quotation marks; a backslash takes the meaning from `"`, `*` and itself."""
        start = self.at
        self.take('"')
        text: list[str] = []
        pieces: list[list[str]] = [[]]
        while not self.at_end():
            character = self.text[self.at]
            self.at += 1
            if character == '"':
                return Quoted("".join(text), tuple("".join(piece) for piece in pieces))
            if character == "\\" and self.peek() in ('"', "\\", "*"):
                character = self.peek()
                self.at += 1
            elif character == "*":
                text.append(character)
                pieces.append([])
                continue
            text.append(character)
            pieces[-1].append(character)
        self.at = start
        raise self.unexpected("a quotation mark is not closed")

    def regex(self) -> str:
        """Read a regular expression between two `%` and return it."""
        start = self.at
        self.take("%")
        end = self.text.find("%", self.at)
        if end < 0:
            self.at = start
            raise self.unexpected("a regular expression is not closed with '%'")
        expression = self.text[self.at : end]
        self.at = end + 1
        return expression
