"""The text of a query cut into tokens.

A `/` begins a regular expression where a value cannot be divided: after an operator, and anywhere in `parse`. Source:
CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

import enum
import re
from typing import NamedTuple

from strongroom.services.logs.insights.errors import QueryError
from strongroom.services.logs.insights.periods import Period, period_of
from strongroom.services.logs.numbers import Number, number_of


class Kind(enum.Enum):
    """What a token is."""

    NAME = "a name"
    QUOTED_NAME = "a name in backticks"
    NUMBER = "a number"
    PERIOD = "a period"
    TEXT = "text"
    REGEX = "a regular expression"
    SYMBOL = "a symbol"
    END = "the end of the query"


class Token(NamedTuple):
    """A token: `text` as it is compared (a name without its backticks), its `value` where it has one, its offsets."""

    kind: Kind
    text: str
    start: int
    end: int
    value: Number | Period | None = None


_SPACE = re.compile(r"(?:\s+|#[^\n]*)+")
_NAME = re.compile(r"(?:[@$]|[^\W\d]|`)")
_PLAIN_PART = re.compile(r"(?:[@$]|[^\W\d])[\w@$]*")
_QUOTED_PART = re.compile(r"`([^`]*)`")
_FOLLOWING_PART = re.compile(r"\.([\w@$]+)|\.`([^`]*)`|\[([0-9]+)\]")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w])")
_PERIOD = re.compile(r"([0-9]+)([A-Za-z]+)")
_SYMBOL = re.compile(r"=~|!=|<=|>=|[|,()\[\]=<>+\-*/%^]")
_BEFORE_REGEX = frozenset(("like", "parse"))
NAME_PARTS_MAX = 64


def tokenize(text: str) -> list[Token]:
    """Cut a query into tokens; the last is the END. Raises QueryError."""
    return _Tokenizer(text).tokens()


def unexpected(text: str, token: Token, expected: str = "") -> QueryError:
    """Return the error for a token that cannot stand where it does, in AWS's words, and what could."""
    line = text.count("\n", 0, token.start) + 1
    position = token.start - (text.rfind("\n", 0, token.start) + 1) + 1
    found = text[token.start : token.end] or "end of query"
    hint = f"; expected {expected}" if expected else ""
    return QueryError(
        f"unexpected symbol found {found} at line {line} and position {position}{hint}", token.start, token.end
    )


class _Tokenizer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.in_parse = False
        self.done: list[Token] = []

    def tokens(self) -> list[Token]:
        while True:
            if space := _SPACE.match(self.text, self.at):
                self.at = space.end()
            if self.at >= len(self.text):
                self.done.append(Token(Kind.END, "", self.at, self.at))
                return self.done
            token = self._next()
            self._note(token)
            self.done.append(token)
            self.at = token.end

    def _note(self, token: Token) -> None:
        """Note whether a `parse` command begins: there, a `/` after a name is no division."""
        if not self.done or self.done[-1].text == "|":
            self.in_parse = token.text.lower() == "parse"

    def _next(self) -> Token:
        character = self.text[self.at]
        if character in "\"'":
            return self._quoted(character)
        if _NAME.match(character):
            return self._name()
        if character.isdigit() or (character == "." and self.text[self.at + 1 : self.at + 2].isdigit()):
            return self._number()
        if character == "/" and self._regex_can_begin():
            return self._regex()
        if symbol := _SYMBOL.match(self.text, self.at):
            return Token(Kind.SYMBOL, symbol[0], symbol.start(), symbol.end())
        raise self._error("", self.at + 1)

    def _regex_can_begin(self) -> bool:
        if self.in_parse or not self.done:
            return True
        before = self.done[-1]
        if before.kind is Kind.NAME:
            return before.text.lower() in _BEFORE_REGEX
        return before.kind is Kind.SYMBOL and before.text not in (")", "]")

    def _error(self, expected: str, end: int) -> QueryError:
        return unexpected(self.text, Token(Kind.SYMBOL, "", self.at, min(end, len(self.text))), expected)

    def _quoted(self, quote: str) -> Token:
        """A backslash takes the meaning from the quotation mark and from itself; before others it is a character."""
        parts: list[str] = []
        at = self.at + 1
        while at < len(self.text):
            character = self.text[at]
            if character == quote:
                return Token(Kind.TEXT, "".join(parts), self.at, at + 1)
            if character == "\\" and self.text[at + 1 : at + 2] in (quote, "\\"):
                at += 1
                character = self.text[at]
            parts.append(character)
            at += 1
        raise self._error("a closing quotation mark", len(self.text))

    def _name(self) -> Token:
        if self.text[self.at] == "`":
            first = _QUOTED_PART.match(self.text, self.at)
            if first is None:
                raise self._error("a closing backtick", len(self.text))
            parts, quoted = [first[1]], True
        else:
            first = _PLAIN_PART.match(self.text, self.at)
            assert first is not None  # noqa: S101  # _NAME matched its first character.
            parts, quoted = [first[0]], False
        at = first.end()
        while following := _FOLLOWING_PART.match(self.text, at):
            parts.append(next(part for part in following.groups() if part is not None))
            quoted, at = True, following.end()
        if len(parts) > NAME_PARTS_MAX:
            raise self._error(f"a name of at most {NAME_PARTS_MAX} parts", at)
        return Token(Kind.QUOTED_NAME if quoted else Kind.NAME, ".".join(parts), self.at, at)

    def _number(self) -> Token:
        if found := _NUMBER.match(self.text, self.at):
            number = number_of(found[0])
            if number is None:
                raise self._error("a number", found.end())
            return Token(Kind.NUMBER, found[0], found.start(), found.end(), number)
        written = _PERIOD.match(self.text, self.at)
        period = period_of(int(written[1][:20]), written[2]) if written and written[1].isascii() else None
        if written is None or period is None:
            raise self._error("a number or a period such as 5m", self.at + 1 if written is None else written.end())
        return Token(Kind.PERIOD, written[0], written.start(), written.end(), period)

    def _regex(self) -> Token:
        """It ends at the first `/` that is neither escaped nor in a character class."""
        at, in_class = self.at + 1, False
        while at < len(self.text):
            character = self.text[at]
            if character == "\\":
                at += 1
            elif character == "[":
                in_class = True
            elif character == "]":
                in_class = False
            elif character == "/" and not in_class:
                return Token(Kind.REGEX, self.text[self.at + 1 : at], self.at, at + 1)
            at += 1
        raise self._error("a closing '/'", len(self.text))
