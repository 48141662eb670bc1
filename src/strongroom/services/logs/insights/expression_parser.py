"""Expressions read by recursive descent, as deep as DEPTH_MAX allows.

From the weakest: or, and, not, comparisons (with like and in), + and -, * / and %, ^, a sign, then values, fields,
functions and parentheses. Source: CloudWatch Logs User Guide, "Boolean, comparison, numeric, datetime, and other
functions" and "filter".
"""

from collections.abc import Callable
from typing import NamedTuple, cast

from strongroom.services.logs.insights import expressions as node
from strongroom.services.logs.insights.aggregates import AGGREGATES, WITH_CONSTANT
from strongroom.services.logs.insights.errors import QueryError
from strongroom.services.logs.insights.expressions import Expression
from strongroom.services.logs.insights.functions import ARGUMENTS_MAX, FUNCTIONS, PERIOD_FUNCTIONS
from strongroom.services.logs.insights.periods import Period
from strongroom.services.logs.insights.token_reader import TokenReader
from strongroom.services.logs.insights.tokens import Kind, Token
from strongroom.services.logs.insights.values import Value
from strongroom.services.logs.regular_expressions import RegularExpressionError, compile_expression

DEPTH_MAX = 20

_COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")
_CONSTANTS = {"true": True, "false": False}
_NAMES = (Kind.NAME, Kind.QUOTED_NAME)


class Reference(NamedTuple):
    """A field that an expression names, and where."""

    name: str
    start: int
    end: int


