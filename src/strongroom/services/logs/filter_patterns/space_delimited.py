"""Space-delimited patterns: `[ip, user, ..., status_code = 4* || status_code = 5*, bytes > 1000]`.

Without an ellipsis the last field takes all that is left of a message, as `[w1 = ERROR, w2]` matches a line that begins
with ERROR, however many words follow. Source: CloudWatch Logs User Guide, "Using filter patterns to match terms in
space-delimited log events".
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from strongroom.services.logs.filter_patterns.errors import PatternError
from strongroom.services.logs.filter_patterns.operands import REGEXES_MAX, read_comparison
from strongroom.services.logs.filter_patterns.pattern import FilterPattern
from strongroom.services.logs.filter_patterns.scanner import Scanner
from strongroom.services.logs.filter_patterns.space_delimited_message import split_fields

DEPTH_MAX = 32
ELLIPSIS = "..."

Satisfied = Callable[[str], bool]


class Field(NamedTuple):
    """A field of the pattern. `name` may be empty; `satisfied` is None without a condition; `literals` are certain."""

    name: str
    satisfied: Satisfied | None = None
    literals: frozenset[str] = frozenset()


class Layout(NamedTuple):
    """The fields before and after the ellipsis; `after` is None without one."""

    before: tuple[Field, ...]
    after: tuple[Field, ...] | None


def compile_space_delimited(text: str) -> FilterPattern:
    """Compile a pattern in brackets. Raises PatternError."""
    reader = _Reader(text)
    layout = reader.pattern()
    literals: set[str] = set()
    for field in (*layout.before, *(layout.after or ())):
        literals |= field.literals
    return FilterPattern(
        matches=lambda message: _fields_if_matching(layout, message) is not None,
        required=sorted(literals),
        extract=lambda message: _extract(layout, message),
        regex_count=reader.regexes,
    )


def _fields_if_matching(layout: Layout, message: str) -> list[str] | None:
    """Return the message's fields when they satisfy the pattern."""
    before, after = layout
    if after is None:
        fields = split_fields(message, len(before))
        if len(fields) != len(before):
            return None
        return fields if _all_satisfied(before, fields) else None
    fields = split_fields(message)
    if len(fields) < len(before) + len(after) or not _all_satisfied(before, fields):
        return None
    return fields if _all_satisfied(after, fields[len(fields) - len(after) :]) else None


def _all_satisfied(wanted: Sequence[Field], fields: Sequence[str]) -> bool:
    return all(field.satisfied is None or field.satisfied(text) for field, text in zip(wanted, fields, strict=False))


def _extract(layout: Layout, message: str) -> dict[str, str] | None:
    fields = _fields_if_matching(layout, message)
    if fields is None:
        return None
    names = [field.name for field in layout.before]
    if layout.after is not None:
        names += [""] * (len(fields) - len(layout.before) - len(layout.after))
        names += [field.name for field in layout.after]
    return {f"${name or position}": text for position, (name, text) in enumerate(zip(names, fields, strict=True), 1)}


class _Reader(Scanner):
    """Recursive descent. `&&` binds more than `||`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.regexes = 0
        self.depth = 0

    def pattern(self) -> Layout:
        self.take("[")
        before: list[Field] = []
        after: list[Field] | None = None
        while True:
            self.skip_space()
            if self.took(ELLIPSIS):
                if after is not None:
                    raise PatternError("Invalid filter pattern: it has more than one ellipsis")
                after = []
            else:
                (before if after is None else after).append(self.field())
            self.skip_space()
            if not self.took(","):
                break
        self.take("]")
        if not self.at_end():
            raise self.unexpected("nothing can follow the closing ']', but something does")
        return Layout(tuple(before), None if after is None else tuple(after))

    def field(self) -> Field:
        if self.peek() in (",", "]"):
            return Field("")
        start = self.at
        while self.took("("):
            self.skip_space()
        name = self.name()
        self.skip_space()
        if self.text[start] != "(" and self.peek() in (",", "]"):
            return Field(name)
        self.at = start
        return self.alternatives(name)

    def name(self) -> str:
        start = self.at
        while not self.at_end() and (self.peek().isalnum() or self.peek() in "_-"):
            self.at += 1
        if self.at == start:
            raise self.unexpected("the name of a field is missing")
        return self.text[start : self.at]

    def alternatives(self, name: str) -> Field:
        fields = [self.conjunction(name)]
        while self.took("||"):
            fields.append(self.conjunction(name))
        if len(fields) == 1:
            return fields[0]
        held = tuple(field.satisfied for field in fields if field.satisfied)
        literals = frozenset.intersection(*(field.literals for field in fields))
        return Field(name, lambda text: any(each(text) for each in held), literals)

    def conjunction(self, name: str) -> Field:
        fields = [self.single(name)]
        while self.took("&&"):
            fields.append(self.single(name))
        if len(fields) == 1:
            return fields[0]
        held = tuple(field.satisfied for field in fields if field.satisfied)
        literals = frozenset().union(*(field.literals for field in fields))
        return Field(name, lambda text: all(each(text) for each in held), literals)

    def single(self, name: str) -> Field:
        self.skip_space()
        if self.took("("):
            self.depth += 1
            if self.depth > DEPTH_MAX:
                raise PatternError(f"Invalid filter pattern: parentheses are nested deeper than {DEPTH_MAX}")
            field = self.alternatives(name)
            self.take(")")
            self.depth -= 1
        else:
            field = self.comparison(name)
        self.skip_space()
        return field

    def comparison(self, name: str) -> Field:
        at = self.at
        other = self.name()
        if other != name:
            self.at = at
            raise self.unexpected(f"a condition on the field {name} compares {name}, but {other} is found")
        self.skip_space()
        comparison = read_comparison(self, text_as_number=True)
        self.regexes += comparison.is_regex
        if self.regexes > REGEXES_MAX:
            raise PatternError(f"Invalid filter pattern: it has more than {REGEXES_MAX} regular expressions")
        literals = frozenset((comparison.literal,)) if comparison.literal else frozenset()
        return Field(name, comparison.with_text, literals)
