"""The nodes of a parsed expression. They are data; `evaluation` gives them a meaning."""

from dataclasses import dataclass

from strongroom.services.logs.insights.periods import Period
from strongroom.services.logs.insights.values import Value
from strongroom.services.logs.regular_expressions import RegularExpression


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: Value


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a field of the row."""

    name: str


@dataclass(frozen=True, slots=True)
class Slot:
    """The result of the aggregate at this index of a stats command."""

    index: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Arithmetic of one precedence, from left to right: operators are + and -, or *, / and %, or one ^."""

    first: "Expression"
    rest: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """=, !=, <, <=, > or >=."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Contains:
    """`like "text"`: the value contains a text."""

    value: "Expression"
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """`like /regex/`: a regular expression matches somewhere in the value."""

    value: "Expression"
    regex: RegularExpression


@dataclass(frozen=True, slots=True)
class IsIn:
    """`in [...]`: the value equals one of the constants."""

    value: "Expression"
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: "Expression"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions joined by `and`."""

    conditions: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined by `or`."""

    conditions: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function, by its name in lower case, of values and of a period where it takes one."""

    name: str
    arguments: tuple["Expression", ...]
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregation over the rows of a group: of `argument` (None counts rows), with the constant that some take."""

    name: str
    argument: "Expression | None"
    constant: float = 0.0


Expression = Literal | Field | Slot | Chain | Comparison | Contains | Matches | IsIn | Not | AllOf | AnyOf | Call
