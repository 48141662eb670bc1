"""A row of the tour: one line of what Strongroom is for, and the function that shows and proves it."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from strongroom.base.errors import OperatorError

if TYPE_CHECKING:
    from strongroom.tour.visit import Visit


class Row(NamedTuple):
    """`is_slow`: it begins with the tour, beside the others, because it waits for databases and builds."""

    name: str
    title: str
    show: Callable[["Visit"], None]
    is_slow: bool = False


def chosen(rows: tuple[Row, ...], names: str) -> tuple[Row, ...]:
    """Return the rows that `M7,M10` or `M3-M5` names, in their own order; all if it is empty. Raises OperatorError."""
    if not names.strip():
        return rows
    wanted: set[str] = set()
    for part in names.upper().replace(" ", "").split(","):
        found = re.fullmatch(r"M?([0-9]{1,3})(?:-M?([0-9]{1,3}))?", part)
        if found is None:
            raise OperatorError(f"--rows: {part!r} is no row; M7, M7,M10 and M3-M5 are")
        wanted |= {f"M{number}" for number in range(int(found[1]), int(found[2] or found[1]) + 1)}
    unknown = sorted(wanted - {row.name for row in rows})
    if unknown or not wanted:
        raise OperatorError(f"--rows: there is no row {', '.join(unknown) or names}; there are M1 to M{len(rows)}")
    return tuple(row for row in rows if row.name in wanted)
