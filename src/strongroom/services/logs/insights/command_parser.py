"""A query's commands, read one after another, and the columns that its result has.

Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

from collections.abc import Sequence
from typing import NamedTuple

from strongroom.services.logs.insights.commands import Command, Dedup, Fields, Filter, Limit, Parse, Sort, Stats
from strongroom.services.logs.insights.errors import QueryError
from strongroom.services.logs.insights.expression_parser import ExpressionParser, Reference
from strongroom.services.logs.insights.expressions import Aggregate, Expression, Field
from strongroom.services.logs.insights.glob import compile_glob
from strongroom.services.logs.insights.tokens import Kind, Token
from strongroom.services.logs.regular_expressions import RegularExpressionError, compile_expression

STATS_MAX = 2
ROWS_MAX = 100_000
COMMANDS_MAX = 100
NAMES_MAX = 200
DEFAULT_COLUMNS = ("@timestamp", "@message")
UNSUPPORTED = frozenset(
    ("unmask", "pattern", "diff", "anomaly", "unnest", "expand", "join", "lookup", "filterindex", "source", "tail")
)

Items = list[tuple[str, Expression]]
_NAMES = (Kind.NAME, Kind.QUOTED_NAME)


class ParsedQuery(NamedTuple):
    """The commands in order, and the names of the result's columns."""

    commands: tuple[Command, ...]
    columns: tuple[str, ...]