class ExpressionParser(TokenReader):
    """Reads expressions. `references` are the fields named so far outside of aggregations, `inner_references` inside.

    `columns` is None while rows are events, else the columns that a stats command left. In a stats command `aggregates`
    gathers its aggregations; elsewhere it is None.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.references: list[Reference] = []
        self.inner_references: list[Reference] = []
        self.aggregates: list[node.Aggregate] | None = None
        self.columns: list[str] | None = None
        self._inside = False

    def expression(self) -> Expression:
        """Read an expression. Raises QueryError."""
        self._deeper()
        conditions = [self._conjunction()]
        while self.took_word("or"):
            conditions.append(self._conjunction())
        self.depth -= 1
        return conditions[0] if len(conditions) == 1 else node.AnyOf(tuple(conditions))

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            token = self.peek()
            raise QueryError(f"the query is nested deeper than {DEPTH_MAX}", token.start, token.end)

    def _conjunction(self) -> Expression:
        conditions = [self._negation()]
        while self.took_word("and"):
            conditions.append(self._negation())
        return conditions[0] if len(conditions) == 1 else node.AllOf(tuple(conditions))

    def _negation(self) -> Expression:
        negated = False
        while self.took_word("not"):
            negated = not negated
        condition = self._comparison()
        return node.Not(condition) if negated else condition

    def _comparison(self) -> Expression:
        left = self._sum()
        negated = self.is_word("not") and self.is_word("like", "in", ahead=1)
        self.at += negated
        condition: Expression
        if self.took_word("like") or self.took_symbol("=~"):
            condition = self._pattern(left)
        elif self.took_word("in"):
            condition = node.IsIn(left, self._list())
        elif self.peek().kind is Kind.SYMBOL and self.peek().text in _COMPARISONS:
            condition = node.Comparison(self.take().text, left, self._sum())
        else:
            return left
        return node.Not(condition) if negated else condition

    def _pattern(self, value: Expression) -> Expression:
        token = self.take_kind(Kind.TEXT, Kind.REGEX)
        if token.kind is Kind.TEXT:
            return node.Contains(value, token.text)
        try:
            return node.Matches(value, compile_expression(token.text))
        except RegularExpressionError as error:
            raise QueryError(f"invalid regular expression: {error}", token.start, token.end) from None

    def _list(self) -> tuple[Value, ...]:
        self.take_symbol("[")
        items = [self._constant()]
        while self.took_symbol(","):
            items.append(self._constant())
        self.take_symbol("]")
        return tuple(items)

    def _constant(self) -> Value:
        negative = self.took_symbol("-")
        token = self.peek()
        if token.kind is Kind.NUMBER:
            number = cast("int | float", self.take().value)
            return -number if negative else number
        if not negative and token.kind is Kind.TEXT:
            return self.take().text
        if not negative and self.is_word(*_CONSTANTS):
            return _CONSTANTS[self.take().text.lower()]
        raise self.unexpected("text or a number")

    def _sum(self) -> Expression:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Expression:
        return self._chain(("*", "/", "%"), self._power)

    def _chain(self, operators: tuple[str, ...], operand: Callable[[], Expression]) -> Expression:
        first = operand()
        rest: list[tuple[str, Expression]] = []
        while self.peek().kind is Kind.SYMBOL and self.peek().text in operators:
            rest.append((self.take().text, operand()))
        return node.Chain(first, tuple(rest)) if rest else first

    def _power(self) -> Expression:
        """`2 ^ 3 ^ 2` is 2 to the power of 9; it counts as nesting."""
        base = self._signed()
        if not self.took_symbol("^"):
            return base
        self._deeper()
        exponent = self._power()
        self.depth -= 1
        return node.Chain(base, (("^", exponent),))

    def _signed(self) -> Expression:
        negative = False
        while self.is_symbol("-") or self.is_symbol("+"):
            negative ^= self.take().text == "-"
        value = self._value()
        return node.Chain(node.Literal(0), (("-", value),)) if negative else value

    def _value(self) -> Expression:
        token = self.peek()
        if token.kind is Kind.NUMBER or token.kind is Kind.TEXT or self.is_word(*_CONSTANTS):
            return node.Literal(self._constant())
        if self.took_symbol("("):
            inner = self.expression()
            self.take_symbol(")")
            return inner
        if token.kind not in _NAMES:
            raise self.unexpected("a field, a value or a function")
        if (column := self._column_named_like_a_call()) is not None:
            return self._field(Token(Kind.NAME, column, token.start, self.tokens[self.at - 1].end))
        self.take()
        if token.kind is Kind.NAME and self.is_symbol("("):
            return self._call(token)
        return self._field(token)

    def _field(self, token: Token) -> Expression:
        self.references.append(Reference(token.text, token.start, token.end))
        return node.Field(token.text)

    def _column_named_like_a_call(self) -> str | None:
        """After `stats`, `count(*)` is the column of that name, except where a stats command counts anew."""
        if not self.columns or not self.is_symbol("(", ahead=1) or (self.aggregates is not None and not self._inside):
            return None
        start = self.peek().start
        for column in self.columns:
            if "(" in column and self.text[start : start + len(column)].lower() == column.lower():
                while self.peek().kind is not Kind.END and self.peek().end <= start + len(column):
                    self.take()
                return column
        return None

    def _call(self, named: Token) -> Expression:
        name = named.text.lower()
        self.take_symbol("(")
        if name in AGGREGATES:
            return self._aggregate(name, named)
        if name == "now":
            self.take_symbol(")")
            return node.Call(name, ())
        if name in PERIOD_FUNCTIONS:
            return self._of_period(name, named)
        function = FUNCTIONS.get(name)
        if function is None:
            raise QueryError(f"unknown or unsupported function: {named.text}", named.start, named.end)
        arguments = self._arguments()
        if not function.least <= len(arguments) <= min(function.most, ARGUMENTS_MAX):
            wanted = f"{function.least}" if function.least == function.most else f"at least {function.least}"
            raise QueryError(f"{named.text} takes {wanted} arguments", named.start, self.tokens[self.at - 1].end)
        return node.Call(name, arguments)

    def _arguments(self) -> tuple[Expression, ...]:
        if self.took_symbol(")"):
            return ()
        arguments = [self.expression()]
        while self.took_symbol(","):
            arguments.append(self.expression())
        self.take_symbol(")")
        return tuple(arguments)

    def _of_period(self, name: str, named: Token) -> Expression:
        if name == "bin":
            argument = self._field(Token(Kind.NAME, "@timestamp", named.start, named.end))
        else:
            argument = self.expression()
            self.take_symbol(",")
        token = self.take_kind(Kind.PERIOD)
        self.take_symbol(")")
        return node.Call(name, (argument,), cast("Period", token.value))

    def _aggregate(self, name: str, named: Token) -> Expression:
        if self.aggregates is None or self._inside:
            where = "inside another aggregation" if self._inside else "outside of stats"
            raise QueryError(f"{named.text} cannot be used {where}", named.start, named.end)
        self._inside, outer, self.references = True, self.references, []
        argument = self._aggregate_argument(name)
        constant = self._percent(named) if name in WITH_CONSTANT else 0.0
        self.take_symbol(")")
        self.inner_references += self.references
        self._inside, self.references = False, outer
        self.aggregates.append(node.Aggregate(name, argument, constant))
        return node.Slot(len(self.aggregates) - 1)

    def _aggregate_argument(self, name: str) -> Expression | None:
        """`count()` and `count(*)` count rows."""
        if name == "count" and (self.is_symbol(")") or (self.is_symbol("*") and self.is_symbol(")", ahead=1))):
            self.took_symbol("*")
            return None
        return self.expression()

    def _percent(self, named: Token) -> float:
        self.take_symbol(",")
        percent = cast("int | float", self.take_kind(Kind.NUMBER).value)
        if not 0 <= percent <= 100:
            raise QueryError(f"{named.text} takes a percentage from 0 to 100", named.start, named.end)
        return float(percent)
