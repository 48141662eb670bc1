"""What a rule found, and where."""

import enum
from dataclasses import dataclass

from strongroom.policy_check.source import Node


class Level(enum.Enum):
    """How bad a finding is. The order of the members is that of their weight, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    SUGGESTION = "suggestion"

    @property
    def weight(self) -> int:
        """3 for an error, 2 for a warning, 1 for a suggestion."""
        return 3 - list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document: JSON pointer (RFC 6901; empty for the whole), line and column counted from 1.

    `statement` is the statement's index counted from 0, None when the finding is about the whole document; `sid` is
    its Sid, empty when it has none.
    """

    pointer: str
    line: int
    column: int
    statement: int | None = None
    sid: str = ""

    def __str__(self) -> str:
        if self.statement is None:
            return f"{self.line}:{self.column}"
        return f"{self.line}:{self.column} statement {self.statement + 1}" + (f" ({self.sid})" if self.sid else "")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What a rule yields: the value that is wrong, one sentence about it, and how to mend it."""

    node: Node
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw with its rule, level and place."""

    rule: str
    level: Level
    place: Place
    message: str
    mend: str