class CommandParser(ExpressionParser):
    """Reads a query."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.commands: list[Command] = []
        self.shown: list[str] | None = None
        self.parsed: list[str] = []
        self.display: list[str] | None = None

    def query(self) -> ParsedQuery:
        """Read the whole query. Raises QueryError."""
        self._command()
        while self.took_symbol("|"):
            self._command()
        if self.peek().kind is not Kind.END:
            raise self.unexpected()
        shown = self.display
        if shown is None:
            shown = [*(DEFAULT_COLUMNS if self.shown is None else self.shown), *self.parsed]
        return ParsedQuery(tuple(self.commands), tuple(dict.fromkeys(shown)))

    def _command(self) -> None:
        token = self.peek()
        name = token.text.lower() if token.kind is Kind.NAME else ""
        if name in UNSUPPORTED:
            raise QueryError(f"the command {token.text} is not supported", token.start, token.end)
        if name not in _READERS or len(self.commands) >= COMMANDS_MAX:
            raise self.unexpected("a command")
        if any(isinstance(command, Dedup) for command in self.commands) and name not in ("limit", "head"):
            raise self.unexpected("limit, the only command that can follow dedup")
        self.take()
        self.references.clear()
        _READERS[name](self)
        self._check(self.references, self.columns)

    def _check(self, references: Sequence[Reference], columns: Sequence[str] | None) -> None:
        """After `stats` only its columns are there to be named."""
        if columns is None:
            return
        known = set(columns)
        for reference in references:
            if reference.name not in known:
                raise QueryError(
                    f"invalid reference to {reference.name}: stats did not keep it", reference.start, reference.end
                )

    def items(self) -> Items:
        """Read expressions with their aliases, separated by commas; without an alias the text is the name."""
        items = [self._item()]
        while self.took_symbol(","):
            items.append(self._item())
            if len(items) > NAMES_MAX:
                raise self.unexpected(f"at most {NAMES_MAX} expressions")
        return items

    def _item(self) -> tuple[str, Expression]:
        first = self.peek()
        expression = self.expression()
        name = expression.name if isinstance(expression, Field) else self.text_from(first)
        if self.took_word("as"):
            name = self.take_kind(*_NAMES).text
        return name, expression

    def names(self) -> list[Token]:
        """Read names separated by commas."""
        names = [self.take_kind(*_NAMES)]
        while self.took_symbol(","):
            names.append(self.take_kind(*_NAMES))
        return names

    def read_fields(self) -> None:
        """`fields a, abs(b) as c`."""
        names = self._computed(self.items())
        self.shown = [*(self.shown or ()), *names]

    def read_display(self) -> None:
        """`display a, b`: the last one counts."""
        self.display = self._computed(self.items())

    def _computed(self, items: Items) -> list[str]:
        made = tuple((name, each) for name, each in items if not (isinstance(each, Field) and each.name == name))
        self._check(self.references, self.columns)
        if made:
            self.commands.append(Fields(made))
        if self.columns is not None:
            self.columns += [name for name, _ in items]
        return [name for name, _ in items]

    def read_filter(self) -> None:
        """`filter condition`."""
        self.commands.append(Filter(self.expression()))

    def read_limit(self) -> None:
        """`limit 20`; `limit any 20` may stop early on AWS, and is the same here."""
        self.took_word("any")
        token = self.take_kind(Kind.NUMBER)
        rows = token.value
        if not isinstance(rows, int) or not 0 < rows <= ROWS_MAX:
            raise QueryError(f"limit takes a whole number from 1 to {ROWS_MAX}", token.start, token.end)
        self.commands.append(Limit(rows))

    def read_sort(self) -> None:
        """`sort a desc, b`."""
        self.took_word("by")
        keys: list[tuple[Expression, bool]] = []
        while not keys or self.took_symbol(","):
            expression = self.expression()
            descending = self.took_word("desc")
            if not descending:
                self.took_word("asc")
            keys.append((expression, descending))
        if len(keys) > NAMES_MAX:
            raise self.unexpected(f"at most {NAMES_MAX} expressions")
        self.commands.append(Sort(tuple(keys)))

    def read_dedup(self) -> None:
        """`dedup a, b`."""
        values = []
        for name in self.names():
            self.references.append(Reference(name.text, name.start, name.end))
            values.append(Field(name.text))
        self.commands.append(Dedup(tuple(values)))

    def read_parse(self) -> None:
        """`parse field "glob * *" as a, b` or `parse field /regex with (?<named>groups)/`; the field may be missing."""
        value: Expression = Field("@message")
        if self.peek().kind in _NAMES:
            if self.is_word("logfmt", "csv", "xml", "json", ahead=1):
                token = self.peek(1)
                raise QueryError(f"parse in {token.text} mode is not supported", token.start, token.end)
            named = self.take()
            self.references.append(Reference(named.text, named.start, named.end))
            value = Field(named.text)
        token = self.take_kind(Kind.TEXT, Kind.REGEX)
        if self.is_word("multi"):
            raise QueryError("parse in multi mode is not supported", self.peek().start, self.peek().end)
        aliases = [name.text for name in self.names()] if self.took_word("as") else []
        read = self._glob if token.kind is Kind.TEXT else self._regex
        command = read(value, token, aliases)
        self.commands.append(command)
        self.parsed += command.names
        if self.columns is not None:
            self.columns += command.names

    def _glob(self, value: Expression, token: Token, aliases: list[str]) -> Parse:
        pieces = token.text.split("*")
        if len(pieces) < 2 or len(pieces) - 1 != len(aliases):
            raise QueryError(
                f"parse takes a name for each *, but there are {len(aliases)} names for {len(pieces) - 1}",
                token.start,
                self.tokens[self.at - 1].end,
            )
        return Parse(value, compile_glob(pieces), tuple(aliases))

    def _regex(self, value: Expression, token: Token, aliases: list[str]) -> Parse:
        try:
            regex = compile_expression(token.text, captures=True)
        except RegularExpressionError as error:
            raise QueryError(f"invalid regular expression: {error}", token.start, token.end) from None
        names = (*regex.names, *aliases)
        if not names or regex.groups < len(aliases):
            raise QueryError(
                "parse takes a regular expression with named groups, or with a group for each name",
                token.start,
                self.tokens[self.at - 1].end,
            )
        return Parse(value, regex.captured_in, names)

    def read_stats(self) -> None:
        """`stats count(*) as n, sum(a) / n by b, bin(5m)`."""
        self._check_place_of_stats()
        before = self.columns
        self.inner_references.clear()
        aggregates, items, outside = self._aggregated_items()
        by = self.items() if self.took_word("by") else []
        self._check(self.inner_references, before)
        self._check(self.references, before)
        known = [name for name, _ in by]
        for (name, _), references in zip(items, outside, strict=True):
            self._check(references, known)
            known.append(name)
        self.columns, self.references = known, []
        self.commands.append(Stats(aggregates, tuple(items), tuple(by)))
        self.shown, self.parsed, self.display = list(known), [], None

    def _aggregated_items(self) -> tuple[tuple[Aggregate, ...], Items, list[list[Reference]]]:
        """Return the aggregations, the items, and for each item the fields that it names outside of aggregations."""
        self.aggregates = []
        items: Items = []
        outside: list[list[Reference]] = []
        while not items or self.took_symbol(","):
            items.append(self._item())
            outside.append(self.references)
            self.references = []
            if len(items) > NAMES_MAX:
                raise self.unexpected(f"at most {NAMES_MAX} expressions")
        aggregates, self.aggregates = tuple(self.aggregates), None
        return aggregates, items, outside

    def _check_place_of_stats(self) -> None:
        stats = sum(isinstance(command, Stats) for command in self.commands)
        stats_token = self.tokens[self.at - 1]
        if stats >= STATS_MAX:
            raise QueryError(f"a query has at most {STATS_MAX} stats commands", stats_token.start, stats_token.end)
        if stats and any(isinstance(command, Sort | Limit) for command in self.commands):
            raise QueryError(
                "sort and limit cannot come before the second stats command", stats_token.start, stats_token.end
            )


_READERS = {
    "fields": CommandParser.read_fields,
    "display": CommandParser.read_display,
    "filter": CommandParser.read_filter,
    "parse": CommandParser.read_parse,
    "stats": CommandParser.read_stats,
    "sort": CommandParser.read_sort,
    "limit": CommandParser.read_limit,
    "head": CommandParser.read_limit,
    "dedup": CommandParser.read_dedup,
}
