"""The functions of the query language, by name; each takes values and returns one.

A missing value (None) makes a result missing unless a function says otherwise. Source: CloudWatch Logs User Guide,
"Boolean, comparison, numeric, datetime, and other functions".
"""

from collections.abc import Callable
from typing import NamedTuple

from strongroom.services.logs.insights.address_functions import ADDRESS_FUNCTIONS
from strongroom.services.logs.insights.general_functions import GENERAL_FUNCTIONS
from strongroom.services.logs.insights.numeric_functions import NUMERIC_FUNCTIONS
from strongroom.services.logs.insights.string_functions import STRING_FUNCTIONS
from strongroom.services.logs.insights.values import Value

ARGUMENTS_MAX = 100


class Function(NamedTuple):
    """A function and how many arguments it takes."""

    call: Callable[..., Value]
    least: int
    most: int


FUNCTIONS: dict[str, Function] = {
    name: Function(*declared)
    for functions in (NUMERIC_FUNCTIONS, STRING_FUNCTIONS, GENERAL_FUNCTIONS, ADDRESS_FUNCTIONS)
    for name, declared in functions.items()
}
PERIOD_FUNCTIONS = frozenset(("bin", "datefloor", "dateceil"))
"""They take a period last; `bin` is `datefloor` of @timestamp."""
